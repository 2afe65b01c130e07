"""The inter-Pod affinity and anti-affinity of a Pod, taken apart once.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from minik.api import selectors
from minik.api.selectors import LabelSelector
from minik.api.types import Obj

LabelsOf = Callable[[str], Mapping[str, str]]
"""The labels of a namespace."""

_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


@dataclass(frozen=True, slots=True)
class Term:
    """Pods in these namespaces (named, or selected by labels) with these labels, in one domain of `key`."""

    key: str
    selector: LabelSelector
    namespaces: frozenset[str]
    namespace_selector: LabelSelector
    weight: int = 0

    def matches(self, namespace: str, labels: Mapping[str, str], labels_of: LabelsOf) -> bool:
        if namespace not in self.namespaces:
            chosen = self.namespace_selector
            if chosen.nothing or not (chosen.everything or chosen.matches(labels_of(namespace))):
                return False
        return self.selector.matches(labels)


@dataclass(frozen=True, slots=True)
class PodTerms:
    """`affinity` and `anti` are required, the others preferred."""

    affinity: tuple[Term, ...] = ()
    anti: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()
    preferred_anti: tuple[Term, ...] = ()


NO_TERMS = PodTerms()


def terms_of(spec: Obj, namespace: str) -> PodTerms:
    """Of a Pod's spec; `namespace` is the Pod's."""
    affinity = spec.get("affinity") or {}
    attract, repel = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    if not attract and not repel:
        return NO_TERMS
    return PodTerms(
        _terms(attract.get(_REQUIRED), namespace),
        _terms(repel.get(_REQUIRED), namespace),
        _weighted(attract.get(_PREFERRED), namespace),
        _weighted(repel.get(_PREFERRED), namespace),
    )


def _weighted(preferred: Iterable[Obj] | None, namespace: str) -> tuple[Term, ...]:
    return tuple(_term(each["podAffinityTerm"], namespace, each["weight"]) for each in preferred or ())


def _terms(required: Iterable[Obj] | None, namespace: str) -> tuple[Term, ...]:
    return tuple(_term(each, namespace) for each in required or ())


def _term(term: Obj, namespace: str, weight: int = 0) -> Term:
    named, chosen = term.get("namespaces") or (), term.get("namespaceSelector")
    return Term(
        term["topologyKey"],
        selectors.of_object(term.get("labelSelector")),
        frozenset(named if named or chosen is not None else (namespace,)),
        selectors.of_object(chosen),
        weight,
    )
