"""Namespace (v1): lives until its finalizers have emptied it.

`finalize` is the door of those finalizers; everything else leaves spec.finalizers alone.
Behaviour: https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.object_meta import validate_kube_finalizer
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_NAME_LABEL = "kubernetes.io/metadata.name"
_COLUMNS = (NAME, Column("Status", description="The status of the namespace"), AGE)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], (obj.get("status") or {}).get("phase", ""), age(obj, now)]


def _default(obj: Obj) -> None:
    """The label by which selectors find a namespace; a generated name is known only later."""
    metadata = obj["metadata"]
    if metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), _NAME_LABEL: metadata["name"]}
    status = obj.setdefault("status", {})
    if not status.get("phase"):
        status["phase"] = "Active"


def _prepare_create(obj: Obj) -> None:
    obj["status"] = {"phase": "Active"}
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    if "kubernetes" not in finalizers:
        finalizers = [*finalizers, "kubernetes"]
    obj["spec"] = {**(obj.get("spec") or {}), "finalizers": finalizers}
    _default(obj)


def _keep(key: str, new: Obj, old: Obj) -> None:
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)


def _prepare_update(new: Obj, old: Obj) -> None:
    _keep("spec", new, old)
    _keep("status", new, old)


def _prepare_status(new: Obj, old: Obj) -> None:
    _keep("spec", new, old)


def _prepare_finalize(new: Obj, old: Obj) -> None:
    _keep("status", new, old)


def _validate(obj: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for finalizer in (obj.get("spec") or {}).get("finalizers") or ():
        errors += [invalid_value("spec.finalizers", finalizer, text) for text in names.qualified_name(finalizer)]
        errors += validate_kube_finalizer(finalizer, "spec.finalizers")
    return errors


def _validate_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    phase = (new.get("status") or {}).get("phase", "")
    deleted = bool(new["metadata"].get("deletionTimestamp"))
    if deleted and phase != "Terminating":
        return [invalid_value("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")]
    if not deleted and phase != "Active":
        return [invalid_value("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")]
    return []


def _validate_finalize(new: Obj, _old: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, finalizer in enumerate((new.get("spec") or {}).get("finalizers") or ()):
        at = f"spec.finalizers[{index}]"
        errors += [invalid_value(at, finalizer, text) for text in names.qualified_name(finalizer)]
        errors += validate_kube_finalizer(finalizer, at)
    return errors


_STATUS = Strategy(
    default=_default,
    prepare_update=_prepare_status,
    validate_update=_validate_status_update,
    reset_fields=frozenset({("spec",)}),
)
_FINALIZE = Strategy(
    default=_default,
    prepare_update=_prepare_finalize,
    validate_update=_validate_finalize,
    reset_fields=frozenset({("status",)}),
)

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Namespace",
        plural="namespaces",
        singular="namespace",
        type_name="io.k8s.api.core.v1.Namespace",
        namespaced=False,
        short_names=("ns",),
        verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=_validate,
            name_errors=names.label_name,
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(name="finalize", kind="Namespace", verbs=("update",), strategy=_FINALIZE),
            Subresource(name="status", kind="Namespace", strategy=_STATUS),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"status.phase": lambda obj: str((obj.get("status") or {}).get("phase", ""))},
        storage_version_hash="Q3oi5N2YM8M=",
    ),
)
