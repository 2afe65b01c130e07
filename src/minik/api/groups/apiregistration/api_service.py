"""APIService (apiregistration.k8s.io/v1): who serves a group and version.

Behaviour: https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
"""

from datetime import UTC, datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.groups.status_rules import RESET_STATUS, keep_spec, keep_status, status_strategy
from minik.api.names import path_segment_name
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

_TYPE = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService"
_MAX_GROUP_PRIORITY, _MAX_VERSION_PRIORITY = 20_000, 1000
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
_COLUMNS = (
    NAME,
    Column("Service", description="The reference to the service that hosts this API endpoint."),
    Column("Available", description="Whether this service is available."),
    AGE,
)


def _available(obj: Obj) -> str:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    condition = next((c for c in conditions if c.get("type") == "Available"), None)
    if condition is None:
        return "Unknown"
    if condition.get("status") == "True":
        return "True"
    return f"{condition.get('status', '')} ({condition.get('reason', '')})"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    service = obj["spec"].get("service")
    shown = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    return [obj["metadata"]["name"], shown, _available(obj), age(obj, now)]


def _default(obj: Obj) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = 443


def _prepare_create(obj: Obj) -> None:
    """What this server serves itself is available at once."""
    obj["status"] = {}
    if obj["spec"].get("service") is None:
        obj["status"] = {"conditions": [_local_condition()]}


def _local_condition() -> Obj:
    return {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "Local",
        "message": "Local APIServices are always available",
    }


def _prepare_status(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    for key in _METADATA:
        new["metadata"].pop(key, None)
        if key in old["metadata"]:
            new["metadata"][key] = old["metadata"][key]


def _validate_priorities(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, highest in (("groupPriorityMinimum", _MAX_GROUP_PRIORITY), ("versionPriority", _MAX_VERSION_PRIORITY)):
        value = spec.get(key, 0)
        if not 0 < value <= highest:
            errors.append(invalid_value(f"spec.{key}", value, f"must be positive and less than {highest}"))
    return errors


def _decoded_size(bundle: str) -> int:
    return len(bundle) * 3 // 4 - bundle.count("=")


def _validate(obj: Obj) -> list[FieldError]:
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    group, version, service = spec.get("group", ""), spec.get("version", ""), spec.get("service")
    errors: list[FieldError] = []
    required_name = f"{version}.{group}"
    if name != required_name:
        text = f'must be `spec.version+"."+spec.group`: "{required_name}"'
        errors.append(invalid_value("metadata.name", name, text))
    if not group and version != "v1":
        text = "only v1 may have an empty group and it better be legacy kube"
        errors.append(required("spec.group", text))
    if group:
        errors += [invalid_value("spec.group", group, text) for text in names.dns_subdomain(group)]
    errors += [invalid_value("spec.version", version, text) for text in names.dns_1035_label(version)]
    errors += _validate_priorities(spec)
    if service is None:
        if spec.get("caBundle"):
            shown, text = f"{_decoded_size(spec['caBundle'])} bytes", "local APIServices may not have a caBundle"
            errors.append(invalid_value("spec.caBundle", shown, text))
        if spec.get("insecureSkipTLSVerify"):
            text = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(invalid_value("spec.insecureSkipTLSVerify", True, text))
        return errors
    errors += [required(f"spec.service.{key}") for key in ("namespace", "name") if not service.get(key)]
    port = service.get("port", 0)
    if complaints := names.port_number(port):
        errors.append(invalid_value("spec.service.port", port, f"port is not valid: {', '.join(complaints)}"))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        text = "may not be true if caBundle is present"
        errors.append(invalid_value("spec.insecureSkipTLSVerify", True, text))
    return errors


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return _validate(new)


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, condition in enumerate((new.get("status") or {}).get("conditions") or ()):
        if condition.get("status") not in ("True", "False", "Unknown"):
            at = f"status.conditions[{index}].status"
            errors.append(not_supported(at, condition.get("status", ""), ("True", "False", "Unknown")))
    return errors


RESOURCES = (
    Resource(
        group="apiregistration.k8s.io",
        version="v1",
        kind="APIService",
        plural="apiservices",
        singular="apiservice",
        type_name=_TYPE,
        namespaced=False,
        categories=("api-extensions",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            name_errors=path_segment_name,
            unconditional_update=False,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="APIService",
                strategy=status_strategy(
                    default=_default, prepare_update=_prepare_status, validate_update=_validate_status
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="InPBPD7+PqM=",
    ),
)
