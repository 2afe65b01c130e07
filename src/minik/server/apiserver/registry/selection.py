"""Which objects a list, watch or deletecollection is about: its label and field selectors, compiled."""

from collections.abc import Callable
from dataclasses import dataclass

from minik.api.status import bad_request
from minik.api.types import Obj
from minik.server.apiserver.registry import field_query, label_query
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.label_query import Requirement, SelectorError


@dataclass(frozen=True, slots=True)
class Selection:
    """`name` and `namespace` are set when a field selector allows only one; the reader may look just there."""

    labels: tuple[Requirement, ...] = ()
    fields: tuple[tuple[Callable[[Obj], str], str, bool], ...] = ()  # getter, value, negated
    name: str | None = None
    namespace: str | None = None

    @property
    def everything(self) -> bool:
        return not self.labels and not self.fields

    def matches(self, obj: Obj) -> bool:
        if self.labels:
            labels = obj["metadata"].get("labels") or {}
            for requirement in self.labels:
                if not requirement.matches(labels):
                    return False
        for getter, value, negated in self.fields:
            if (getter(obj) == value) is negated:
                return False
        return True


EVERYTHING = Selection()


def of_call(call: Call) -> Selection:
    """The selectors in the query and, for a watch of one name, the name. Raises StatusError 400."""
    labels, fields = call.parameter("labelSelector"), call.parameter("fieldSelector")
    if not labels and not fields and not call.name:
        return EVERYTHING
    try:
        requirements = label_query.parse(labels) if labels else ()
        terms = list(field_query.parse(fields)) if fields else []
        if call.name:
            terms.append(field_query.Term("metadata.name", call.name, False))
        getters = tuple((field_query.getter(call.resource, t.field), t.value, t.negated) for t in terms)
    except SelectorError as error:
        raise bad_request(str(error)) from None
    return Selection(requirements, getters, _only(terms, "metadata.name"), _only(terms, "metadata.namespace"))


def _only(terms: list[field_query.Term], field: str) -> str | None:
    return next((term.value for term in terms if term.field == field and not term.negated), None)
