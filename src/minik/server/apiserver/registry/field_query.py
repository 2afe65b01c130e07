"""The fieldSelector parameter: `metadata.name=a,status.phase!=Running`.

Pure. Grammar and error texts: apimachinery's fields.ParseSelector and the kinds' field label conversions,
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.registry.label_query import SelectorError


@dataclass(frozen=True, slots=True)
class Term:
    """`negated`: the field must differ from `value`."""

    field: str
    value: str
    negated: bool


@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Term, ...]:
    """All terms must hold. Raises SelectorError."""
    terms = []
    for piece in _split(text):
        if not piece:
            continue
        term = _term(piece)
        if term is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{piece}'")
        terms.append(term)
    return tuple(terms)


def _split(text: str) -> list[str]:
    """At commas that are not escaped with a backslash."""
    pieces, start, escaped = [], 0, False
    for position, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            pieces.append(text[start:position])
            start = position + 1
    pieces.append(text[start:])
    return pieces


def _term(piece: str) -> Term | None:
    for position in range(len(piece)):
        for operator in ("!=", "==", "="):
            if piece.startswith(operator, position):
                value = _unescape(piece[position + len(operator) :])
                return None if value is None else Term(piece[:position], value, operator == "!=")
    return None


def _unescape(value: str) -> str | None:
    out, escaped = [], False
    for char in value:
        if escaped:
            if char not in "\\,=":
                return None
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            return None
        else:
            out.append(char)
    return None if escaped else "".join(out)


def getter(resource: Resource, label: str) -> Callable[[Obj], str]:
    """What reads a selectable field. Raises SelectorError for one this kind cannot be selected by."""
    if label == "metadata.name":
        return _name
    if label == "metadata.namespace" and (resource.namespaced or not resource.selectable_fields):
        return _namespace
    found = resource.selectable_fields.get(label)
    if found is None:
        raise SelectorError(_not_selectable(resource, label))
    return found


def _name(obj: Obj) -> str:
    return obj["metadata"].get("name", "")  # type: ignore[no-any-return]


def _namespace(obj: Obj) -> str:
    return obj["metadata"].get("namespace", "")  # type: ignore[no-any-return]


def _not_selectable(resource: Resource, label: str) -> str:
    if resource.group == "batch" and resource.plural == "jobs":
        return f'field label "{label}" not supported for Job'
    if resource.group == "resource.k8s.io" and resource.selectable_fields:
        return f"field label not supported for {resource.api_version}, Kind={resource.kind}: {label}"
    if resource.selectable_fields or resource.custom:
        return f"field label not supported: {label}"
    return f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
