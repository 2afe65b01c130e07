"""Pod (v1): containers that share a node, a network and volumes.

Behaviour: https://kubernetes.io/docs/concepts/workloads/pods/
"""

from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime

from minik.api import names
from minik.api.groups.core.pod_columns import COLUMNS, cells, row_conditions
from minik.api.groups.core.pod_defaults import default_pod
from minik.api.groups.core.pod_level_resources import qos_class
from minik.api.groups.core.pod_resize_validation import validate_resize
from minik.api.groups.core.pod_scheduling_fields import (
    adopt_apparmor_annotations,
    apparmor_warnings,
    drop_disabled_fields,
    merge_label_keys,
)
from minik.api.groups.core.pod_status_validation import validate_pod_status_update
from minik.api.groups.core.pod_update_validation import validate_ephemeral_containers_update, validate_pod_update
from minik.api.groups.core.pod_validation import validate_pod
from minik.api.groups.core.pod_warnings import pod_warnings
from minik.api.ip_validation import ip_warnings
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.semantic_equality import same
from minik.api.types import Obj

_STATUS_KEEPS = ("deletionTimestamp", "ownerReferences")


def _gated_condition() -> Obj:
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def _prepare_create(pod: Obj) -> None:
    spec = pod["spec"]
    status = pod["status"] = {"phase": "Pending"}
    drop_disabled_fields(spec)
    if spec.get("schedulingGates"):
        status["conditions"] = [_gated_condition()]
    status["qosClass"] = qos_class(spec)
    merge_label_keys(pod)
    adopt_apparmor_annotations(pod)


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {}
    drop_disabled_fields(new["spec"])


def _keep_observed_generations(status: Obj, before: Obj) -> None:
    """No client can take them back; conditions of one type (there may be several) are matched in order."""
    if not status.get("observedGeneration") and before.get("observedGeneration"):
        status["observedGeneration"] = before["observedGeneration"]
    known: dict[str, list[int]] = {}
    for condition in before.get("conditions") or ():
        known.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration", 0))
    for condition in status.get("conditions") or ():
        of_type = known.get(condition.get("type", ""))
        generation = of_type.pop(0) if of_type else 0
        if generation and not condition.get("observedGeneration"):
            condition["observedGeneration"] = generation


def _prepare_status(new: Obj, old: Obj) -> None:
    """Old kubelets corrupt owner references; the spec is not theirs either."""
    new["spec"] = old["spec"]
    for key in _STATUS_KEEPS:
        if key in old["metadata"]:
            new["metadata"][key] = old["metadata"][key]
        else:
            new["metadata"].pop(key, None)
    status, before = new.setdefault("status", {}), old.get("status") or {}
    if not status.get("qosClass") and before.get("qosClass"):
        status["qosClass"] = before["qosClass"]
    _keep_observed_generations(status, before)
    status.pop("nodeAllocatableResourceClaimStatuses", None)  # of a feature that is off


def _keep_all_but_spec(new: Obj, old: Obj) -> Obj:
    """Make `new` the old Pod (as far as a subresource of the spec may not change it); answers the wanted spec."""
    wanted: Obj = new.get("spec") or {}
    metadata = {**old["metadata"]}
    for key in ("name", "namespace", "resourceVersion", "managedFields"):
        if key in new["metadata"]:
            metadata[key] = new["metadata"][key]
    new.update({"metadata": metadata, "spec": deepcopy(old["spec"]), "status": old.get("status") or {}})
    return wanted


def _prepare_ephemeral_containers(new: Obj, old: Obj) -> None:
    wanted = _keep_all_but_spec(new, old)
    if wanted.get("ephemeralContainers"):
        new["spec"]["ephemeralContainers"] = wanted["ephemeralContainers"]
    else:
        new["spec"].pop("ephemeralContainers", None)


def _prepare_resize(new: Obj, old: Obj) -> None:
    """Only resources and resize policies are taken over; what cannot be matched stays as sent, to be refused."""
    wanted = _keep_all_but_spec(new, old)
    kinds = ("containers", "initContainers")
    if any(len(wanted.get(kind) or ()) != len(old["spec"].get(kind) or ()) for kind in kinds):
        new["spec"] = wanted
        return
    spec = new["spec"]
    for kind in kinds:
        ours, theirs = spec.get(kind) or [], wanted.get(kind) or []
        if [each.get("name") for each in ours] != [each.get("name") for each in theirs]:
            spec[kind] = theirs
            continue
        for container, other in zip(ours, theirs, strict=True):
            _take(container, other, ("resources", "resizePolicy"))
    _take(spec, wanted, ("resources",))


def _take(obj: Obj, wanted: Obj, keys: Sequence[str]) -> None:
    for key in keys:
        if wanted.get(key) is not None:
            obj[key] = wanted[key]
        else:
            obj.pop(key, None)


def _spec_changes(new: Obj, old: Obj) -> bool:
    return not same(new["spec"], old["spec"], "io.k8s.api.core.v1.PodSpec")


def _warn(pod: Obj, old: Obj | None) -> list[str]:
    """Updates are too frequent and seldom made by people: no warnings."""
    if old is not None:
        return []
    warnings = []
    complaints = names.dns_label(pod["metadata"].get("name", ""))
    if complaints:
        listed = " ".join(complaints)
        warnings.append(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
            f"a DNS label is recommended: [{listed}]"
        )
    return warnings + pod_warnings(pod)


def _warn_status(pod: Obj, _old: Obj | None) -> list[str]:
    status = pod.get("status") or {}
    return [
        warning
        for key in ("podIPs", "hostIPs")
        for index, entry in enumerate(status.get(key) or ())
        for warning in ip_warnings(entry.get("ip", ""), f"status.{key}[{index}].ip")
    ]


def _grace_period(pod: Obj, requested: int | None) -> int:
    """What was asked for or the Pod's own; a Pod that runs nowhere goes at once."""
    period = requested if requested is not None else pod["spec"].get("terminationGracePeriodSeconds") or 0
    finished = (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
    if finished or not pod["spec"].get("nodeName"):
        return 0
    return 1 if period < 0 else period


def _node_name(pod: Obj) -> str:
    return str(pod["spec"].get("nodeName", ""))


def _pod_ip(pod: Obj) -> str:
    addresses = (pod.get("status") or {}).get("podIPs") or [{}]
    return str(addresses[0].get("ip", ""))


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Pod",
        plural="pods",
        singular="pod",
        type_name="io.k8s.api.core.v1.Pod",
        short_names=("po",),
        categories=("all",),
        strategy=Strategy(
            default=default_pod,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_pod,
            validate_update=validate_pod_update,
            warn_sent=apparmor_warnings,
            warn=_warn,
            has_generation=True,
            generation_changes=_spec_changes,
            metadata_checks=("update", "create"),
            grace_period=_grace_period,
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(name="attach", kind="PodAttachOptions", verbs=("create", "get")),
            Subresource(name="binding", kind="Binding", verbs=("create",)),
            Subresource(
                name="ephemeralcontainers",
                kind="Pod",
                strategy=Strategy(
                    default=default_pod,
                    prepare_update=_prepare_ephemeral_containers,
                    validate_update=validate_ephemeral_containers_update,
                    has_generation=True,
                    generation_changes=_spec_changes,
                    metadata_checks=("update", "create"),
                    reset_fields=frozenset({("status",)}),
                ),
            ),
            Subresource(name="eviction", kind="Eviction", kind_group="policy", kind_version="v1", verbs=("create",)),
            Subresource(name="exec", kind="PodExecOptions", verbs=("create", "get")),
            Subresource(name="log", kind="Pod", verbs=("get",)),
            Subresource(name="portforward", kind="PodPortForwardOptions", verbs=("create", "get")),
            Subresource(name="proxy", kind="PodProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(
                name="resize",
                kind="Pod",
                strategy=Strategy(
                    default=default_pod,
                    prepare_update=_prepare_resize,
                    validate_update=validate_resize,
                    has_generation=True,
                    generation_changes=_spec_changes,
                    metadata_checks=("update", "create"),
                    reset_fields=frozenset({("status",)}),
                ),
            ),
            Subresource(
                name="status",
                kind="Pod",
                strategy=Strategy(
                    default=default_pod,
                    prepare_update=_prepare_status,
                    validate_update=validate_pod_status_update,
                    warn=_warn_status,
                    has_generation=True,
                    generation_changes=lambda _new, _old: False,
                    reset_fields=frozenset(
                        {("spec",), ("metadata", "deletionTimestamp"), ("metadata", "ownerReferences")}
                    ),
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        row_conditions=row_conditions,
        selectable_fields={
            "spec.nodeName": _node_name,
            "spec.host": _node_name,  # its name in the oldest clients
            "spec.restartPolicy": lambda pod: str(pod["spec"].get("restartPolicy", "")),
            "spec.schedulerName": lambda pod: str(pod["spec"].get("schedulerName", "")),
            "spec.serviceAccountName": lambda pod: str(pod["spec"].get("serviceAccountName", "")),
            "spec.hostNetwork": lambda pod: str(bool(pod["spec"].get("hostNetwork"))).lower(),
            "status.phase": lambda pod: str((pod.get("status") or {}).get("phase", "")),
            "status.podIP": _pod_ip,
            "status.podIPs": lambda pod: "",  # taken, but never filled in
            "status.nominatedNodeName": lambda pod: str((pod.get("status") or {}).get("nominatedNodeName", "")),
        },
        storage_version_hash="xPOwRZ+Yhw8=",
    ),
)
