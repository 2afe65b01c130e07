"""Checks an applied configuration against its type, with the texts of structured-merge-diff."""

from collections.abc import Iterator
from typing import Any

from minik.api.patch import field_set, go_print
from minik.api.patch.list_keys import NoKey, element_of
from minik.api.patch.merge_types import MergeType


def complaints(value: Any, of: MergeType, prefix: str = "") -> list[str]:
    """All that is wrong, each as `.path: what`. An empty list means the value fits its type."""
    return list(_walk(value, of, prefix, duplicates=False))


def message(found: list[str]) -> str:
    """Several complaints as one text."""
    return found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {text}" for text in found)])


def _walk(value: Any, of: MergeType, path: str, *, duplicates: bool) -> Iterator[str]:
    if value is None or of.kind == "any":
        return
    wrong = _wrong_type(value, of.wants)
    if wrong:
        yield f"{path}: {wrong}"
    elif isinstance(value, dict):
        yield from _walk_object(value, of, path)
    elif isinstance(value, list):
        yield from _walk_list(value, of, path)


def _walk_object(value: dict[str, Any], of: MergeType, path: str) -> Iterator[str]:
    declared = of.members
    for name, part in value.items():
        if name not in declared and of.element is None:
            if declared:
                yield f"{path}.{name}: field not declared in schema"
            continue
        yield from _walk(part, of.member(name)[1], f"{path}.{name}", duplicates=False)


def _walk_list(value: list[Any], of: MergeType, path: str) -> Iterator[str]:
    if of.element is None:
        return
    seen = set()
    for position, item in enumerate(value):
        if of.kind == "leaf":
            yield from _walk(item, of.element, f"{path}[{position}]", duplicates=False)
            continue
        try:
            element = element_of(item, of)
        except NoKey as error:
            yield f"{path}: element {position}: {error}"
            return
        shown = field_set.show((element,))
        if element in seen:
            yield f"{path}: duplicate entries for key {shown}"
        seen.add(element)
        yield from _walk(item, of.element, f"{path}{shown}", duplicates=False)


def _wrong_type(value: Any, wants: str) -> str:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match wants:
        case "string" if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{go_print.source(value)}}}"
        case "numeric" if not is_number:
            return f"expected numeric (int or float), got {go_print.type_name(value)}"
        case "boolean" if not isinstance(value, bool):
            return f"expected boolean, got &{{{go_print.plain(value)}}}"
        case "scalar" if isinstance(value, (dict, list)):
            return f"expected any scalar, got &{{{go_print.plain(value)}}}"
        case "list" if not isinstance(value, list):
            return f"expected list, got &{{{go_print.plain(value)}}}"
        case "map" if not isinstance(value, dict):
            return f"expected map, got &{{{go_print.plain(value)}}}"
    return ""
