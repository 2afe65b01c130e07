"""`serviceaccounts/token`: a signed token for a ServiceAccount, bound to a Pod, Secret or Node if asked for.

Upstream: registry/core/serviceaccount/storage TokenREST,
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from minik.api.patch import managed_fields
from minik.api.request import Response
from minik.api.schema import decode, types
from minik.api.status import StatusError, bad_request, conflict, not_found
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid, invalid_value
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.authn.service_account import claims
from minik.server.apiserver.authn.signing_key import SigningKey
from minik.server.apiserver.registry import answer, write_options
from minik.server.apiserver.registry.body import match_namespace, media_type
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import attributes_of
from minik.server.apiserver.registry.metadata import ordered, timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.write_options import WriteOptions

_API_VERSION = "authentication.k8s.io/v1"
_DEFAULT_LIFETIME = 3600  # seconds
_SHORTEST, _LONGEST = 600, 1 << 32
# Pods ask for this lifetime in the projected volume; upstream stretches it to a year and warns when it should be over.
_STRETCHED_FROM, _STRETCHED_TO = 3607, 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Serves the subresource. `audiences` are the API server's own.

    `longest`: seconds a token may live, 0 for no limit. `stretch`: let Pods' tokens live for a year.
    """

    key: SigningKey
    issuer: str
    audiences: Sequence[str]
    longest: int = 0
    stretch: bool = True

    async def serve(self, registry: Registry, call: Call) -> Response:
        options = write_options.parse(call, "CreateOptions")
        request = _read(call, options)
        match_namespace(call, request)
        _check_name(call, request)
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        account = registry.layout(call.resource).decode(current)
        request = self._prepared(registry, call, request, options)
        attributes = attributes_of(call, Operation.CREATE, request, None, options)
        attributes.kind = "TokenRequest"
        await registry.admission.mutate(attributes)
        spec = request["spec"]
        spec["audiences"] = spec["audiences"] or list(self.audiences)
        errors = _lifetime_errors(spec["expirationSeconds"])
        if errors:
            raise invalid("authentication.k8s.io", "TokenRequest", "", errors)
        self._shorten(call, spec)
        bound = _bound(registry, call, spec.get("boundObjectRef") or {}, account)
        await registry.admission.validate(attributes)
        self._issue(request, account, bound, registry.now())
        return answer.document(call, 201, request)

    def _prepared(self, registry: Registry, call: Call, request: Obj, options: WriteOptions) -> Obj:
        spec: Obj = request.get("spec") or {}
        lifetime = spec.get("expirationSeconds")
        request["spec"] = spec = {**spec, "expirationSeconds": _DEFAULT_LIFETIME if lifetime is None else lifetime}
        now = timestamp(registry.now())
        request = managed_fields.update(
            None,
            request,
            shape=types.get("io.k8s.api.authentication.v1.TokenRequest"),
            manager=options.field_manager,
            api_version=_API_VERSION,
            now=now,
            subresource="token",
        )
        metadata = request["metadata"]
        metadata |= {"name": call.name, "uid": str(uuid.uuid4()), "creationTimestamp": now}
        request["metadata"] = ordered(metadata)
        request["spec"] = {
            "audiences": spec.get("audiences") or [],  # admission asks what a node itself asked for
            "expirationSeconds": spec["expirationSeconds"],
            "boundObjectRef": spec.get("boundObjectRef") or None,
        }
        return request

    def _shorten(self, call: Call, spec: Obj) -> None:
        wanted = spec["expirationSeconds"]
        if self.longest and wanted > self.longest:
            call.warn(f"requested expiration of {wanted} seconds shortened to {self.longest} seconds")
            spec["expirationSeconds"] = self.longest

    def _issue(self, request: Obj, account: Obj, bound: dict[str, Obj], now: datetime) -> None:
        spec = request["spec"]
        lifetime, warn_after = spec["expirationSeconds"], 0
        if self.stretch and bound and lifetime == _STRETCHED_FROM and spec["audiences"] == list(self.audiences):
            lifetime, warn_after = _STRETCHED_TO, _STRETCHED_FROM
        seconds = int(now.timestamp())
        content = claims(
            issuer=self.issuer,
            account=account,
            audiences=spec["audiences"],
            lifetime=lifetime,
            now=seconds,
            pod=bound.get("pod"),
            secret=bound.get("secret"),
            node=bound.get("node"),
            warn_after=warn_after,
        )
        expires = datetime.fromtimestamp(seconds + spec["expirationSeconds"], UTC)
        request["status"] = {"token": self.key.sign(content), "expirationTimestamp": timestamp(expires)}


def _read(call: Call, options: WriteOptions) -> Obj:
    request = call.request.obj
    if request is None:
        shape = types.get("io.k8s.api.authentication.v1.TokenRequest")
        request, warnings = decode.decode_body(
            call.request.body, media_type(call), shape, field_validation=options.field_validation
        )
        for warning in warnings:
            call.warn(warning)
    request.setdefault("metadata", {})
    return {"kind": "TokenRequest", "apiVersion": _API_VERSION, **request}


def _check_name(call: Call, request: Obj) -> None:
    name = request["metadata"].get("name", "")
    if name and name != call.name:
        error = invalid_value("metadata.name", name, "must match the service account name if specified")
        raise invalid("authentication.k8s.io", "TokenRequest", call.name, [error])


def _lifetime_errors(lifetime: int) -> list[FieldError]:
    path = "spec.expirationSeconds"
    if lifetime < _SHORTEST:
        return [invalid_value(path, lifetime, "may not specify a duration less than 10 minutes")]
    if lifetime > _LONGEST:
        return [invalid_value(path, lifetime, "may not specify a duration larger than 2^32 seconds")]
    return []


def _bound(registry: Registry, call: Call, reference: Obj, account: Obj) -> dict[str, Obj]:
    """The objects the token is bound to, by the name of their claim. Raises StatusError 400, 404 and 409."""
    if not reference:
        return {}
    kind, api_version = reference.get("kind", ""), reference.get("apiVersion", "")
    plural = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}.get(kind)
    group, _, version = api_version.rpartition("/") if api_version.count("/") < 2 else ("", "", "")
    if plural is None or group:
        raise bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    obj = _object(registry, call, plural, reference.get("name", ""))
    if obj is None:
        raise not_found("", plural, reference.get("name", ""))
    bound = {kind.lower(): obj}
    if kind == "Pod":
        _check_account(obj, account)
        node = _object(registry, call, "nodes", (obj.get("spec") or {}).get("nodeName", ""))
        if node is not None:
            bound["node"] = node
    uid = reference.get("uid", "")
    if uid and uid != obj["metadata"]["uid"]:
        text = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise conflict("", kind, obj["metadata"]["name"], text)
    return bound


def _object(registry: Registry, call: Call, plural: str, name: str) -> Obj | None:
    resource = registry.scheme.get("", "v1", plural)
    if resource is None or not name:
        return None
    kv = registry.storage.get(resource, call.namespace, name)
    return None if kv is None else registry.layout(resource).decode(kv)


def _check_account(pod: Obj, account: Obj) -> None:
    name = account["metadata"]["name"]
    if (pod.get("spec") or {}).get("serviceAccountName") != name:
        text = f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.'
        raise StatusError(400, "BadRequest", text)
