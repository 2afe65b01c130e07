"""Reading a CustomResourceDefinition: its versions, conditions and what kubectl may call its resource."""

from collections.abc import Iterator, Sequence
from typing import Any

from minik.api.crd import formats
from minik.api.types import Obj

FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"
CONFORMANT, NON_STRUCTURAL = "KubernetesAPIApprovalPolicyConformant", "NonStructuralSchema"


def versions(definition: Obj) -> Sequence[Obj]:
    return definition["spec"].get("versions") or ()


def storage_version(definition: Obj) -> str:
    return next((str(version["name"]) for version in versions(definition) if version.get("storage")), "")


def schema_of(version: Obj) -> Obj | None:
    """The structural schema of one version."""
    return (version.get("schema") or {}).get("openAPIV3Schema")


def subresources_of(version: Obj) -> Obj:
    return version.get("subresources") or {}


def accepted_names(definition: Obj) -> Obj:
    return (definition.get("status") or {}).get("acceptedNames") or {}


def condition(definition: Obj, name: str) -> Obj | None:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return next((found for found in conditions if found.get("type") == name), None)


def holds(definition: Obj, name: str) -> bool:
    """Whether a condition is there and True."""
    found = condition(definition, name)
    return found is not None and found.get("status") == "True"


def set_condition(definition: Obj, wanted: Obj, now: str) -> None:
    """Put a condition into status, in place; its time moves only when its status does."""
    status = definition["status"] = definition.get("status") or {}
    conditions: list[Any] = list(status.get("conditions") or ())
    for index, found in enumerate(conditions):
        if found.get("type") == wanted["type"]:
            same = found.get("status") == wanted["status"]
            conditions[index] = {**wanted, "lastTransitionTime": found.get("lastTransitionTime") if same else now}
            break
    else:
        conditions.append({**wanted, "lastTransitionTime": now})
    order = ("type", "status", "lastTransitionTime", "reason", "message", "observedGeneration")
    status["conditions"] = [{key: each[key] for key in order if key in each} for each in conditions]


def unknown_formats(definition: Obj) -> list[str]:
    """The formats in its schemas that no value is held to, in the order they are met."""
    schemas = [schema_of(version) for version in versions(definition)]
    if all(schema == schemas[0] for schema in schemas):
        schemas = schemas[:1]
    return [name for schema in schemas for name in _unknown_formats(schema)]


def _unknown_formats(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _unknown_formats(part)
    if not isinstance(schema, dict):
        return
    if schema.get("format") and not formats.is_known(schema):
        yield str(schema["format"])
    for name in ("items", "allOf", "anyOf", "oneOf", "not"):
        yield from _unknown_formats(schema.get(name))
    for name in sorted(schema.get("properties") or {}):
        yield from _unknown_formats(schema["properties"][name])
    yield from _unknown_formats(schema.get("additionalProperties"))
