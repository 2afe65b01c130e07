"""Sets of field paths, kept in the very form they have in managedFields: FieldsV1.

A set is a tree of dicts. A key is a path element: `f:<field or map key>`, `k:<key fields as JSON>`, `v:<scalar as
JSON>` or `i:<index>`. An empty dict below a key means the path is in the set; `.` means the same beside longer paths.
At the top, an empty dict is the empty set. Trees are never changed once built, so they share branches freely.
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/#System
"""

from collections.abc import Iterator
from typing import Any

import orjson

from minik.api.patch import go_print

FieldSet = dict[str, Any]
Path = tuple[str, ...]

LEAF: FieldSet = {}
SELF = "."
_RANK = {"f": 0, "k": 1, "v": 2, "i": 3}


def from_paths(*paths: Path) -> FieldSet:
    """The set of these paths, each a tuple of path elements."""
    root: FieldSet = {}
    for path in paths:
        tree: FieldSet = LEAF
        for element in reversed(path):
            tree = {element: tree}
        root = union(root, tree)
    return root


def named(*paths: tuple[str, ...]) -> FieldSet:
    """The set of these field names, e.g. ("metadata", "labels")."""
    return from_paths(*(tuple(f"f:{name}" for name in path) for path in paths))


def member(children: FieldSet | None) -> FieldSet:
    """A branch that is itself in the set, on top of what is below it."""
    if not children or SELF in children:
        return children or LEAF
    return {SELF: LEAF, **children}


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths in either set."""
    if not left or left is right:
        return right
    if not right:
        return left
    merged = dict(left)
    for element, branch in right.items():
        other = merged.get(element)
        merged[element] = branch if other is None or other is branch else _union(other, branch)
    return merged


def _union(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return member(right)
    return union(left, right) if right else member(left)


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths in both sets."""
    both: FieldSet = {}
    for element, branch in left.items():
        other = right.get(element)
        if other is None or element == SELF:
            continue
        if branch is other:
            both[element] = branch
            continue
        common = intersection(branch, other)
        if _contains_itself(branch) and _contains_itself(other):
            both[element] = member(common)
        elif common:
            both[element] = common
    return both


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of `left` that are not in `right`. A path stays even if a shorter one leaves."""
    if not right:
        return left
    rest: FieldSet = {}
    for element, branch in left.items():
        other = right.get(element)
        if other is None:
            rest[element] = branch
        elif element != SELF:
            remaining = difference(branch, other) if branch and other else branch
            remaining = {key: value for key, value in remaining.items() if key != SELF}
            if _contains_itself(branch) and not _contains_itself(other):
                rest[element] = member(remaining)
            elif remaining:
                rest[element] = remaining
    return rest


def without(left: FieldSet, right: FieldSet) -> FieldSet:
    """Paths of `left` that are neither in `right` nor below a path in it (recursive difference)."""
    if not right:
        return left
    rest: FieldSet = {}
    for element, branch in left.items():
        other = right.get(element)
        if other is None:
            rest[element] = branch
        elif not _contains_itself(other):
            remaining = without(branch, other)
            if remaining or not branch:
                rest[element] = remaining
    return rest


def contains(fields: FieldSet, path: Path) -> bool:
    """Whether a path is in the set."""
    for element in path:
        branch = fields.get(element)
        if branch is None:
            return False
        fields = branch
    return bool(path) and _contains_itself(fields)


def _contains_itself(branch: FieldSet) -> bool:
    return not branch or SELF in branch


def paths(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """All paths, in upstream's order: the ones that end here first, then those that go on; fields, keys, values."""
    elements = sorted((element for element in fields if element != SELF), key=_order)
    for element in elements:
        if _contains_itself(fields[element]):
            yield (*prefix, element)
    for element in elements:
        if fields[element]:
            yield from paths(fields[element], (*prefix, element))


def in_order(fields: FieldSet) -> FieldSet:
    """The same set with its keys in the order upstream writes them."""
    if len(fields) < 2:
        return {element: in_order(branch) if branch else branch for element, branch in fields.items()}
    elements = sorted(fields)
    if elements[-1] >= "k:":
        elements.sort(key=_order)
    return {element: in_order(fields[element]) if fields[element] else LEAF for element in elements}


def _order(element: str) -> tuple[Any, ...]:
    if element == SELF:
        return (-1,)
    if element[0] == "f":
        return 0, element
    if element[0] == "i":
        return 3, int(element[2:])
    content = orjson.loads(element[2:])
    parts = list(content.items()) if isinstance(content, dict) else [("", content)]
    return _RANK[element[0]], [(name, isinstance(value, str), value) for name, value in parts]


def show(path: Path) -> str:
    """A path as messages print it: `.spec.containers[name="c"].image`."""
    return "".join(map(_show_element, path))


def _show_element(element: str) -> str:
    kind, content = element[0], element[2:]
    if kind == "f":
        return f".{content}"
    if kind == "i":
        return f"[{content}]"
    value = orjson.loads(content)
    if kind == "v":
        return f"[={_show_value(value)}]"
    return f"[{','.join(f'{name}={_show_value(part)}' for name, part in value.items())}]"


def _show_value(value: Any) -> str:
    return go_print.quoted(value) if isinstance(value, str) else go_print.plain(value)


def parse(fields_v1: Any) -> FieldSet:
    """A set from what a client sent as fieldsV1. Raises ValueError when it is none."""
    if not isinstance(fields_v1, dict):
        raise ValueError("not an object")
    return {
        element: branch
        for key, value in fields_v1.items()
        if key != SELF
        for element, branch in (_parse_branch(key, value),)
        if branch is not None
    }


def _parse_branch(key: str, value: Any) -> tuple[str, FieldSet | None]:
    element = _parse_element(key)
    children = parse(value)
    if not value or SELF in value:
        return element, member(children)
    return element, children or None


def _parse_element(key: str) -> str:
    if len(key) < 2 or key[1] != ":" or key[0] not in _RANK:
        raise ValueError(f"missing or unknown path element type in {key!r}")
    if key[0] == "f":
        return key
    if key[0] == "i":
        return f"i:{int(key[2:])}"
    content = orjson.loads(key[2:])
    if key[0] == "k" and not (isinstance(content, dict) and content):
        raise ValueError("incorrect key")
    return f"{key[0]}:{orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()}"
