"""The rules of writing custom resources: what the main door and the doors `status` and `scale` let through.

Upstream: apiextensions-apiserver's registry/customresource strategies.
"""

from collections.abc import Callable
from dataclasses import dataclass

from minik.api.crd.validation import Validator
from minik.api.scheme import Strategy
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.api.validation import FieldError, show

_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What strategies depend on. `kinds` are the top-level fields the schema names."""

    group: str
    plural: str
    has_status: bool
    terminating: bool
    fields: tuple[str, ...]
    validator: Validator
    fit: Callable[[Obj], None]  # prunes and defaults what admission made of an object


def main(rules: Rules) -> Strategy:
    """The strategy of the resource itself."""
    return Strategy(
        prepare_create=_prepare_create(rules),
        prepare_update=_prepare_update(rules, _keep_status if rules.has_status else _nothing),
        validate=rules.validator.create,
        validate_update=rules.validator.update,
        warn=_warn,
        has_generation=True,
        generation_changes=_differ,
        unconditional_update=False,
        reset_fields=frozenset({("status",)}) if rules.has_status else frozenset(),
    )


def status(rules: Rules) -> Strategy:
    """The strategy of the status subresource."""

    def validate_update(new: Obj, old: Obj) -> list[FieldError]:
        return rules.validator.status(new, old)

    others = (name for name in ("spec", "metadata", *rules.fields) if name not in ("status", "apiVersion", "kind"))
    return Strategy(
        prepare_update=_prepare_update(rules, _only_status),
        validate_update=validate_update,
        warn=_warn,
        unconditional_update=False,
        reset_fields=frozenset((name,) for name in others),
    )


def _prepare_create(rules: Rules) -> Callable[[Obj], None]:
    def prepare(obj: Obj) -> None:
        if rules.terminating:
            raise StatusError(
                405,
                "MethodNotAllowed",
                "create not allowed while custom resource definition is terminating",
                group=rules.group,
                kind=rules.plural,
            )
        if rules.has_status:
            obj.pop("status", None)
        rules.fit(obj)

    return prepare


def _prepare_update(rules: Rules, restore: Callable[[Obj, Obj], None]) -> Callable[[Obj, Obj], None]:
    def prepare(new: Obj, old: Obj) -> None:
        rules.fit(new)  # before it shares anything with the old object, which is read-only
        restore(new, old)

    return prepare


def _warn(new: Obj, old: Obj | None) -> list[str]:
    """Finalizers that anybody might use."""
    known = (old["metadata"].get("finalizers") if old else None) or ()
    return [
        f"metadata.finalizers: {show(name)}: prefer a domain-qualified finalizer name to avoid accidental conflicts "
        "with other finalizer writers"
        for name in new["metadata"].get("finalizers") or ()
        if name not in known and name not in _STANDARD_FINALIZERS and "/" not in name
    ]


def _nothing(_new: Obj, _old: Obj) -> None:
    return None


def _keep_status(new: Obj, old: Obj) -> None:
    if "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)


def _only_status(new: Obj, old: Obj) -> None:
    """Everything but status and the bookkeeping of its owners stays as it is."""
    metadata = {**old["metadata"], "resourceVersion": new["metadata"].get("resourceVersion", "")}
    metadata.pop("managedFields", None)
    if "managedFields" in new["metadata"]:
        metadata["managedFields"] = new["metadata"]["managedFields"]
    kept = {key: value for key, value in old.items() if key != "status"}
    if "status" in new:
        kept["status"] = new["status"]
    new.clear()
    new.update({**kept, "metadata": metadata})


def _differ(new: Obj, old: Obj) -> bool:
    """Anything but metadata. (Where status has a door of its own it has been put back already.)"""
    names = (new.keys() | old.keys()) - {"metadata", "apiVersion", "kind"}
    return any(new.get(name) != old.get(name) or (name in new) != (name in old) for name in names)
