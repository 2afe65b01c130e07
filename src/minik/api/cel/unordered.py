"""Lists of custom resources that are sets or maps by keys: their order does not matter when they are compared.

Adding to them keeps what is there in its place. The interpreter knows them, the engine has ordinary lists.
https://kubernetes.io/docs/reference/using-api/cel/ (equality), upstream: apiserver's cel/common valuesunstructured.go
"""

from collections.abc import Callable, Sequence
from typing import Any

from minik.api.cel.syntax_tree import Call, Constant, ListLiteral, Node, Select, walk

_LISTWISE = frozenset({"_==_", "_!=_", "_+_", "@in", "in"})
_LISTS = frozenset({"_?_:_", "_[_]", "orValue", "value", "dyn", "cel.@block", "optional.of"})


class SetList(list[Any]):
    """Its items are there once."""

    def like(self, items: list[Any]) -> "SetList":
        return SetList(items)

    def same(self, other: Sequence[Any], _equal: Callable[[Any, Any], bool]) -> bool:
        own = {(type(item), item) for item in self}
        return len(self) == len(other) and all((type(item), item) in own for item in other)

    def __add__(self, other: Any) -> "SetList":
        if not isinstance(other, list):
            return NotImplemented
        seen, items = {(type(item), item) for item in self}, list(self)
        for item in other:
            if (type(item), item) not in seen:
                seen.add((type(item), item))
                items.append(item)
        return SetList(items)


class KeyedList(list[Any]):
    """Its items are found by their keys."""

    def __init__(self, items: Sequence[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self._keys = keys

    def like(self, items: list[Any]) -> "KeyedList":
        return KeyedList(items, self._keys)

    def _key(self, item: Any) -> tuple[Any, ...]:
        return tuple((type(item.get(key)), item.get(key)) for key in self._keys) if isinstance(item, dict) else ()

    def same(self, other: Sequence[Any], equal: Callable[[Any, Any], bool]) -> bool:
        own = {self._key(item): item for item in self}
        if len(self) != len(other):
            return False
        return all(self._key(item) in own and equal(own[self._key(item)], item) for item in other)

    def __add__(self, other: Any) -> "KeyedList":
        if not isinstance(other, list):
            return NotImplemented
        items = {self._key(item): item for item in self}
        items.update((self._key(item), item) for item in other)
        return KeyedList(list(items.values()), self._keys)


Unordered = SetList | KeyedList


def ordinary(value: Any) -> Any:
    """The value with lists as the engine takes them."""
    if isinstance(value, dict):
        return {key: ordinary(part) for key, part in value.items()}
    return [ordinary(item) for item in value] if isinstance(value, list) else value


def compares_lists(tree: Node) -> bool:
    """Whether an expression may compare or add lists, as far as its form tells."""
    return any(
        isinstance(node, Call) and node.function in _LISTWISE and all(map(_may_be_list, node.arguments))
        for node in walk(tree)
    )


def _may_be_list(node: Node) -> bool:
    if isinstance(node, Constant) or (isinstance(node, Select) and node.test_only):
        return False
    if isinstance(node, Call):
        if node.function == "_+_":
            return all(map(_may_be_list, node.arguments))
        return node.function in _LISTS
    return not (isinstance(node, ListLiteral) and not node.elements)
