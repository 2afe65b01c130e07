"""Node labels that were renamed, and the warnings for using them."""

from minik.api import names
from minik.api.types import Obj

DEPRECATED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}


def node_selector_term_warnings(term: Obj, path: str, *, check_values: bool = False) -> list[str]:
    """`check_values`: preferred terms may hold values no label can have."""
    warnings: list[str] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        at, key = f"{path}.matchExpressions[{index}]", expression.get("key", "")
        if key in DEPRECATED_LABELS:
            warnings.append(f"{at}.key: {key} is {DEPRECATED_LABELS[key]}")
        if not check_values:
            continue
        for number, value in enumerate(expression.get("values") or ()):
            warnings += [f"{at}.values[{number}]: {value} is invalid, {text}" for text in names.label_value(value)]
    return warnings


def label_selector_warnings(selector: Obj | None, path: str) -> list[str]:
    """Of a label selector that is about nodes."""
    warnings = node_selector_term_warnings(selector or {}, path)
    labels = (selector or {}).get("matchLabels") or {}
    return warnings + [
        f"{path}.matchLabels.{key}: {DEPRECATED_LABELS[key]}" for key in labels if key in DEPRECATED_LABELS
    ]
