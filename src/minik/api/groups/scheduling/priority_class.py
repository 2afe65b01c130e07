"""PriorityClass (scheduling.k8s.io/v1): names for priorities of Pods.

Behaviour: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, not_supported, required

_SYSTEM_PREFIX = "system-"
_SYSTEM_CLASSES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_HIGHEST = 1_000_000_000
_POLICIES = ("PreemptLowerPriority", "Never")
_COLUMNS = (
    NAME,
    Column(
        "Value",
        type="integer",
        description=(
            "value represents the integer value of this priority class. This is the actual priority that pods "
            "receive when they have the name of this class in their pod spec."
        ),
    ),
    Column(
        "Global-Default",
        type="boolean",
        description=(
            "globalDefault specifies whether this PriorityClass should be considered as the default priority for "
            "pods that do not have any priority class. Only one PriorityClass can be marked as `globalDefault`. "
            "However, if more than one PriorityClasses exists with their `globalDefault` field set to true, the "
            "smallest value of such global default PriorityClasses will be used as the default priority."
        ),
    ),
    AGE,
    Column(
        "PreemptionPolicy",
        description=(
            "preemptionPolicy is the Policy for preempting pods with lower priority. One of Never, "
            "PreemptLowerPriority. Defaults to PreemptLowerPriority if unset."
        ),
    ),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [
        obj["metadata"]["name"],
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age(obj, now),
        obj.get("preemptionPolicy") or "PreemptLowerPriority",
    ]


def _default(obj: Obj) -> None:
    if obj.get("preemptionPolicy") is None:
        obj["preemptionPolicy"] = "PreemptLowerPriority"


def _system_complaint(obj: Obj, name: str) -> str:
    """What is wrong with a class whose name is the system's; "" if it is the system's own."""
    if name not in _SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if obj.get("value", 0) != _SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.get("globalDefault") else ""


def _validate(obj: Obj) -> list[FieldError]:
    name, policy = obj["metadata"].get("name", ""), obj.get("preemptionPolicy")
    errors: list[FieldError] = []
    if name.startswith(_SYSTEM_PREFIX):
        complaint = _system_complaint(obj, name)
        if complaint:
            text = "priority class names with 'system-' prefix are reserved for system use only. error: "
            errors.append(forbidden("metadata.name", text + complaint))
    elif obj.get("value", 0) > _HIGHEST:
        errors.append(forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}"))
    if policy == "":
        errors.append(required("preemptionPolicy"))
    elif policy is not None and policy not in _POLICIES:
        errors.append(not_supported("preemptionPolicy", policy, _POLICIES))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    if new.get("value", 0) != old.get("value", 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + validate_immutable(new.get("preemptionPolicy"), old.get("preemptionPolicy"), "preemptionPolicy")


RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1",
        kind="PriorityClass",
        plural="priorityclasses",
        singular="priorityclass",
        type_name="io.k8s.api.scheduling.v1.PriorityClass",
        namespaced=False,
        short_names=("pc",),
        strategy=Strategy(
            default=_default,
            validate=_validate,
            validate_update=_validate_update,
            has_generation=True,
            generation_changes=lambda _new, _old: False,
            undeletable=dict.fromkeys(_SYSTEM_CLASSES, "this is a system priority class and cannot be deleted"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="1QwjyaZjj3Y=",
    ),
)
