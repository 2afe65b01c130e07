"""DeleteOptions: from the body or from the query, checked as upstream checks them.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/
"""

from dataclasses import dataclass, field

from minik.api.codec import json_codec
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
_TYPES: dict[str, tuple[type, str]] = {
    "gracePeriodSeconds": (int, "int64"),
    "orphanDependents": (bool, "bool"),
    "propagationPolicy": (str, "string"),
    "dryRun": (list, "[]string"),
    "preconditions": (dict, "v1.Preconditions"),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (bool, "bool"),
}


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
    return read(_query(call) if raw is None else raw)


def read(raw: Obj) -> DeleteOptions:
    """Decoded options, as an Eviction carries them. Raises StatusError 400 and 422."""
    _check_types(raw)
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
    if media_type(call) == "application/yaml":
        from minik.api.codec import yaml_codec  # only YAML bodies need it

        try:
            raw = yaml_codec.loads(body)[0]
        except yaml_codec.YAMLError as error:
            raise bad_request(f"error decoding YAML: {error}") from None
    else:
        try:
            raw = json_codec.loads(body)
        except json_codec.JSONError as error:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal")
    kind = raw.get("kind", "")
    if kind and kind != "DeleteOptions":
        version = raw.get("apiVersion", "")
        raise bad_request(f'no kind "{kind}" is registered for version "{version}" in scheme "{_SCHEME}"')
    return raw


def _query(call: Call) -> Obj:
    raw: Obj = {}
    if not call.request.query:
        return raw
    if call.parameters("dryRun"):
        raw["dryRun"] = list(call.parameters("dryRun"))
    if call.parameter("gracePeriodSeconds"):
        raw["gracePeriodSeconds"] = parse_int(call.parameter("gracePeriodSeconds"))
    if call.parameter("propagationPolicy"):
        raw["propagationPolicy"] = call.parameter("propagationPolicy")
    if call.parameters("orphanDependents"):
        raw["orphanDependents"] = truthy(call.request.query, "orphanDependents")
    return raw


def _check_types(raw: Obj) -> None:
    for name, (wanted, go_type) in _TYPES.items():
        value = raw.get(name)
        if value is None or (isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))):
            continue
        raise bad_request(
            f"json: cannot unmarshal {_json_type(value)} into Go struct field DeleteOptions.{name} of type {go_type}"
        )


def _json_type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


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
    kind, name = call.resource.kind, call.name
    text = f'Operation cannot be fulfilled on {kind} "{name}": {message}'
    return StatusError(409, "Conflict", text, name=name, kind=kind)
