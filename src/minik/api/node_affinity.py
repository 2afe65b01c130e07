"""Which nodes a Pod accepts: nodeSelector and node affinity terms.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
"""

from collections.abc import Mapping, Sequence

from minik.api.types import Obj


def required_matches(spec: Obj, node: Obj) -> bool:
    """Whether the node satisfies nodeSelector and requiredDuringSchedulingIgnoredDuringExecution."""
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or node_selector_matches(required, node)


def node_selector_matches(selector: Obj, node: Obj) -> bool:
    """Terms are ORed; no term matches nothing."""
    return any(term_matches(term, node) for term in selector.get("nodeSelectorTerms") or ())


def term_matches(term: Obj, node: Obj) -> bool:
    """Requirements are ANDed; an empty term matches nothing."""
    expressions: Sequence[Obj] = term.get("matchExpressions") or ()
    fields: Sequence[Obj] = term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    names = {"metadata.name": node["metadata"]["name"]}
    return all(_requirement(e, labels) for e in expressions) and all(_requirement(f, names) for f in fields)


def _requirement(requirement: Obj, labels: Mapping[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    values: Sequence[str] = requirement.get("values") or ()
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return key not in labels or labels[key] not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    try:
        had, wanted = int(labels[key]), int(values[0])
    except (KeyError, IndexError, ValueError):
        return False
    return had > wanted if operator == "Gt" else had < wanted
