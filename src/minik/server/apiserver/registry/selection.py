"""Which objects a list, watch or deletecollection is about: its label and field selectors, ready to match."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from minik.api import selectors
from minik.api.scheme import Resource
from minik.api.selectors import LabelSelector
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj
from minik.server.apiserver.registry.call import Call

_PLAIN = re.compile(r"[\w./:-]+", re.ASCII)  # nothing that JSON could write in more than one way


@dataclass(frozen=True, slots=True)
class Selection:
    """`name` and `namespace` are set when a field selector allows only one; the reader may look just there."""

    labels: LabelSelector = selectors.EVERYTHING
    fields: tuple[tuple[Callable[[Obj], str], str, bool], ...] = ()  # getter, value, whether equal
    name: str | None = None
    namespace: str | None = None

    @property
    def everything(self) -> bool:
        return self.labels.everything and not self.fields

    def matches(self, obj: Obj) -> bool:
        for getter, value, equal in self.fields:
            if (getter(obj) == value) is not equal:
                return False
        return self.labels.matches(obj["metadata"].get("labels"))

    def quoted(self) -> tuple[bytes, ...]:
        """What the JSON of every object that matches has in it, for fields that are strings in it."""
        return tuple(orjson.dumps(value) for _, value, equal in self.fields if equal and _PLAIN.fullmatch(value))


EVERYTHING = Selection()


def of_call(call: Call) -> Selection:
    """The selectors in the query and, for a watch of one name, the name. Raises StatusError 400."""
    labels, fields = call.parameter("labelSelector"), call.parameter("fieldSelector")
    if not labels and not fields and not call.name:
        return EVERYTHING
    chosen = selectors.parse_fields(fields)
    requirements = chosen.requirements
    if call.name and not requirements:
        requirements = (("metadata.name", True, call.name),)
    getters = tuple((getter(call.resource, name), value, equal) for name, equal, value in requirements)
    name = chosen.exact("metadata.name")
    if call.name and chosen.requirements and name != call.name:
        raise bad_request("fieldSelector metadata.name doesn't match requested name")
    name = call.name or name
    return Selection(selectors.parse_labels(labels), getters, name or None, chosen.exact("metadata.namespace"))


def getter(resource: Resource, field: str) -> Callable[[Obj], str]:
    """What reads a selectable field. Raises StatusError 400 for one this kind cannot be selected by."""
    if field == "metadata.name":
        return _name
    if field == "metadata.namespace" and (resource.namespaced or not resource.selectable_fields):
        return _namespace
    found = resource.selectable_fields.get(field)
    if found is None:
        raise _not_selectable(resource, field)
    return found


def _name(obj: Obj) -> str:
    return obj["metadata"].get("name", "")  # type: ignore[no-any-return]


def _namespace(obj: Obj) -> str:
    return obj["metadata"].get("namespace", "")  # type: ignore[no-any-return]


def _not_selectable(resource: Resource, field: str) -> StatusError:
    """Every kind has its own words for it (the field label conversions of upstream's API groups)."""
    if resource.group == "batch" and resource.plural == "jobs":
        return bad_request(f'field label "{field}" not supported for Job')
    if resource.group == "resource.k8s.io" and resource.selectable_fields:
        kind = f"{resource.api_version}, Kind={resource.kind}"
        return bad_request(f"field label not supported for {kind}: {field}")
    if resource.selectable_fields or resource.custom:
        return bad_request(f"field label not supported: {field}")
    known = 'only "metadata.name", "metadata.namespace"'
    return bad_request(f'"{field}" is not a known field selector: {known}')
