"""Bodies of requests read from their media types, and what they say they are.

JSON, YAML and protobuf become values as JSON has them; what the values mean is decode.py's and custom_objects.py's.
Texts: apimachinery's serializer/json and serializer/protobuf.
"""

from typing import Any, NamedTuple

from minik.api.codec import json_codec
from minik.api.schema import structs, types, values
from minik.api.schema.types import GroupVersionKind
from minik.api.status import StatusError, bad_request, unsupported_media_type

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
TYPE_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_SHOWN = 30  # bytes of an unreadable body that messages show


class Body(NamedTuple):
    """A body read from its media type. `repeats` are complaints the reader itself already has."""

    value: Any
    raw: bytes
    repeats: list[str]
    is_json: bool


def read(raw: bytes, media_type: str, expected: GroupVersionKind) -> Body:
    media = media_type.partition(";")[0].strip().lower() or JSON
    if media == JSON:
        try:
            return Body(json_codec.loads(raw), raw, [], True)
        except json_codec.JSONError as error:
            raise unrecognized(raw, expected, f"couldn't get version/kind; json parse error: {error}") from None
    if media == YAML:
        from minik.api.codec import yaml_codec

        try:
            value, repeats = yaml_codec.loads(raw)
        except yaml_codec.YAMLError as error:
            raise unrecognized(raw, expected, str(error)) from None
        return Body(value, raw, repeats, False)
    if media == PROTOBUF:
        return _read_protobuf(raw, expected)
    raise unknown_format()


def unknown_format() -> StatusError:
    accepted = f"{JSON}, {YAML}, {PROTOBUF}"
    return unsupported_media_type(
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
