"""From a CustomResourceDefinition to the Resources it makes the server serve, one for each served version."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from minik.api.crd import columns, strategy
from minik.api.crd import definition as crd
from minik.api.crd.validation import Validator, nested
from minik.api.discovery import version_rank
from minik.api.patch import go_print
from minik.api.schema import custom_objects, structural
from minik.api.schema.types import GroupVersionKind, Shape
from minik.api.scheme import ALL_VERBS, Resource, Subresource
from minik.api.status import internal_error
from minik.api.types import GVR, Obj

_VERBS_AT_THE_END = ("delete", "deletecollection", "get", "list", "watch")  # what discovery speaks of
_SCALE = Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1")


def resources(definition: Obj, written_since: int) -> tuple[Resource, ...]:
    """What is served while the definition is established. Stored values of revisions after `written_since` are as
    the schema of the storage version has them; older ones are pruned and defaulted when they are read.
    """
    shapes = {version["name"]: _shape(definition, version) for version in crd.versions(definition)}
    return tuple(
        _resource(definition, version, shapes, written_since)
        for version in crd.versions(definition)
        if version.get("served")
    )


def _shape(definition: Obj, version: Obj) -> Shape:
    spec = definition["spec"]
    schema = crd.schema_of(version)
    if spec.get("preserveUnknownFields"):
        schema = None
    kind = crd.accepted_names(definition).get("kind") or spec["names"]["kind"]
    return structural.shape(schema, GroupVersionKind(spec["group"], version["name"], kind))


def _resource(definition: Obj, version: Obj, shapes: Mapping[str, Shape], written_since: int) -> Resource:
    spec, names, name = definition["spec"], crd.accepted_names(definition), version["name"]
    group, plural, stored = spec["group"], names["plural"], crd.storage_version(definition)
    subresources = crd.subresources_of(version)
    scale = subresources.get("scale")
    terminating = crd.holds(definition, crd.TERMINATING)
    rules = strategy.Rules(
        group=group,
        plural=plural,
        api_version=f"{group}/{name}",
        kind=names["kind"],
        has_status="status" in subresources,
        terminating=terminating,
        validator=Validator(crd.schema_of(version), scale),
        fit=partial(_fit, shape=shapes[name], defaults=True),
    )
    return Resource(
        group=group,
        version=name,
        kind=names["kind"],
        plural=plural,
        singular=names.get("singular", ""),
        type_name="",
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=_VERBS_AT_THE_END if terminating else ALL_VERBS,
        strategy=strategy.main(rules),
        subresources=tuple(_subresources(names["kind"], rules, scale)),
        columns=columns.columns(version),
        cells=columns.cells(version),
        selectable_fields=_selectable(version),
        storage=GVR(group, stored, plural),
        from_storage=_reader(group, name, shapes, by_webhook=_webhook(definition) is not None),
        to_storage=_writer(group, name, stored, shapes),
        list_kind=names.get("listKind", ""),
        storage_version_hash=_storage_version_hash(definition),
        deprecation=_deprecation(definition, version),
        custom=True,
        shape=shapes[name],
        written_since=written_since,
        scale_paths=dict(scale) if scale else None,
        converted_by=_webhook(definition),
    )


def _storage_version_hash(definition: Obj) -> str:
    """Of the version that is stored, as long as it is served."""
    spec, stored = definition["spec"], crd.storage_version(definition)
    if not any(version["name"] == stored and version.get("served") for version in crd.versions(definition)):
        return ""
    digest = hashlib.sha256(f"{spec['group']}/{stored}/{spec['names']['kind']}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _subresources(kind: str, rules: strategy.Rules, scale: Any) -> Sequence[Subresource]:
    found = []
    if rules.has_status:
        found.append(Subresource(name="status", kind=kind, strategy=strategy.status(rules)))
    if scale:
        found.append(_SCALE)
    return found


def _selectable(version: Obj) -> Mapping[str, Callable[[Obj], str]]:
    paths = [field["jsonPath"] for field in version.get("selectableFields") or ()]
    return {path.removeprefix("."): _getter(path) for path in paths}


def _getter(path: str) -> Callable[[Obj], str]:
    def get(obj: Obj) -> str:
        value = nested(obj, path)
        return "" if value is None else go_print.plain(value)

    return get


def _deprecation(definition: Obj, version: Obj) -> str:
    """What requests for a version are warned of: its own words, or which newer version to use."""
    if not version.get("deprecated"):
        return ""
    if version.get("deprecationWarning") is not None:
        return str(version["deprecationWarning"])
    group, kind = definition["spec"]["group"], definition["spec"]["names"]["kind"]
    text, own = f"{group}/{version['name']} {kind} is deprecated", version_rank(version["name"])
    fresh = [v["name"] for v in crd.versions(definition) if v.get("served") and not v.get("deprecated")]
    better = min((name for name in fresh if version_rank(name) < own), key=version_rank, default="")
    return f"{text}; use {group}/{better} {kind}" if better else text


def _webhook(definition: Obj) -> Obj | None:
    conversion = definition["spec"].get("conversion") or {}
    return conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None


# -- between versions


def _reader(group: str, served: str, shapes: Mapping[str, Shape], *, by_webhook: bool) -> Callable[[Obj], Obj]:
    """Reads a stored object as of the served version: defaulted by the version it was written in.

    `by_webhook`: somebody else converts (Registry.readable) before anything is read.
    """

    def read(obj: Obj) -> Obj:
        written = str(obj["apiVersion"]).rpartition("/")[2]
        _fit(obj, shapes.get(written), defaults=True)
        if written != served:
            if by_webhook:
                raise internal_error("an object was read before its conversion webhook was asked")
            obj["apiVersion"] = f"{group}/{served}"
            _fit(obj, shapes.get(served), defaults=False)
        return obj

    return read


def _writer(group: str, served: str, stored: str, shapes: Mapping[str, Shape]) -> Callable[[Obj], Obj]:
    def write(obj: Obj) -> Obj:
        if served != stored:
            obj["apiVersion"] = f"{group}/{stored}"
            _fit(obj, shapes.get(stored), defaults=False)
        return obj

    return write


def _fit(obj: Obj, shape: Shape | None, *, defaults: bool) -> None:
    """Drop what a version's schema does not have."""
    schema = shape.structural_schema if shape else None
    if schema is None:
        return
    for _ in custom_objects.prune(obj, schema):
        pass
    if defaults:
        custom_objects.set_defaults(obj, schema)
