"""What is known of one request while it is on its way, and the audit events made of that.

The pipeline fills a Trail in; `event` turns it into an Event of audit.k8s.io/v1 later, in the writer's thread, since
bodies are decoded for it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from minik.api.codec import yaml_codec
from minik.api.request import Request, Response
from minik.api.schema import decode
from minik.api.scheme import Scheme
from minik.api.status import StatusError
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Decision
from minik.server.apiserver.audit.policy import NOTHING, Level, Policy, Verdict
from minik.server.apiserver.request_info import RequestInfo

RECEIVED, STARTED, COMPLETE, PANIC = "RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"
_LONGEST_AGENT = 1024  # characters
_WITH_BODIES = ("create", "update", "patch", "delete", "deletecollection")
_SHOWS_CONTENT = "patch.webhook.admission.k8s.io/"  # annotations for levels that show what was sent


class Trail:
    """One request. `record(trail, stage)` is called for every stage the policy wants."""

    __slots__ = (
        "_policy",
        "_record",
        "annotations",
        "body",
        "code",
        "constraint",
        "content_type",
        "info",
        "obj",
        "received",
        "request",
        "response_body",
        "status",
        "user",
        "verdict",
        "wanted_user",
    )

    def __init__(self, request: Request, policy: Policy, record: Any) -> None:
        self.request = request
        self._policy = policy
        self._record = record
        self.received = datetime.now(UTC)
        self.verdict: Verdict = NOTHING
        self.info: RequestInfo | None = None
        self.user: UserInfo | None = None
        self.wanted_user: UserInfo | None = None
        self.constraint = ""
        self.annotations: dict[str, str] = {}
        self.body = b""
        self.code = 0
        self.status: Obj | None = None
        self.content_type = ""
        self.response_body: bytes = b""
        self.obj: Obj | None = None  # the response of a request of this process, or its items

    def authenticated(self, user: UserInfo | None, info: RequestInfo) -> None:
        """Who sent it is known (None: nobody), so the policy can decide."""
        self.user, self.info = user, info
        self.verdict = self._policy.verdict(info, user)
        if self.verdict.level >= Level.METADATA and info.verb in _WITH_BODIES:
            request = self.request
            self.body = request.body or (orjson.dumps(request.obj) if request.obj is not None else b"")
        if user is not None:
            self.stage(RECEIVED)

    def impersonated(self, user: UserInfo, constraint: str) -> None:
        """`constraint`: the verb of the constrained mode that allowed it, "" for the plain one."""
        self.wanted_user, self.constraint = user, constraint

    def decided(self, decision: Decision) -> None:
        self.annotations["authorization.k8s.io/decision"] = "allow" if decision.allowed else "forbid"
        self.annotations["authorization.k8s.io/reason"] = decision.reason

    def failed(self, error: StatusError) -> None:
        self.code, self.status = error.code, error.status()
        self.stage(COMPLETE)

    def answered(self, response: Response) -> None:
        """The answer is known. Streams are completed by `completed`."""
        self.code = response.status
        if self.user is None:  # of those nobody knows, upstream records this one stage
            self.status = {"metadata": {}, "status": "", "message": attempted(self.request)}
            self.stage(STARTED)
            return
        self.content_type = response.content_type
        deleted = self.info is not None and self.info.verb in ("delete", "deletecollection")
        if self.verdict.level is Level.REQUEST_RESPONSE or response.status >= 400 or deleted:
            self.response_body, self.obj = response.body, response.obj
        if response.stream is None and response.upgrade is None and response.events is None:
            self.stage(COMPLETE)
        else:
            self.stage(STARTED)

    def completed(self) -> None:
        self.stage(COMPLETE)

    def stage(self, stage: str) -> None:
        if self.verdict.level is not Level.NONE and stage not in self.verdict.omit_stages:
            self._record(self, stage, datetime.now(UTC))


def event(trail: Trail, stage: str, at: datetime, scheme: Scheme) -> Obj:
    """The audit event of one stage, key order as upstream writes it."""
    request, info, verdict = trail.request, trail.info, trail.verdict
    assert info is not None, "only what was authenticated is recorded"
    out: Obj = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": verdict.level.text,
        "auditID": request.audit_id,
        "stage": stage,
        "requestURI": _uri(request),
        "verb": info.verb,
        "user": _user(trail.user),
    }
    if trail.wanted_user is not None:
        out["impersonatedUser"] = _user(trail.wanted_user)
    if trail.constraint:
        out["authenticationMetadata"] = {"impersonationConstraint": trail.constraint}
    out["sourceIPs"] = _addresses(request)
    if agent := request.headers.get("user-agent"):
        out["userAgent"] = agent if len(agent) <= _LONGEST_AGENT else f"{agent[:_LONGEST_AGENT]}...TRUNCATED"
    sent = _sent(trail, scheme) if trail.body else None
    if info.is_resource:
        out["objectRef"] = _reference(info, sent)
    if stage != RECEIVED and trail.code:
        out["responseStatus"] = _status(trail)
    if verdict.level >= Level.REQUEST and sent is not None:
        out["requestObject"] = _trimmed(sent, verdict)
    if stage == COMPLETE and verdict.level is Level.REQUEST_RESPONSE:
        answer = trail.obj if trail.obj is not None else _parsed(trail.response_body, trail.content_type)
        if isinstance(answer, dict):
            out["responseObject"] = _trimmed(answer, verdict)
    out["requestReceivedTimestamp"] = _micro(trail.received)
    out["stageTimestamp"] = _micro(trail.received if stage == RECEIVED else at)
    annotations = {
        key: text
        for key, text in trail.annotations.items()
        if verdict.level >= Level.REQUEST or not key.startswith(_SHOWS_CONTENT)
    }
    if stage != RECEIVED and annotations:
        out["annotations"] = annotations
    return out


def attempted(request: Request) -> str:
    """How somebody tried to prove an identity, in vain."""
    scheme = request.headers.get("authorization", "").partition(" ")[0].lower()
    methods = [scheme] if scheme in ("basic", "bearer") else []
    if request.query.get("access_token"):
        methods.append("access_token")
    if request.client_certificate is not None:
        methods.append("x509")
    if not methods:
        return "Authentication failed, no credentials provided"
    return f"Authentication failed, attempted: {', '.join(methods)}"


def _uri(request: Request) -> str:
    if not request.query:
        return request.path
    from urllib.parse import urlencode

    return f"{request.path}?{urlencode(request.query, doseq=True)}"


def _user(user: UserInfo | None) -> Obj:
    if user is None:
        return {}
    out: Obj = {"username": user.name}
    if user.uid:
        out["uid"] = user.uid
    if user.groups:
        out["groups"] = list(user.groups)
    if user.extra:
        out["extra"] = {key: list(values) for key, values in user.extra.items()}
    return out


def _addresses(request: Request) -> list[str]:
    """The client's, as proxies in between tell it, and the nearest proxy's."""
    forwarded = request.headers.get("x-forwarded-for", "").replace("\n", ",")
    addresses = [address.strip() for address in forwarded.split(",") if address.strip()]
    nearest = request.remote_address or "127.0.0.1"
    return addresses if addresses and addresses[-1] == nearest else [*addresses, nearest]


def _reference(info: RequestInfo, sent: Any) -> Obj:
    metadata: Mapping[str, Any] = {}
    if isinstance(sent, dict) and info.verb in ("create", "update") and isinstance(sent.get("metadata"), dict):
        metadata = sent["metadata"]
    values = {
        "resource": info.resource,
        "namespace": info.namespace,
        "name": info.name or metadata.get("name", ""),
        "uid": metadata.get("uid", ""),
        "apiGroup": info.group,
        "apiVersion": info.version,
        "resourceVersion": metadata.get("resourceVersion", ""),
        "subresource": info.subresource,
    }
    return {key: value for key, value in values.items() if value}


def _status(trail: Trail) -> Obj:
    status = trail.status
    if status is None:
        answer = trail.obj if trail.obj is not None else _parsed(trail.response_body, trail.content_type)
        if trail.code >= 400 or (isinstance(answer, dict) and answer.get("kind") == "Status"):
            status = answer
    if trail.user is None and status is not None:
        return {"metadata": {}, "message": status["message"], "code": trail.code}
    if isinstance(status, dict) and status.get("status"):
        kept = {key: value for key, value in status.items() if key not in ("kind", "apiVersion")}
        return {**kept, "metadata": {}, "code": trail.code}
    return {"metadata": {}, "code": trail.code}


def _sent(trail: Trail, scheme: Scheme) -> Any:
    """The body of a request, decoded; None if it cannot be."""
    request, info = trail.request, trail.info
    assert info is not None
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    found = _parsed(trail.body, kind or "application/json")
    if found is None and info.verb in ("create", "update"):
        resource = scheme.get(info.group, info.version, info.resource)
        if resource is not None and not info.subresource:
            try:
                found, _ = decode.decode_body(trail.body, kind, resource, field_validation="Ignore")
            except StatusError:
                return None
    return found


def _parsed(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    try:
        if "yaml" in content_type:
            return yaml_codec.loads(body)[0]
        return orjson.loads(body) if "json" in content_type else None
    except ValueError:
        return None


def _trimmed(obj: Any, verdict: Verdict) -> Any:
    """Without managedFields, if they are not wanted."""
    if not verdict.omit_managed_fields or not isinstance(obj, dict):
        return obj
    if isinstance(obj.get("items"), list):
        return {**obj, "items": [_trimmed(item, verdict) for item in obj["items"]]}
    if obj.get("kind") == "Table" and isinstance(obj.get("rows"), list):
        return {**obj, "rows": [{**row, "object": _trimmed(row.get("object"), verdict)} for row in obj["rows"]]}
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def _micro(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
