"""Which fields an object sets, and which differ between two objects, by type.

`fields_of` is what an apply claims: leaves, list items and map entries. `compare` sorts every difference into added,
modified and removed; what is new or gone is listed at every level, so an update that creates a struct owns it too.
"""

from dataclasses import dataclass, field
from typing import Any

from minik.api.patch.field_set import LEAF, SELF, FieldSet, member, union, without
from minik.api.patch.list_keys import index
from minik.api.patch.merge_types import MergeType


def fields_of(value: Any, of: MergeType) -> FieldSet:
    """The set of fields an object sets."""
    return _claimed(value, of) or {}


def _claimed(value: Any, of: MergeType) -> FieldSet | None:
    """A branch, or None where there is nothing to claim (an empty list that merges, a null)."""
    if of.kind == "leaf":
        return LEAF
    if isinstance(value, dict):
        return _claimed_members(value, of)
    if isinstance(value, list) and of.kind != "any":
        return _claimed_items(value, of)
    return LEAF if of.kind == "any" and value is not None else None


def _claimed_members(value: dict[str, Any], of: MergeType) -> FieldSet | None:
    claimed: FieldSet = {}
    declared = of.members
    for name, part in value.items():
        known = declared.get(name)
        element, member_type = known or of.member(name)
        branch = LEAF if member_type.kind == "leaf" else _claimed(part, member_type)
        if known is None or part is None or part == {}:
            branch = member(branch)
        if branch is not None:
            claimed[element] = branch
    return claimed or None


def _claimed_items(value: list[Any], of: MergeType) -> FieldSet | None:
    assert of.element is not None
    claimed: FieldSet = {}
    for element, items in index(value, of).items():
        claimed[element] = member(_claimed(items[0], of.element)) if len(items) == 1 else LEAF
        if of.element.kind == "leaf":
            claimed[element] = LEAF
    return claimed or None


@dataclass(slots=True)
class Comparison:
    """The differences between two objects, as field sets."""

    added: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    removed: FieldSet = field(default_factory=dict)

    @property
    def changed(self) -> FieldSet:
        """Added or modified."""
        return union(self.added, self.modified)

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.removed)

    def without(self, ignored: FieldSet) -> "Comparison":
        """The comparison without the ignored fields and what is below them."""
        if not ignored:
            return self
        return Comparison(without(self.added, ignored), without(self.modified, ignored), without(self.removed, ignored))

    def _put(self, element: str, other: "Comparison") -> None:
        if other.added:
            self.added[element] = other.added
        if other.modified:
            self.modified[element] = other.modified
        if other.removed:
            self.removed[element] = other.removed


def compare(old: Any, new: Any, of: MergeType) -> Comparison:
    """What changed between two values of a type, neither of which is a leaf."""
    found = Comparison()
    if old is new or old == new:
        return found
    if of.kind in ("keyed", "set"):
        _compare_lists(found, old, new, of)
    else:
        _compare_objects(found, old, new, of)
    return found


def _compare_objects(found: Comparison, old: Any, new: Any, of: MergeType) -> None:
    before = old if isinstance(old, dict) else {}
    after = new if isinstance(new, dict) else {}
    for name, value in after.items():
        if name not in before:
            element, member_type = of.member(name)
            found.added[element] = _whole(value, member_type)
        elif before[name] is not value:
            element, member_type = of.member(name)
            _compare_one(found, element, before[name], value, member_type)
    for name, value in before.items():
        if name not in after:
            element, member_type = of.member(name)
            found.removed[element] = _whole(value, member_type)


def _compare_one(found: Comparison, element: str, old: Any, new: Any, of: MergeType) -> None:
    """Both sides have the member; one of them may be null or empty."""
    if old == new:
        return
    if _is_leaf(old, of) and _is_leaf(new, of):
        found.modified[element] = LEAF
        return
    # Free JSON may turn from an object into something else
    if of.kind == "any" and None not in (old, new) and isinstance(old, dict) is not isinstance(new, dict):
        found.modified[element] = LEAF
    found._put(element, compare(old, new, of))


def _is_leaf(value: Any, of: MergeType) -> bool:
    if of.kind == "leaf" or not value:
        return True
    return not isinstance(value, dict if of.kind in ("object", "any") else list)


def _compare_lists(found: Comparison, old: Any, new: Any, of: MergeType) -> None:
    assert of.element is not None
    before = index(old if isinstance(old, list) else None, of)
    after = index(new if isinstance(new, list) else None, of)
    for element in dict.fromkeys([*before, *after]):
        olds, news = before.get(element, []), after.get(element, [])
        if len(olds) <= 1 and len(news) <= 1:
            if not olds:
                found.added[element] = _whole(news[0], of.element)
            elif not news:
                found.removed[element] = _whole(olds[0], of.element)
            else:
                _compare_one(found, element, olds[0], news[0], of.element)
        else:
            _compare_duplicates(found, element, olds, news, of.element)


def _compare_duplicates(found: Comparison, element: str, olds: list[Any], news: list[Any], of: MergeType) -> None:
    """Items that share their key are owned as one field, without looking inside."""
    if len(olds) >= 2 and len(news) >= 2:
        if olds != news:
            found.modified[element] = LEAF
    elif len(olds) >= 2:
        if news:
            found.added[element] = _whole(news[0], of)
        found.removed[element] = LEAF
    else:
        if olds:
            found.removed[element] = _whole(olds[0], of)
        found.added[element] = LEAF


def _whole(value: Any, of: MergeType) -> FieldSet:
    """A value that appeared or went: itself and every level below it."""
    if of.kind == "leaf" or not value or not isinstance(value, (dict, list)):
        return LEAF
    branch: FieldSet = {SELF: LEAF}
    if isinstance(value, dict):
        for name, part in value.items():
            element, member_type = of.member(name)
            branch[element] = LEAF if member_type.kind == "leaf" else _whole(part, member_type)
    elif of.kind in ("keyed", "set") and of.element is not None:
        for element, items in index(value, of).items():
            branch[element] = _whole(items[0], of.element) if len(items) == 1 else LEAF
    return branch if len(branch) > 1 else LEAF


def with_named_fields(fields: FieldSet, of: MergeType) -> FieldSet:
    """The set with every declared field on the way to a path added as a path of its own."""
    declared = of.members
    full: FieldSet = {}
    for element, branch in fields.items():
        if not branch:
            full[element] = branch
        elif element[0] == "f":
            name = element[2:]
            below = with_named_fields(branch, of.member(name)[1])
            full[element] = member(below) if name in declared else below
        else:
            full[element] = with_named_fields(branch, of.element) if of.element else branch
    return full


def collapsed(fields: FieldSet, of: MergeType) -> FieldSet:
    """The set after its type changed: whoever owns part of what became atomic owns all of it. Returns the same set
    when nothing did."""
    result: FieldSet = {}
    same = True
    for element, branch in fields.items():
        result[element] = branch
        below = of.member(element[2:])[1] if element[0] == "f" else of.element
        if branch and below is not None:
            result[element] = LEAF if below.kind == "leaf" else collapsed(branch, below)
            same = same and result[element] is branch
    return fields if same else result
