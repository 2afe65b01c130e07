"""Checks an applied configuration against its type, with the texts of structured-merge-diff."""

from typing import Any

from minik.api.patch import field_set, go_print
from minik.api.patch.list_keys import NoKey, element_of
from minik.api.patch.merge_types import MergeType


def complaints(value: Any, of: MergeType, path: str = "") -> list[str]:
    """All that is wrong, each as `.path: what`. An empty list means the value fits its type."""
    found: list[str] = []
    _check(value, of, path, found)
    return found


def message(found: list[str]) -> str:
    """Several complaints as one text."""
    return found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {text}" for text in found)])


def _check(value: Any, of: MergeType, path: str, found: list[str]) -> None:
    accepted = _ACCEPTED[of.wants]
    if value is None or not accepted:
        return
    if type(value) not in accepted:
        found.append(f"{path}: {_wrong_type(value, of.wants)}")
    elif type(value) is dict:
        _check_object(value, of, path, found)
    elif type(value) is list:
        _check_list(value, of, path, found)


def _check_object(value: dict[str, Any], of: MergeType, path: str, found: list[str]) -> None:
    declared = of.members
    for name, part in value.items():
        known = declared.get(name)
        if known:
            _check(part, known[1], f"{path}.{name}", found)
        elif of.element:
            _check(part, of.element, f"{path}.{name}", found)
        elif declared:
            found.append(f"{path}.{name}: field not declared in schema")


def _check_list(value: list[Any], of: MergeType, path: str, found: list[str]) -> None:
    if of.element is None:
        return
    seen = set()
    for position, item in enumerate(value):
        if of.kind == "leaf":
            _check(item, of.element, f"{path}[{position}]", found)
            continue
        try:
            element = element_of(item, of)
        except NoKey as error:
            found.append(f"{path}: element {position}: {error}")
            return
        shown = field_set.show((element,))
        if element in seen:
            found.append(f"{path}: duplicate entries for key {shown}")
        seen.add(element)
        _check(item, of.element, f"{path}{shown}", found)


_ACCEPTED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "numeric": (int, float),
    "boolean": (bool,),
    "scalar": (str, int, float, bool),
    "list": (list,),
    "map": (dict,),
    "": (),
}


def _wrong_type(value: Any, wants: str) -> str:
    match wants:
        case "string":
            return f"expected string, got &value.valueUnstructured{{Value:{go_print.source(value)}}}"
        case "numeric":
            return f"expected numeric (int or float), got {go_print.type_name(value)}"
        case "scalar":
            wants = "any scalar"
    return f"expected {wants}, got &{{{go_print.plain(value)}}}"
