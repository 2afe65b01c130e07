"""DeleteOptions: from the body or from the query, checked as upstream checks them.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
"""

from dataclasses import dataclass, field

from minik.api import status
from minik.api.codec import json_codec
from minik.api.schema import structs, types, values
from minik.api.schema.body import JSON, PROTOBUF, TYPE_META, YAML, unknown_format
from minik.api.schema.values import found
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid, invalid_value, not_supported
from minik.server.apiserver.registry.body import media_type
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.read_options import parse_int
from minik.server.apiserver.registry.write_options import dry_run_errors
from minik.server.apiserver.request_info import truthy

_POLICIES = ("Foreground", "Background", "Orphan")
_SCHEME = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"
_META = "meta.k8s.io/v1"
# What else the scheme of options knows.
_UNVERSIONED = frozenset(
    ("CreateOptions", "UpdateOptions", "Status", "APIVersions", "APIGroupList", "APIGroup", "APIResourceList")
)
_OF_META = frozenset(
    (
        *("GetOptions", "ListOptions", "PatchOptions", "TableOptions", "Table", "WatchEvent"),
        *("PartialObjectMetadata", "PartialObjectMetadataList"),
    )
)
_TYPE = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"


@dataclass(slots=True, kw_only=True)
class DeleteOptions:
    """`propagation` "" leaves the choice to the kind."""

    grace_period: int | None = None
    propagation: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False
    raw: Obj = field(default_factory=dict)


def parse(call: Call) -> DeleteOptions:
    """The body wins over the query, as a whole. Raises StatusError 400 and 422."""
    raw = call.request.obj if call.request.obj is not None else _body(call)
    options = read(_query(call) if raw is None else raw)
    warning = call.resource.strategy.deletion_warning
    if warning and not options.propagation:
        call.warn(warning)
    return options


def read(raw: Obj) -> DeleteOptions:
    """Decoded options, as an Eviction carries them. Raises StatusError 400 and 422."""
    raw = _typed(raw)
    errors = _errors(raw)
    if errors:
        raise invalid("meta.k8s.io", "DeleteOptions", "", errors)
    preconditions = raw.get("preconditions") or {}
    return DeleteOptions(
        grace_period=raw.get("gracePeriodSeconds"),
        propagation=_propagation(raw),
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        dry_run=bool(raw.get("dryRun")),
        raw=raw,
    )


def _propagation(raw: Obj) -> str:
    if raw.get("orphanDependents") is not None:
        return "Orphan" if raw["orphanDependents"] else "Background"
    return raw.get("propagationPolicy") or ""


def _body(call: Call) -> Obj | None:
    body = call.request.body
    if not body:
        return None
    given = media_type(call).lower()
    if given == PROTOBUF:
        return _message(body)
    if given == YAML:
        from minik.api.codec import yaml_codec  # only YAML bodies need it

        try:
            raw = yaml_codec.loads(body)[0]
        except yaml_codec.YAMLError as error:
            raise bad_request(str(error)) from None
    elif given == JSON:
        try:
            raw = json_codec.loads(body)
        except json_codec.JSONError as error:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    else:
        raise unknown_format()
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        text = f"json: cannot unmarshal {found(raw)} into Go value of type {TYPE_META}"
        raise bad_request(f"couldn't get version/kind; json parse error: {text}")
    for name in ("apiVersion", "kind"):
        if not isinstance(raw.get(name), str | None):
            text = f"json: cannot unmarshal {found(raw[name])} into Go struct field .{name} of type string"
            raise bad_request(f"couldn't get version/kind; json parse error: {text}")
    _check_kind(raw.get("kind") or "", raw.get("apiVersion") or "")
    return raw


def _message(body: bytes) -> Obj:
    from minik.api.codec import protobuf  # only protobuf bodies need it

    try:
        wrapped = protobuf.envelope(body)
        _check_kind(wrapped.kind, wrapped.api_version)
        return protobuf.decode(wrapped.message, types.get(_TYPE))
    except protobuf.ProtobufError as error:
        raise bad_request(str(error)) from None


def _check_kind(kind: str, version: str) -> None:
    """Options of any version will do. Raises StatusError 400."""
    if version.count("/") > 1:
        raise bad_request(f"unexpected GroupVersion string: {version}")
    if kind in ("", "DeleteOptions"):
        return
    version = version or _META
    if kind in _UNVERSIONED or (kind in _OF_META and version == _META):
        raise bad_request("decoded object cannot be converted to DeleteOptions")
    raise bad_request(f'no kind "{kind}" is registered for version "{version}" in scheme "{_SCHEME}"')


def _query(call: Call) -> Obj:
    raw: Obj = {}
    if not call.request.query:
        return raw
    if call.parameters("dryRun"):
        raw["dryRun"] = list(call.parameters("dryRun"))
    if call.parameters("gracePeriodSeconds"):
        raw["gracePeriodSeconds"] = parse_int(call.parameter("gracePeriodSeconds"))
    if call.parameters("propagationPolicy"):
        raw["propagationPolicy"] = call.parameter("propagationPolicy")
    if call.parameters("orphanDependents"):
        raw["orphanDependents"] = truthy(call.request.query, "orphanDependents")
    named = (("uid", call.parameter("uid")), ("resourceVersion", call.parameter("resourceVersion")))
    preconditions = {name: value for name, value in named if value}
    if preconditions:
        raw["preconditions"] = preconditions
    return raw


def _typed(raw: Obj) -> Obj:
    """The options as Go's struct would hold them. Raises StatusError 400."""
    try:
        typed: Obj = structs.converter(types.get(_TYPE))(raw, structs.Pass())
    except (values.TypeMismatch, values.BadValue) as error:
        raise bad_request(str(error)) from None
    return typed


def _errors(raw: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    policy = raw.get("propagationPolicy")
    if policy is not None and raw.get("orphanDependents") is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid_value("propagationPolicy", policy, text))
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    return errors + dry_run_errors(raw.get("dryRun") or [])


def precondition_failed(field_name: str, given: str, actual: str) -> str:
    """What a delete is told whose precondition does not hold."""
    if field_name == "UID":
        tail = "The object might have been deleted and then recreated"
    else:
        tail = "The object might have been modified"
    return (
        f"the {field_name} in the precondition ({given}) does not match the {field_name} in record ({actual}). {tail}"
    )


def conflict(call: Call, message: str) -> StatusError:
    """A failed precondition names the kind, not the resource."""
    return status.conflict(call.resource.error_group, call.resource.kind, call.name, message)
