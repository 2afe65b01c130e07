"""Validation of StatefulSets."""

from minik.api import names
from minik.api.go_form import go_struct
from minik.api.groups.apps.workload_validation import (
    matches_template,
    mismatch,
    shown_selector,
    validate_at_most,
    validate_collisions,
    validate_counts,
    validate_runs_for_ever,
    validate_selector,
)
from minik.api.groups.core.pod_template_validation import validate_pod_template, validate_template_metadata
from minik.api.groups.core.volume_claim_spec_validation import validate_claim_spec
from minik.api.number_validation import (
    is_zero,
    validate_at_most_100_percent,
    validate_count_or_percent,
    validate_not_negative,
)
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_MANAGEMENT = ("OrderedReady", "Parallel")
_RETENTION = ("Delete", "Retain")
_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_IMMUTABLE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_COUNTS = (
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
)


def _validate_management(policy: str) -> list[FieldError]:
    at = "spec.podManagementPolicy"
    if not policy:
        return [required(at)]
    return [] if policy in _MANAGEMENT else [invalid_value(at, policy, "must be 'OrderedReady' or 'Parallel'")]


def _validate_rolling(rolling: Obj, path: str) -> list[FieldError]:
    errors = validate_not_negative(rolling.get("partition"), f"{path}.partition")
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        at = f"{path}.maxUnavailable"
        errors += validate_count_or_percent(unavailable, at)
        if is_zero(unavailable):
            errors.append(invalid_value(at, unavailable, "cannot be 0"))
        errors += validate_at_most_100_percent(unavailable, at)
    return errors


def _validate_strategy(strategy: Obj) -> list[FieldError]:
    kind, rolling, at = strategy.get("type", ""), strategy.get("rollingUpdate"), "spec.updateStrategy"
    if not kind:
        return [required(at)]
    if kind == "RollingUpdate":
        return [] if rolling is None else _validate_rolling(rolling, f"{at}.rollingUpdate")
    if kind != "OnDelete":
        shown = go_struct(strategy, "io.k8s.api.apps.v1.StatefulSetUpdateStrategy")
        return [invalid_value(at, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    shown = go_struct(rolling, "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy")
    return [invalid_value(f"{at}.rollingUpdate", shown, "only allowed for updateStrategy 'RollingUpdate'")]


def _validate_retention(policy: Obj) -> list[FieldError]:
    at = "spec.persistentVolumeClaimRetentionPolicy"
    return [
        not_supported(f"{at}.{key}", policy.get(key, ""), _RETENTION)
        for key in ("whenDeleted", "whenScaled")
        if policy.get(key, "") not in _RETENTION
    ]


def _with_claims(template: Obj, spec: Obj) -> Obj:
    """The template with the volumes that the claim templates will be, so that containers may mount them."""
    pod = template.get("spec") or {}
    volumes = list(pod.get("volumes") or ())
    known = {volume.get("name") for volume in volumes}
    for claim in spec.get("volumeClaimTemplates") or ():
        name = (claim.get("metadata") or {}).get("name", "")
        if name not in known:
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": name}})
    return {**template, "spec": {**pod, "volumes": volumes}}


def _validate_pod_template(spec: Obj) -> list[FieldError]:
    return validate_pod_template(_with_claims(spec.get("template") or {}, spec), "spec.template")


def _validate_template(spec: Obj, *, keeps_pods: bool) -> list[FieldError]:
    matching, template = matches_template(spec), spec.get("template") or {}
    if matching is None:
        return [invalid_value("spec.selector", shown_selector(spec["selector"]), "")]
    errors = [] if matching else [mismatch(spec)]
    return errors + (
        validate_template_metadata(template, "spec.template") if keeps_pods else _validate_pod_template(spec)
    )


def _validate_claims(spec: Obj) -> list[FieldError]:
    return [
        error
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ())
        for error in validate_claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    ]


def _validate_service_name(spec: Obj) -> list[FieldError]:
    name = spec.get("serviceName", "")
    return [invalid_value("spec.serviceName", name, text) for text in names.dns_label(name)] if name else []


def _validate_spec(spec: Obj, before: Obj | None = None) -> list[FieldError]:
    """`before`: the spec that is updated. Rules that came late do not hold for what was wrong already."""
    keeps_pods = before is not None and bool(_validate_pod_template(before))
    errors = _validate_management(spec.get("podManagementPolicy", ""))
    errors += _validate_strategy(spec.get("updateStrategy") or {})
    errors += _validate_retention(spec.get("persistentVolumeClaimRetentionPolicy") or {})
    if before is None:
        errors += _validate_claims(spec)
    for key in ("replicas", "minReadySeconds"):
        errors += validate_not_negative(spec.get(key), f"spec.{key}")
    errors += validate_not_negative((spec.get("ordinals") or {}).get("start"), "spec.ordinals.start")
    if before is None:
        errors += _validate_service_name(spec)
    errors += validate_selector(spec, "invalid for statefulset") + _validate_template(spec, keeps_pods=keeps_pods)
    return errors + validate_runs_for_ever((spec.get("template") or {}).get("spec") or {}, "StatefulSet")


def validate_stateful_set(stateful_set: Obj) -> list[FieldError]:
    return _validate_spec(stateful_set["spec"])


def validate_stateful_set_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate_spec(new["spec"], old["spec"])
    fixed, before = ({k: v for k, v in each["spec"].items() if k not in _MUTABLE} for each in (new, old))
    if fixed != before:
        errors.append(forbidden("spec", _IMMUTABLE))
    return errors


def validate_stateful_set_status_update(new: Obj, old: Obj) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    errors = validate_counts(status, _COUNTS)
    total = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors += validate_at_most(status, total, "replicas", "cannot be greater than status.replicas")
    text = "cannot be greater than status.readyReplicas"
    errors += validate_at_most(status, total[3:], "readyReplicas", text)
    return errors + validate_collisions(status, before)
