"""What creating a Pod writes into its scheduling fields.

matchLabelKeys and mismatchLabelKeys become plain selector terms with the Pod's own label values (KEP-3633, KEP-3243),
and AppArmor annotations of old clients become fields (KEP-24).
"""

from itertools import chain
from typing import Any

from minik.api.groups.core.pod_defaults import containers_of
from minik.api.types import Obj

APPARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"


def _add_expressions(holder: Obj, labels: Obj, keys: str, operator: str) -> None:
    expressions = [
        {"key": key, "operator": operator, "values": [labels[key]]} for key in holder.get(keys) or () if key in labels
    ]
    selector = holder.get("labelSelector")
    if expressions and selector is not None:
        selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *expressions]


def _affinity_terms(spec: Obj) -> list[Obj]:
    affinity = spec.get("affinity") or {}
    terms: list[Obj] = []
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [each["podAffinityTerm"] for each in weighted if each.get("podAffinityTerm")]
    return terms


def merge_label_keys(pod: Obj) -> None:
    """Write the values that matchLabelKeys and mismatchLabelKeys stand for into the selectors."""
    labels = pod["metadata"].get("labels") or {}
    for term in _affinity_terms(pod["spec"]):
        _add_expressions(term, labels, "matchLabelKeys", "In")
        _add_expressions(term, labels, "mismatchLabelKeys", "NotIn")
    for constraint in pod["spec"].get("topologySpreadConstraints") or ():
        _add_expressions(constraint, labels, "matchLabelKeys", "In")


def _apparmor_profile(annotation: str) -> Obj | None:
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    if annotation.startswith("localhost/") and annotation != "localhost/":
        return {"type": "Localhost", "localhostProfile": annotation.removeprefix("localhost/")}
    return None


def adopt_apparmor_annotations(pod: Obj) -> None:
    annotations = pod["metadata"].get("annotations") or {}
    if not any(key.startswith(APPARMOR_PREFIX) for key in annotations):
        return
    spec: dict[str, Any] = pod["spec"]
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in containers_of(spec):
        profile = _apparmor_profile(annotations.get(APPARMOR_PREFIX + container.get("name", ""), ""))
        context = container.get("securityContext") or {}
        if profile and profile != of_pod and context.get("appArmorProfile") is None:
            container["securityContext"] = {**context, "appArmorProfile": profile}


def drop_disabled_fields(spec: Obj, old: Obj | None) -> None:
    """Fields of features that are off in v1.36: dropped unless the stored object already has them."""
    if not (old or {}).get("schedulingGroup"):
        spec.pop("schedulingGroup", None)
    for container in chain(containers_of(spec)):
        lifecycle = container.get("lifecycle")
        if lifecycle and lifecycle.get("stopSignal") and not _has_stop_signals(old):
            del lifecycle["stopSignal"]
            if not lifecycle:
                del container["lifecycle"]


def _has_stop_signals(spec: Obj | None) -> bool:
    return spec is not None and any((each.get("lifecycle") or {}).get("stopSignal") for each in containers_of(spec))
