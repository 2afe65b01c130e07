"""What creating a Pod writes into its scheduling fields.

matchLabelKeys and mismatchLabelKeys become plain selector terms with the Pod's own label values (KEP-3633, KEP-3243),
and AppArmor annotations of old clients become fields (KEP-24).
"""

from collections.abc import Iterator
from typing import Any

from minik.api.groups.core.pod_defaults import containers_of
from minik.api.types import Obj

APPARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_PROFILE_MAX = 4095


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
    prefix, slash, profile = annotation.partition("/")
    if prefix + slash == "localhost/" and profile and profile == profile.strip() and len(profile) <= _PROFILE_MAX:
        return {"type": "Localhost", "localhostProfile": profile}
    return None


def _annotated(pod: Obj) -> Iterator[tuple[Obj, str, Obj | None, bool]]:
    """Each container with an AppArmor annotation: its key, the profile it stands for, and whether that is adopted."""
    annotations = pod["metadata"].get("annotations") or {}
    if not any(key.startswith(APPARMOR_PREFIX) for key in annotations):
        return
    spec: dict[str, Any] = pod["spec"]
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in containers_of(spec):
        key = APPARMOR_PREFIX + container.get("name", "")
        if key in annotations:
            profile, own = _apparmor_profile(annotations[key]), container.get("securityContext") or {}
            adopts = profile is not None and profile != of_pod and own.get("appArmorProfile") is None
            yield container, key, profile, adopts


def adopt_apparmor_annotations(pod: Obj) -> None:
    for container, _, profile, adopts in _annotated(pod):
        if adopts:
            container["securityContext"] = {**(container.get("securityContext") or {}), "appArmorProfile": profile}


def apparmor_warnings(pod: Obj) -> list[str]:
    """Of a Pod as it was sent: about annotations that mean something that no field says."""
    return [
        f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'
        for _, key, profile, adopts in _annotated(pod)
        if profile is None or adopts
    ]


def drop_disabled_fields(spec: Obj) -> None:
    """Fields of features that are off in v1.36 go, in Pods and in pod templates; no stored object has them."""
    spec.pop("schedulingGroup", None)
    for container in containers_of(spec):
        lifecycle = container.get("lifecycle")
        if lifecycle and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
            del container["lifecycle"]
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            source.pop("podCertificate", None)
