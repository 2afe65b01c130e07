"""What a round trip through Go's structs does to an object, compiled for each type on first use.

A real API server decodes JSON into structs and writes them out again: unknown fields vanish, empty optional fields
vanish unless Go holds a pointer, fields without omitempty appear, quantities and times become canonical, nulls become
zero values. `converter(shape)` is a function that does this in one pass over plain dicts and lists and never changes
its input. Error texts: Go's encoding/json.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from minik.api.schema.types import Field, Shape, get
from minik.api.schema.values import PARSERS, BadValue, TypeMismatch, canonical_base64, found
from minik.api.types import Obj


class Dropped:
    """The result of a field that is not written."""


DROP = Dropped()


class Pass:
    """What one pass saw: how many keys there were in the structs, maps and free JSON, and whether any was unknown."""

    __slots__ = ("keys", "unknown")

    def __init__(self) -> None:
        self.keys = 0
        self.unknown = False


Converter = Callable[[Any, Pass], Any]


@cache
def converter(shape: Shape) -> Converter:
    """The function that converts values of this type. It raises TypeMismatch or BadValue."""
    converters: dict[str, Converter] = {}
    always = tuple((f.name, _zero_of(f)) for f in shape.always)
    lookup = converters.get

    def learn(name: str) -> Converter | None:
        field = shape.fields.get(name)
        if field is None:
            return None
        converters[name] = _for_field(field)
        return converters[name]

    def convert(value: Any, seen: Pass) -> Any:
        if value.__class__ is not dict:
            raise TypeMismatch(found(value), shape.go_type)
        seen.keys += len(value)
        out: Obj = {}
        name = ""
        try:
            for name, item in value.items():
                convert_field = lookup(name) or learn(name)
                if convert_field is None:
                    seen.unknown = True
                    continue
                item = convert_field(item, seen)
                if item is not DROP:
                    out[name] = item
        except TypeMismatch as mismatch:
            mismatch.inside(shape.go_name, name)
            raise
        for name, zero in always:
            if name not in out:
                out[name] = zero()
        return out

    return convert


def zero(shape: Shape) -> Obj:
    """The type as written when nothing in it was set."""
    return {f.name: _zero_of(f)() for f in shape.always}


_ZEROS: dict[str, Any] = {"string": "", "bytes": "", "quantity": "0", "bool": False, "any": None}
_ZEROS |= {"int32": 0, "int64": 0, "double": 0, "intstr": 0, "time": None, "microtime": None, "duration": "0s"}


def _zero_of(field: Field) -> Callable[[], Any]:
    if field.type == "object" and not field.pointer:
        shape = field.shape
        assert shape is not None
        return lambda: zero(shape)
    if field.pointer or field.type in ("list", "map"):
        return lambda: None
    value = _ZEROS[field.type]
    return lambda: value


def _for_field(field: Field) -> Converter:
    """The converter of a struct's field: empties vanish unless the field is a pointer or always written."""
    absent = _zero_of(field) if field.always else lambda: DROP
    return _build(field, absent, keep_empty=field.pointer or field.always)


def _for_element(field: Field) -> Converter:
    """The converter of what a list or map holds: null is the zero value, nothing vanishes."""
    return _build(field, _zero_of(field), keep_empty=True)


def _build(field: Field, absent: Callable[[], Any], *, keep_empty: bool) -> Converter:
    if field.union:
        return _union(field.union, absent)
    if field.type == "object":
        return _object(field, absent)
    if field.type == "list":
        return _list(field, absent)
    if field.type == "map":
        return _map(field, absent)
    make = {
        "bool": _bool,
        "int32": _int32,
        "int64": _int64,
        "double": _double,
        "bytes": _bytes,
        "any": _any,
    }
    if field.type == "string":
        return _string(field, absent, keep_empty)
    if field.type in make:
        return make[field.type](absent, keep_empty)
    return _parsed(PARSERS[field.type], absent)


def _object(field: Field, absent: Callable[[], Any]) -> Converter:
    shape = field.shape
    assert shape is not None
    inner: Converter | None = None

    def convert(value: Any, seen: Pass) -> Any:
        nonlocal inner
        if value is None:
            return absent()
        if inner is None:
            inner = converter(shape)
        return inner(value, seen)

    return convert


def go_type(field: Field) -> str:
    """The Go type of a field, without pointers."""
    if field.go_name:
        return field.go_name
    if field.type == "list" and field.item:
        return "[]" + go_type(field.item)
    if field.type == "map" and field.item:
        return "v1.ResourceList" if field.item.type == "quantity" else "map[string]" + go_type(field.item)
    if field.type == "object" and field.shape:
        return field.shape.go_type
    names = {"double": "float64", "bytes": "[]uint8", "quantity": "resource.Quantity", "intstr": "intstr.IntOrString"}
    return names.get(field.type, field.type)


def _list(field: Field, absent: Callable[[], Any]) -> Converter:
    assert field.item is not None
    element = _for_element(field.item)
    keep_empty = field.always  # until emptied.settle

    def convert(value: Any, seen: Pass) -> Any:
        if value.__class__ is list:
            return [element(item, seen) for item in value] if value or keep_empty else absent()
        if value is None:
            return absent()
        raise TypeMismatch(found(value), go_type(field))

    return convert


def _map(field: Field, absent: Callable[[], Any]) -> Converter:
    assert field.item is not None
    element = _for_element(field.item)

    def convert(value: Any, seen: Pass) -> Any:
        if value.__class__ is dict:
            seen.keys += len(value)
            return {key: element(item, seen) for key, item in value.items()} if value else absent()
        if value is None:
            return absent()
        raise TypeMismatch(found(value), go_type(field))

    return convert


def _string(field: Field, absent: Callable[[], Any], keep_empty: bool) -> Converter:
    go_name = go_type(field)

    def convert(value: Any, _seen: Pass) -> Any:
        if value.__class__ is str:
            return value if value or keep_empty else DROP
        if value is None:
            return absent()
        raise TypeMismatch(found(value), go_name)

    return convert


def _bool(absent: Callable[[], Any], keep_empty: bool) -> Converter:
    def convert(value: Any, _seen: Pass) -> Any:
        if value.__class__ is bool:
            return value if value or keep_empty else DROP
        if value is None:
            return absent()
        raise TypeMismatch(found(value), "bool")

    return convert


def _integer(bits: int, absent: Callable[[], Any], keep_empty: bool) -> Converter:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: Any, _seen: Pass) -> Any:
        if value.__class__ is int and low <= value <= high:
            return value if value or keep_empty else DROP
        if value is None:
            return absent()
        what = f"number {value}" if value.__class__ in (int, float) else found(value)
        raise TypeMismatch(what, f"int{bits}")

    return convert


def _int32(absent: Callable[[], Any], keep_empty: bool) -> Converter:
    return _integer(32, absent, keep_empty)


def _int64(absent: Callable[[], Any], keep_empty: bool) -> Converter:
    return _integer(64, absent, keep_empty)


def _double(absent: Callable[[], Any], keep_empty: bool) -> Converter:
    def convert(value: Any, _seen: Pass) -> Any:
        if value.__class__ in (int, float):
            if not value and not keep_empty:
                return DROP
            return int(value) if value == int(value) and abs(value) < 1e21 else value
        if value is None:
            return absent()
        raise TypeMismatch(found(value), "float64")

    return convert


def _bytes(absent: Callable[[], Any], keep_empty: bool) -> Converter:
    def convert(value: Any, _seen: Pass) -> Any:
        if value.__class__ is str:
            return canonical_base64(value) if value or keep_empty else DROP
        if value is None:
            return absent()
        raise TypeMismatch(found(value), "[]uint8")

    return convert


def _any(absent: Callable[[], Any], _keep_empty: bool) -> Converter:
    def convert(value: Any, seen: Pass) -> Any:
        if value is None:
            return absent()
        seen.keys += _keys(value)
        return value

    return convert


def _keys(value: Any) -> int:
    if value.__class__ is dict:
        return len(value) + sum(_keys(item) for item in value.values())
    if value.__class__ is list:
        return sum(_keys(item) for item in value)
    return 0


def _parsed(parse: Callable[[Any], Any], absent: Callable[[], Any]) -> Converter:
    def convert(value: Any, _seen: Pass) -> Any:
        return absent() if value is None else parse(value)

    return convert


_SCHEMA_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"


def _union(kind: str, absent: Callable[[], Any]) -> Converter:
    """apiextensions' schema-or-bool, schema-or-list-of-schemas and schema-or-list-of-strings.

    They read themselves, so unknown fields inside vanish without a complaint.
    """

    def props(value: Any, seen: Pass) -> Any:
        inner = Pass()
        out = converter(get(_SCHEMA_PROPS))(value, inner)
        seen.keys += inner.keys
        return out

    def convert(value: Any, seen: Pass) -> Any:
        if value is None:
            return absent()
        if value.__class__ is dict:
            return props(value, seen)
        if kind == "schemaOrBool":
            if value.__class__ is bool:
                return value
            raise BadValue("boolean or JSON schema expected")
        if value.__class__ is list:
            return [props(v, seen) for v in value] if kind == "schemaOrArray" else value
        raise TypeMismatch(found(value), "[]string")

    return convert
