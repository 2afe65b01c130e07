"""JSON Patch (RFC 6902) with the leniencies of upstream's library.

`replace` of a missing member adds it, negative indexes count from the end, a missing `value` is null, and `copy` of a
missing member yields null. Any operation that cannot be done answers 422 without saying which one.
Levels that an operation touches come out sorted by key, because error texts quote the patched document.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minik.api.patch import go_print
from minik.api.status import StatusError, bad_request, entity_too_large
from minik.api.types import Obj

MAX_OPERATIONS = 10000
_STRING_MEMBERS = ("op", "path", "from")


def apply(obj: Obj, patch_ops: Sequence[Mapping[str, Any]] | None) -> Obj:
    """The object after all operations; `obj` stays as it is. Raises 422 when one of them does not apply."""
    patch_ops = patch_ops or ()
    if len(patch_ops) > MAX_OPERATIONS:
        raise entity_too_large(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch_ops)}"
        )
    document: Any = obj
    for operation in patch_ops:
        try:
            document = _OPERATIONS[operation.get("op", "")](document, operation)
        except (_DoesNotApply, AttributeError, KeyError, TypeError, ValueError):
            raise StatusError(
                422, "Invalid", "the server rejected our request due to an error in our request", has_details=True
            ) from None
    patched: Obj = document
    return patched


def check(patch: Any, *, typed: bool = True) -> None:
    """Raises the 400 of a decoded patch with wrong types in it. null is an empty patch.

    Upstream reads patches as structs only to validate their fields, and else leaves the members as they are (`typed`).
    """
    if patch is None:
        return
    if not isinstance(patch, list):
        raise _wrong_type(patch, "", "[]handlers.jsonPatchOp" if typed else "jsonpatch.Patch", typed=typed)
    for operation in patch:
        if not isinstance(operation, dict | None):
            raise _wrong_type(operation, "", "handlers.jsonPatchOp" if typed else "jsonpatch.Operation", typed=typed)
        if not typed or operation is None:
            continue
        for member in _STRING_MEMBERS:
            if not isinstance(operation.get(member), str | None):
                raise _wrong_type(operation[member], f"jsonPatchOp.{member}", "string", typed=True)


def _wrong_type(value: Any, field: str, wanted: str, *, typed: bool) -> StatusError:
    where = f"Go struct field {field}" if field else "Go value"
    text = f"json: cannot unmarshal {go_print.json_name(value)} into {where} of type {wanted}"
    return bad_request(f"error decoding patch: {text}" if typed else text)


class _DoesNotApply(Exception):
    """An operation has nothing to work on."""


def _pointer(text: str) -> list[str]:
    """The segments of a JSON pointer. A first segment before the first slash is dropped, as upstream does."""
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _read(node: Any, key: str) -> Any:
    """What a container holds under a segment; None for a missing member, an error for a missing index."""
    if isinstance(node, dict):
        return node.get(key)
    if isinstance(node, list):
        return node[_index(key, len(node))]
    raise _DoesNotApply


def _index(key: str, length: int) -> int:
    index = int(key)
    if not -length <= index < length:
        raise _DoesNotApply
    return index + length if index < 0 else index


def _edit(node: Any, segments: Sequence[str], change: Callable[[Any, str], Any]) -> Any:
    """A copy of the way down to the last container, where `change(copy of container, last segment)` is done."""
    if not segments or not isinstance(node, (dict, list)):
        raise _DoesNotApply
    key, rest = segments[0], segments[1:]
    if not rest:
        return change(dict(sorted(node.items())) if isinstance(node, dict) else list(node), key)
    child = _edit(_read(node, key), rest, change)
    return _set(dict(sorted(node.items())) if isinstance(node, dict) else list(node), key, child)


def _set(container: Any, key: str, value: Any) -> Any:
    if isinstance(container, list):
        container[_index(key, len(container))] = value
        return container
    if key in container:
        container[key] = value
        return container
    container[key] = value
    return dict(sorted(container.items()))


def _insert(container: Any, key: str, value: Any) -> Any:
    if isinstance(container, dict):
        return _set(container, key, value)
    index = len(container) if key == "-" else _index(key, len(container) + 1)
    container.insert(index, value)
    return container


def _delete(container: Any, key: str) -> Any:
    if isinstance(container, list):
        del container[_index(key, len(container))]
    else:
        del container[key]
    return container


def _at(document: Any, segments: Sequence[str]) -> Any:
    """The value at a path. Everything above it must be there; the last member may be missing (None)."""
    for position, segment in enumerate(segments):
        if position and not isinstance(document, (dict, list)):
            raise _DoesNotApply
        document = _read(document, segment)
    return document


def _add(document: Any, operation: Mapping[str, Any]) -> Any:
    value = operation.get("value")
    return _edit(document, _pointer(operation["path"]), lambda container, key: _insert(container, key, value))


def _remove(document: Any, operation: Mapping[str, Any]) -> Any:
    return _edit(document, _pointer(operation["path"]), _delete)


def _replace(document: Any, operation: Mapping[str, Any]) -> Any:
    value = operation.get("value")
    if operation["path"] == "":
        if not isinstance(value, dict):
            raise _DoesNotApply
        return value
    return _edit(document, _pointer(operation["path"]), lambda container, key: _set(container, key, value))


def _copy(document: Any, operation: Mapping[str, Any]) -> Any:
    value = _at(document, _pointer(operation["from"]))
    return _edit(document, _pointer(operation["path"]), lambda container, key: _insert(container, key, value))


def _move(document: Any, operation: Mapping[str, Any]) -> Any:
    source = _pointer(operation["from"])
    value = _at(document, source)
    without = _edit(document, source, _delete)
    return _edit(without, _pointer(operation["path"]), lambda container, key: _insert(container, key, value))


def _test(document: Any, operation: Mapping[str, Any]) -> Any:
    if not equal(_at(document, _pointer(operation["path"])), operation.get("value")):
        raise _DoesNotApply
    return document


def equal(left: Any, right: Any) -> bool:
    """JSON equality: unlike Python's, 1, 1.0 and true are three different values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


_OPERATIONS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "copy": _copy,
    "move": _move,
    "test": _test,
}
