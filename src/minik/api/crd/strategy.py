"""The rules of writing custom resources: what the main door and the doors `status` and `scale` let through.

Upstream: apiextensions-apiserver's registry/customresource strategies.
"""

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from minik.api import names
from minik.api.crd.validation import Validator
from minik.api.schema import custom_objects
from minik.api.scheme import Strategy
from minik.api.status import forbidden
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, show

_STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What strategies depend on."""

    group: str
    plural: str
    api_version: str
    kind: str
    has_status: bool
    terminating: bool
    validator: Validator
    fit: Callable[[Obj], None]  # prunes and defaults what admission made of an object


def main(rules: Rules) -> Strategy:
    """The strategy of the resource itself."""
    return Strategy(
        prepare_create=_prepare_create(rules),
        prepare_update=_prepare_update(rules, _keep_status if rules.has_status else _nothing),
        validate=lambda obj: _type_errors(rules, obj) or rules.validator.create(obj),
        validate_update=lambda new, old: _type_errors(rules, new) or rules.validator.update(new, old),
        canonicalize=custom_objects.write_whole_numbers,
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

    return Strategy(
        prepare_update=_prepare_update(rules, _only_status),
        validate_update=validate_update,
        canonicalize=custom_objects.write_whole_numbers,
        unconditional_update=False,
        reset_fields=frozenset({("metadata",), ("spec",)}),
    )


def _type_errors(rules: Rules, obj: Obj) -> list[FieldError]:
    """Decoding lets objects of other kinds pass, and patches make them."""
    expected = {"kind": rules.kind, "apiVersion": rules.api_version}
    return [
        invalid_value(name, obj.get(name, ""), f"must be {wanted}")
        for name, wanted in expected.items()
        if obj.get(name) != wanted
    ]


def _prepare_create(rules: Rules) -> Callable[[Obj], None]:
    def prepare(obj: Obj) -> None:
        if rules.terminating:
            text = "create not allowed while custom resource definition is terminating"
            raise forbidden(rules.group, rules.plural, obj["metadata"].get("name", ""), text)
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
    """New finalizers that anybody might use."""
    known = (old["metadata"].get("finalizers") if old else None) or ()
    return [
        f"metadata.finalizers: {show(name)}: {text}"
        for name in sorted(set(new["metadata"].get("finalizers") or ()) - set(known))
        for text in [*names.qualified_name(name), *_advice(name)]
    ]


def _advice(finalizer: str) -> list[str]:
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    path = " including a path (/)" if "." in finalizer else ""
    return [
        f"prefer a domain-qualified finalizer name{path} to avoid accidental conflicts with other finalizer writers"
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
    return bool(_content(new) != _content(old)) or _written(new) != _written(old)  # 1 is not 1.0


def _content(obj: Obj) -> Obj:
    return {name: value for name, value in obj.items() if name not in ("metadata", "apiVersion", "kind")}


def _written(obj: Obj) -> bytes:
    return orjson.dumps(_content(obj), option=orjson.OPT_SORT_KEYS)
