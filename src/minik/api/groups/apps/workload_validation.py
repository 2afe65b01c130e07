"""Validation that the workload kinds share: selectors, their match with the template, and counts in a status."""

from collections.abc import Sequence

from minik.api import selectors
from minik.api.groups.core.pod_template_validation import validate_pod_template
from minik.api.label_selector_validation import validate_label_selector
from minik.api.number_validation import validate_not_negative
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

MISMATCH = "`selector` does not match template `labels`"
_ALWAYS = ("Always",)


def is_empty(selector: Obj) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def shown_selector(selector: Obj) -> Obj:
    """A selector as messages show it: labels sorted."""
    shown = {"matchLabels": dict(sorted((selector.get("matchLabels") or {}).items()))}
    shown["matchExpressions"] = selector.get("matchExpressions") or {}
    return {key: value for key, value in shown.items() if value}


def validate_same_selector(spec: Obj, before: Obj) -> list[FieldError]:
    """spec.selector never changes."""
    selector = spec.get("selector")
    if selector == before.get("selector"):
        return []
    return [invalid_value("spec.selector", selector and shown_selector(selector), "field is immutable")]


def template_labels(spec: Obj) -> Obj:
    labels: Obj = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return labels


def validate_selector(spec: Obj, kind: str) -> list[FieldError]:
    """spec.selector: there, well formed and not empty."""
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    errors = validate_label_selector(selector, "spec.selector")
    if is_empty(selector):
        errors.append(invalid_value("spec.selector", {}, f"empty selector is {kind}"))
    return errors


def matches_template(spec: Obj) -> bool | None:
    """Whether the selector selects the template's labels; None for a selector that cannot be used."""
    try:
        return selectors.of_object(spec.get("selector")).matches(template_labels(spec))
    except ValueError:
        return None


def mismatch(spec: Obj) -> FieldError:
    labels = dict(sorted(template_labels(spec).items()))
    return invalid_value("spec.template.metadata.labels", labels or None, MISMATCH)


def validate_running_template(template: Obj, kind: str) -> list[FieldError]:
    """The template of a workload whose Pods run for ever."""
    pod = template.get("spec") or {}
    errors = validate_pod_template(template, "spec.template")
    return errors + validate_runs_for_ever(pod, kind)


def validate_runs_for_ever(pod: Obj, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if pod.get("restartPolicy") != "Always":
        errors.append(not_supported("spec.template.spec.restartPolicy", pod.get("restartPolicy", ""), _ALWAYS))
    if pod.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def validate_replica_template(spec: Obj) -> list[FieldError]:
    """The template of Deployments and ReplicaSets, or what keeps the selector from being used."""
    matching = matches_template(spec)
    if matching is None:
        return [invalid_value("spec.selector", shown_selector(spec["selector"]), "invalid label selector")]
    errors = [] if matching else [mismatch(spec)]
    return errors + validate_running_template(spec.get("template") or {}, "ReplicaSet")


def validate_counts(status: Obj, keys: Sequence[str]) -> list[FieldError]:
    return [error for key in keys for error in validate_not_negative(status.get(key), f"status.{key}")]


def validate_at_most(status: Obj, keys: Sequence[str], limit: str, text: str) -> list[FieldError]:
    """Counts of `keys` that are above the count `limit`."""
    return [
        invalid_value(f"status.{key}", status.get(key, 0), text)
        for key in keys
        if status.get(key, 0) > status.get(limit, 0)
    ]


def validate_collisions(status: Obj, before: Obj) -> list[FieldError]:
    """status.collisionCount only grows."""
    count, old = status.get("collisionCount"), before.get("collisionCount")
    if old is None or (count is not None and count >= old):
        return []
    return [invalid_value("status.collisionCount", count or 0, "cannot be decremented")]
