"""AdmissionReview: what a webhook is asked, and what its answer means.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson

from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.admission.versions import kind_of

_GROUP = "admission.k8s.io"


class InvalidAnswer(Exception):
    """The webhook's answer breaks the protocol."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`encoded_patch` is base64; `patch`, once it has been read, a JSON patch or None."""

    allowed: bool
    status: Obj | None
    encoded_patch: str
    patch_type: str
    warnings: tuple[str, ...]
    annotations: dict[str, str]
    patch: list[Any] | None = None


def admission_request(
    attributes: AdmissionAttributes, resource: Resource, uid: str, obj: Obj | None, old: Obj | None
) -> Obj:
    """AdmissionRequest for the write taken as one of `resource`; CEL's `request` is the same without the objects."""
    subresource = attributes.subresource
    own_kind, own_resource = kind_of(attributes, attributes.resource), attributes.gvr
    request: Obj = {"uid": uid, "kind": kind_of(attributes, resource).obj, "resource": _resource(resource.gvr)}
    if subresource:
        request["subResource"] = subresource
    request["requestKind"], request["requestResource"] = own_kind.obj, _resource(own_resource)
    if subresource:
        request["requestSubResource"] = subresource
    if attributes.name:
        request["name"] = attributes.name
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    request["operation"] = attributes.operation.value
    request["userInfo"] = _user(attributes.user)
    request["object"], request["oldObject"] = obj, old
    request["dryRun"] = attributes.dry_run
    request["options"] = _options(attributes)
    return request


def _options(attributes: AdmissionAttributes) -> Obj | None:
    """A patch counts as the create or update it comes down to."""
    options = attributes.options
    if options.get("kind") != "PatchOptions":
        return options or None
    kind = "CreateOptions" if attributes.operation is Operation.CREATE else "UpdateOptions"
    return {"kind": kind, **{key: value for key, value in options.items() if key not in ("kind", "force")}}


def question(version: str, request: Obj) -> Obj:
    return {"kind": "AdmissionReview", "apiVersion": f"{_GROUP}/{version}", "request": request}


def verdict(version: str, uid: str, review: Obj, *, mutating: bool) -> Verdict:
    """Raises InvalidAnswer with upstream's text."""
    response = review.get("response")
    if not isinstance(response, dict):
        raise InvalidAnswer("webhook response was absent")
    if version == "v1":
        _check_v1(uid, review, response, mutating=mutating)
    patched = response.get("patch") if mutating else None
    return Verdict(
        allowed=response.get("allowed") is True,
        status=response.get("status") if isinstance(response.get("status"), dict) else None,
        encoded_patch=patched or "",
        patch_type=response.get("patchType") or "" if version == "v1" else "JSONPatch",
        warnings=tuple(text for text in response.get("warnings") or () if isinstance(text, str)),
        annotations={key: str(value) for key, value in (response.get("auditAnnotations") or {}).items()},
    )


def _check_v1(uid: str, review: Obj, response: Obj, *, mutating: bool) -> None:
    if response.get("uid", "") != uid:
        raise InvalidAnswer(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    group, _, version = str(review.get("apiVersion", "")).rpartition("/")
    if (group, version, review.get("kind")) != (_GROUP, "v1", "AdmissionReview"):
        raise InvalidAnswer(
            f"expected webhook response of {_GROUP}/v1, Kind=AdmissionReview, "
            f"got {group}/{version}, Kind={review.get('kind', '')}"
        )
    patch, patch_type = response.get("patch"), response.get("patchType")
    if not mutating:
        if patch:
            raise InvalidAnswer("validating webhook may not return response.patch")
        if patch_type is not None:
            raise InvalidAnswer("validating webhook may not return response.patchType")
    elif patch and patch_type is None:
        raise InvalidAnswer("webhook returned response.patch but not response.patchType")
    elif not patch and patch_type is not None:
        raise InvalidAnswer("webhook returned response.patchType but not response.patch")
    elif patch_type == "":
        raise InvalidAnswer('webhook returned invalid response.patchType of ""')


def decoded_patch(encoded: str, patch_type: str) -> list[Any] | None:
    """The patch of a webhook that allows the write. Raises InvalidAnswer with upstream's text."""
    if not encoded:
        return None
    undecodable = "received undecodable patch in webhook response: "
    try:
        patch = orjson.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidAnswer(f"{undecodable}{error}") from None
    if not isinstance(patch, list) or not all(isinstance(operation, dict) for operation in patch):
        raise InvalidAnswer(f"{undecodable}json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if patch and patch_type != "JSONPatch":
        raise InvalidAnswer(f'unsupported patch type "{patch_type}"')
    return patch


def rejection(webhook: str, status: Obj | None) -> StatusError:
    """The error a client sees when a webhook says no."""
    status = status or {}
    denied = f'admission webhook "{webhook}" denied the request'
    said = status.get("message") or status.get("reason")
    code = status.get("code") or 0
    error = StatusError(
        code if code >= 400 else 400,
        status.get("reason") or "",
        f"{denied}: {said}" if said else f"{denied} without explanation",
    )
    if status.get("details"):
        error.details = status["details"]
    return error


def _resource(resource: GVR) -> Obj:
    return {"group": resource.group, "version": resource.version, "resource": resource.resource}


def _user(user: UserInfo) -> Obj:
    info: Obj = {}
    if user.name:
        info["username"] = user.name
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
