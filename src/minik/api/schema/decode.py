"""Request bodies to objects of a kind, with upstream's complaints.

`decode_body` reads JSON or YAML, checks that the object is of the expected kind, converts it as Go's structs would
(structs.py) and reports unknown and repeated fields as fieldValidation asks. `prune` converts an object that is
already decoded, such as the result of a patch. Behaviour: apimachinery's serializer/json, apiserver's create handler.
"""

from typing import Any, NamedTuple

from minik.api.codec import json_codec
from minik.api.schema import strict, structs, types, values
from minik.api.schema.types import GroupVersionKind, Shape
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request, unsupported_media_type
from minik.api.types import Obj

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
_SCHEME = "pkg/api/legacyscheme/scheme.go:30"
TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SHOWN = 30  # bytes of an unreadable body that messages show


class Body(NamedTuple):
    """A body read from its media type. `repeats` are complaints the reader itself already has."""

    value: Any
    raw: bytes
    repeats: list[str]
    is_json: bool


def decode_body(
    raw: bytes, media_type: str, target: Resource | Shape, *, field_validation: str = "Warn"
) -> tuple[Obj, list[str]]:
    """The object in a request body, and the warnings to answer with.

    `target` is the resource written to, or the shape of what a subresource or an option body speaks.
    Raises StatusError: 415 for an unknown media type, 400 for everything else.
    """
    expected, shape = _expected(target)
    body = read(raw, media_type, expected)
    if shape.custom:
        from minik.api.schema import custom_objects  # only custom resources need it

        return custom_objects.decode(body, shape, expected, field_validation)
    actual = stated_kind(body, expected)
    if actual != expected:
        _refuse_other(body, actual, expected, field_validation)
    obj, complaints = _convert(body, shape, actual, expected)
    if complaints and field_validation == "Strict":
        raise cannot_handle(actual, expected, f"strict decoding error: {', '.join(complaints)}")
    return obj, complaints if field_validation != "Ignore" else []


def prune(obj: Obj, shape: Shape) -> Obj:
    """A copy of the object as Go's structs would hold it. Raises StatusError (400) with Go's text.

    A custom resource's object is pruned and defaulted by its structural schema instead.
    """
    try:
        if shape.custom:
            from minik.api.schema import custom_objects  # only custom resources need it

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


def read(raw: bytes, media_type: str, expected: GroupVersionKind) -> Body:
    media = media_type.partition(";")[0].strip().lower() or JSON
    if media == JSON:
        try:
            return Body(json_codec.loads(raw), raw, [], True)
        except json_codec.JSONError as error:
            raise unrecognized(raw, expected, f"couldn't get version/kind; json parse error: {error}") from None
    if media in (YAML, "application/yml"):
        from minik.api.codec import yaml_codec

        try:
            value, repeats = yaml_codec.loads(raw)
        except yaml_codec.YAMLError as error:
            raise unrecognized(raw, expected, str(error)) from None
        return Body(value, raw, repeats, False)
    if media == PROTOBUF:
        return _read_protobuf(raw, expected)
    accepted = f"{JSON}, {YAML}, {PROTOBUF}"
    raise unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    )


def _read_protobuf(raw: bytes, expected: GroupVersionKind) -> Body:
    """The object as its message names it; of a kind nobody knows only the name is read, for `_refuse_other`."""
    from minik.api.codec import protobuf

    try:
        wrapped = protobuf.envelope(raw)
        group, _, version = wrapped.api_version.rpartition("/")
        name = types.name_of(group, version or expected.version, wrapped.kind or expected.kind)
        value = protobuf.decode(wrapped.message, types.get(name)) if name else {}
    except protobuf.ProtobufError as error:
        raise unrecognized(raw, expected, str(error)) from None
    named = {"apiVersion": wrapped.api_version, "kind": wrapped.kind}
    return Body({**value, **{k: v for k, v in named.items() if v}}, raw, [], False)


def stated_kind(body: Body, expected: GroupVersionKind) -> GroupVersionKind:
    """What the body says it is, with the gaps filled from what is expected."""
    value = {} if body.value is None else body.value
    if not isinstance(value, dict):
        found = values.found(value)
        text = f"json: cannot unmarshal {found} into Go value of type {TYPE_META}"
        raise unrecognized(body.raw, expected, f"couldn't get version/kind; json parse error: {text}")
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str | None):
            found = values.found(value[name])
            text = f"json: cannot unmarshal {found} into Go struct field .{name} of type string"
            raise unrecognized(body.raw, expected, f"couldn't get version/kind; json parse error: {text}")
    api_version, kind = value.get("apiVersion") or "", value.get("kind") or expected.kind
    if api_version.count("/") > 1:
        raise unrecognized(body.raw, expected, f"unexpected GroupVersion string: {api_version}")
    group, _, version = api_version.rpartition("/")
    if not version and group in ("", expected.group):
        group, version = expected.group, expected.version
    return GroupVersionKind(group, version, kind)


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


def _convert(body: Body, shape: Shape, actual: GroupVersionKind, expected: GroupVersionKind) -> tuple[Obj, list[str]]:
    seen = structs.Pass()
    try:
        converted: Obj = structs.converter(shape)(body.value or {}, seen)
    except (values.TypeMismatch, values.BadValue) as error:
        raise cannot_handle(actual, expected, str(error)) from None
    converted.pop("kind", None)
    converted.pop("apiVersion", None)
    obj: Obj = {"kind": actual.kind, "apiVersion": group_version(actual), **converted}
    complaints = body.repeats
    if body.is_json and repeats_keys(body.raw, body.value, seen):
        complaints = strict.complaints(strict.with_duplicates(body.raw.decode(errors="replace")), shape)
    elif seen.unknown:
        complaints = [*body.repeats, *strict.complaints(body.value, shape)]
    return obj, complaints


def repeats_keys(raw: bytes, value: Any, seen: structs.Pass) -> bool:
    """Whether the text may hold more keys than the parsed value: a cheap count that errs towards yes.

    A key ends in a quote and a colon. Quotes inside strings are escaped, so `":` is a key's end unless a backslash
    stands before it.
    """
    written = raw.count(b'":') - raw.count(b'\\":') + raw.count(b'" :') - raw.count(b'\\" :')
    keys = seen.keys if not seen.unknown else _count(value)
    return written != keys


def may_repeat_keys(raw: bytes, value: Any) -> bool:
    """The same for JSON that no structs have seen."""
    seen = structs.Pass()
    seen.unknown = True
    return repeats_keys(raw, value, seen)


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count(item) for item in value.values())
    return sum(_count(item) for item in value) if isinstance(value, list) else 0


def group_version(kind: GroupVersionKind) -> str:
    return f"{kind.group}/{kind.version}" if kind.group else kind.version


def cannot_handle(actual: GroupVersionKind, expected: GroupVersionKind, text: str) -> StatusError:
    return bad_request(f'{actual.kind} in version "{actual.version}" cannot be handled as a {expected.kind}: {text}')


def unrecognized(raw: bytes, expected: GroupVersionKind, text: str) -> StatusError:
    if not raw:
        shown = "<empty>"
    elif raw[:1] == b"{":
        shown = raw[:_SHOWN].decode(errors="replace") + (" ..." if len(raw) > _SHOWN else "")
    else:
        shown = raw[:_SHOWN].hex() + (" ..." if len(raw) > _SHOWN else "")
    return bad_request(f"the object provided is unrecognized (must be of type {expected.kind}): {text} ({shown})")
