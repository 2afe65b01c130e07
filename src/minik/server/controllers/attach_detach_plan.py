"""Which nodes a CSI volume is attached to and detached from. Pure.

Rules and texts: kubernetes/pkg/controller/volume/attachdetach.
https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.types import Obj
from minik.server.controllers.objects import annotations_of, is_deleting
from minik.server.controllers.pods import is_finished, node_name

MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach"
KEEP_TERMINATED = "volumes.kubernetes.io/keep-terminated-pod-volumes"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
LONGEST_UNMOUNT = 360.0  # seconds a node that is not well may take before its volumes are torn away
_SHARED = {"ReadWriteMany", "ReadOnlyMany"}


@dataclass(frozen=True, slots=True)
class Host:
    """What matters of a node. One that is gone is not `present`; `in_use`: it still has the volume mounted."""

    present: bool
    healthy: bool = True
    out_of_service: bool = False
    in_use: bool = False
    managed: bool = True  # its kubelet leaves attaching to the control plane


@dataclass(slots=True)
class Plan:
    attach: list[str] = field(default_factory=list)  # nodes
    detach: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # node -> why its Pods have to wait
    wanted_away: list[str] = field(default_factory=list)  # nodes that are to let go, now or later
    wait: float | None = None  # seconds until the plan may be another one


def plan(
    volume: Obj,
    users: Mapping[str, Sequence[Obj]],
    attachments: Mapping[str, Obj],
    hosts: Mapping[str, Host],
    away_for: Mapping[str, float],
) -> Plan:
    """`users`: node -> Pods that need the volume there. `attachments`: node -> VolumeAttachment.

    `away_for`: for how many seconds nodes were asked to let go already.
    """
    found = Plan()
    for node, attachment in attachments.items():
        if node in users or is_deleting(attachment):
            continue
        found.wanted_away.append(node)
        wait = _unmount_wait(hosts.get(node, Host(present=False)), away_for.get(node, 0.0))
        if wait == 0:
            found.detach.append(node)
        elif wait is not None:
            found.wait = wait if found.wait is None else min(wait, found.wait)
    exclusive = is_exclusive(volume)
    holders = {*attachments}
    for node in users:
        host = hosts.get(node, Host(present=False))
        if node in attachments or not host.present or not host.managed:
            continue
        if exclusive and holders:
            found.refused[node] = multi_attach_message(
                users[node], [pod for other in users if other != node and other in holders for pod in users[other]]
            )
            continue
        found.attach.append(node)
        holders.add(node)
    return found


def _unmount_wait(host: Host, asked_for: float) -> float | None:
    """Seconds until a volume may be detached; 0: now; None: when the node says so."""
    if not host.present or not host.in_use or host.out_of_service:
        return 0.0
    if host.healthy:
        return None
    return max(0.0, LONGEST_UNMOUNT - asked_for)


def is_exclusive(volume: Obj) -> bool:
    """Whether only one node may have it. One without access modes is left to its driver."""
    modes = volume["spec"].get("accessModes") or ()
    return bool(modes) and not _SHARED & {*modes}


def multi_attach_message(waiting: Sequence[Obj], holding: Sequence[Obj]) -> str:
    if not holding:
        return "Volume is already exclusively attached to one node and can't be attached to another"
    namespaces = {pod["metadata"]["namespace"] for pod in waiting}
    near = sorted(pod["metadata"]["name"] for pod in holding if pod["metadata"]["namespace"] in namespaces)
    far = len(holding) - len(near)
    if not far:
        return f"Volume is already used by pod(s) {', '.join(near)}"
    if not near:
        return f"Volume is already used by {far} pod(s) in different namespaces"
    return f"Volume is already used by pod(s) {', '.join(near)} and {far} pod(s) in different namespaces"


def needs_volumes(pod: Obj, *, keep_terminated: bool = False) -> bool:
    """Whether the Pod still holds its volumes at its node. One that is deleted holds them until nothing of it runs."""
    if not node_name(pod):
        return False
    if keep_terminated:
        return True
    if is_finished(pod):
        return False
    return not is_deleting(pod) or any(
        "running" in (status.get("state") or {}) for status in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def host_of(node: Obj | None, volume: Obj) -> Host:
    if node is None:
        return Host(present=False)
    status = node.get("status") or {}
    ready = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), "Unknown")
    return Host(
        present=True,
        healthy=ready == "True",
        out_of_service=any(taint["key"] == OUT_OF_SERVICE for taint in node["spec"].get("taints") or ()),
        in_use=unique_name(volume) in (status.get("volumesInUse") or ()),
        managed=annotations_of(node).get(MANAGED) == "true",
    )


def needs_attaching(volume: Obj, driver: Obj | None) -> bool:
    """A driver that did not register itself is taken to need it."""
    if "csi" not in volume["spec"]:
        return False
    return driver is None or driver["spec"].get("attachRequired") is not False


def unique_name(volume: Obj) -> str:
    """How nodes call the volume."""
    csi = volume["spec"]["csi"]
    return f"kubernetes.io/csi/{csi['driver']}^{csi['volumeHandle']}"


def attachment_name(volume: Obj, node: str) -> str:
    csi = volume["spec"]["csi"]
    return f"csi-{hashlib.sha256((csi['volumeHandle'] + csi['driver'] + node).encode()).hexdigest()}"


def attachment(volume: Obj, node: str) -> Obj:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": attachment_name(volume, node)},
        "spec": {
            "attacher": volume["spec"]["csi"]["driver"],
            "nodeName": node,
            "source": {"persistentVolumeName": volume["metadata"]["name"]},
        },
    }


def is_attached(attachment: Obj) -> bool:
    return bool((attachment.get("status") or {}).get("attached"))


def attach_error(attachment: Obj) -> str:
    return str(((attachment.get("status") or {}).get("attachError") or {}).get("message", ""))


def volumes_attached(volumes: Iterable[Obj]) -> list[Obj]:
    """node.status.volumesAttached."""
    return [{"name": name, "devicePath": ""} for name in sorted(unique_name(volume) for volume in volumes)]
