"""Request bodies to objects of a kind, with upstream's complaints.

`decode_body` reads JSON or YAML, checks that the object is of the expected kind, converts it as Go's structs would
(structs.py) and reports unknown and repeated fields as fieldValidation asks. `prune` converts an object that is
already decoded, such as the result of a patch. Behaviour: apimachinery's serializer/json, apiserver's create handler.
"""

from collections.abc import Collection
from typing import Any

from minik.api.schema import custom_objects, strict, structs, types, values
from minik.api.schema.body import Body, cannot_handle, group_version, read, repeats_keys, stated_kind
from minik.api.schema.types import GroupVersionKind, Shape
from minik.api.scheme import Resource
from minik.api.status import bad_request
from minik.api.types import Obj

_SCHEME = "pkg/api/legacyscheme/scheme.go:30"


def decode_body(
    raw: bytes,
    media_type: str,
    target: Resource | Shape,
    *,
    field_validation: str = "Warn",
    accepted: Collection[GroupVersionKind] = (),
    patched: bool = False,
) -> tuple[Obj, list[str]]:
    """The object in a request body, and the warnings to answer with.

    `target` is the resource written to, or the shape of what a subresource or an option body speaks; `accepted` are
    the old names of that shape which will do as well. `patched`: it is not a request's body but what a patch has made.
    Raises StatusError: 415 for an unknown media type, 400 for everything else.
    """
    expected, shape = _expected(target)
    body = read(raw, media_type, expected)
    if shape.custom:
        return custom_objects.decode(body, shape, expected, field_validation, any_version=patched)
    actual = stated_kind(body, expected)
    if actual != expected and actual not in accepted:
        _refuse_other(body, actual, expected, field_validation)
    obj, complaints = _convert(body, shape, actual, expected)
    if complaints and field_validation == "Strict":
        raise cannot_handle(actual, expected, f"strict decoding error: {', '.join(complaints)}")
    return obj, strict.as_warnings(complaints) if field_validation != "Ignore" else []


def prune(obj: Obj, shape: Shape) -> Obj:
    """A copy of the object as Go's structs would hold it. Raises StatusError (400) with Go's text.

    A custom resource's object is pruned and defaulted by its structural schema instead.
    """
    try:
        if shape.custom:
            return custom_objects.pruned(obj, shape)
        pruned: Obj = structs.converter(shape)(obj, structs.Pass())
    except (values.TypeMismatch, values.BadValue) as error:
        raise bad_request(str(error)) from None
    return pruned


def shape_of(resource: Resource) -> Shape:
    """The shape of a resource's objects, which patches and apply go by."""
    return resource.shape or types.get(resource.type_name)


def _expected(target: Resource | Shape) -> tuple[GroupVersionKind, Shape]:
    if isinstance(target, Shape):
        return target.group_version_kind or GroupVersionKind("", "v1", target.go_name), target
    return GroupVersionKind(target.group, target.version, target.kind), shape_of(target)


def _refuse_other(body: Body, actual: GroupVersionKind, expected: GroupVersionKind, field_validation: str) -> None:
    """Always raises: the body is of another kind or version than the endpoint's."""
    name = types.name_of(*actual)
    if name is None:
        version = group_version(actual)
        text = f'no kind "{actual.kind}" is registered for version "{version}" in scheme "{_SCHEME}"'
        raise cannot_handle(actual, expected, text)
    _, complaints = _convert(body, types.get(name), actual, expected)
    if actual.kind == expected.kind and _same_family(actual.group, expected.group):
        if complaints and field_validation == "Strict":
            raise cannot_handle(actual, expected, f"strict decoding error: {', '.join(complaints)}")
        raise bad_request(
            f"the API version in the data ({group_version(actual)}) does not match"
            f" the expected API version ({group_version(expected)})"
        )
    source = ".".join(name.split(".")[-2:])
    target = f"{expected.group.partition('.')[0] or 'core'}.{expected.kind}"
    raise cannot_handle(actual, expected, f"converting ({source}) to ({target}): unknown conversion")


def _same_family(one: str, other: str) -> bool:
    """Groups whose kinds convert into each other: events moved from the core group to their own."""
    return one == other or {one, other} == {"", "events.k8s.io"}


def _clears_owners(value: Any) -> bool:
    """Whether managedFields are given and empty, which is a wish: Go tells that from none."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return isinstance(metadata, dict) and metadata.get("managedFields") == []


def _convert(body: Body, shape: Shape, actual: GroupVersionKind, expected: GroupVersionKind) -> tuple[Obj, list[str]]:
    seen = structs.Pass()
    try:
        converted: Obj = structs.converter(shape)(body.value or {}, seen)
    except (values.TypeMismatch, values.BadValue) as error:
        raise cannot_handle(actual, expected, str(error)) from None
    converted.pop("kind", None)
    converted.pop("apiVersion", None)
    obj: Obj = {"kind": actual.kind, "apiVersion": group_version(actual), **converted}
    if _clears_owners(body.value) and "metadata" in shape.fields:
        obj["metadata"] = {**(obj.get("metadata") or {}), "managedFields": []}
    complaints = body.repeats
    if body.is_json and repeats_keys(body.raw, body.value, seen):
        complaints = strict.complaints(strict.with_duplicates(body.raw.decode(errors="replace")), shape)
    elif seen.unknown:
        complaints = [*body.repeats, *strict.complaints(body.value, shape)]
    return obj, complaints
