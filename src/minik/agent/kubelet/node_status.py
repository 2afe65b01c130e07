"""The Node object and its status (pure): capacity, allocatable, conditions, addresses, nodeInfo, images.

https://kubernetes.io/docs/reference/node/node-status/ and .../reserve-compute-resources/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik import KUBERNETES_VERSION
from minik.agent.image_archive import host_architecture
from minik.agent.kubelet.config import KubeletSettings
from minik.agent.kubelet.machine import Filesystem, Machine
from minik.agent.kubelet.quantities import milli, value
from minik.agent.kubelet.runtime_types import Image, RuntimeCondition, RuntimeHandler, RuntimeVersion
from minik.api import extended_resources
from minik.api.types import Obj

MAX_IMAGES, MAX_NAMES_PER_IMAGE = 50, 5


@dataclass(frozen=True, slots=True)
class Pressure:
    memory: bool = False
    disk: bool = False
    pids: bool = False


def capacity(machine: Machine, disk: Filesystem, settings: KubeletSettings) -> dict[str, str]:
    pods = settings.max_pods
    if settings.pods_per_core:
        pods = min(pods, settings.pods_per_core * machine.cpus)
    sizes = {f"hugepages-{size}": _binary(amount) for size, amount in machine.hugepages.items()}
    return {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{disk.capacity // 1024}Ki",
        **sizes,
        "memory": f"{machine.memory // 1024}Ki",
        "pods": str(pods),
    }


def allocatable(machine: Machine, disk: Filesystem, settings: KubeletSettings) -> dict[str, str]:
    """Capacity less --kube-reserved, --system-reserved and the hard eviction thresholds."""

    def reserved(name: str) -> int:
        convert = milli if name == "cpu" else value
        return sum(
            convert(reservation.get(name, 0)) for reservation in (settings.kube_reserved, settings.system_reserved)
        )

    total = capacity(machine, disk, settings)
    cpu = machine.cpus * 1000 - reserved("cpu")
    memory = machine.memory - reserved("memory") - threshold(settings, "memory.available", machine.memory)
    memory -= sum(machine.hugepages.values())
    storage = disk.capacity - reserved("ephemeral-storage") - threshold(settings, "nodefs.available", disk.capacity)
    return {
        **total,
        "cpu": str(cpu // 1000) if cpu % 1000 == 0 else f"{cpu}m",
        "ephemeral-storage": str(max(storage, 0)),
        "memory": f"{max(memory, 0) // 1024}Ki",
    }


def threshold(settings: KubeletSettings, signal: str, total: int) -> int:
    """An --eviction-hard threshold as an amount; 0 when it is not set."""
    text = settings.eviction_hard.get(signal, "")
    if not text:
        return 0
    if text.endswith("%"):
        return int(total * float(text[:-1]) / 100)
    return value(text)


def _binary(amount: int) -> str:
    return f"{amount >> 10}Ki" if amount else "0"


def labels(node_name: str, settings: KubeletSettings) -> dict[str, str]:
    architecture = host_architecture()
    return {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": node_name,
        "kubernetes.io/os": "linux",
        **settings.node_labels,
    }


def new_node(node_name: str, settings: KubeletSettings, status: Obj) -> Obj:
    """The Node as it is registered."""
    spec: Obj = {}
    if settings.register_with_taints:
        spec["taints"] = [dict(taint) for taint in settings.register_with_taints]
    if settings.provider_id:
        spec["providerID"] = settings.provider_id
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node_name,
            "labels": labels(node_name, settings),
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": status,
    }


def addresses(ips: Sequence[str], node_name: str) -> list[Obj]:
    return [*({"type": "InternalIP", "address": ip} for ip in ips), {"type": "Hostname", "address": node_name}]


def node_info(machine: Machine, version: RuntimeVersion) -> Obj:
    info: Obj = {
        "machineID": machine.machine_id,
        "systemUUID": machine.system_uuid,
        "bootID": machine.boot_id,
        "kernelVersion": machine.kernel,
        "osImage": machine.os_image,
        "containerRuntimeVersion": f"{version.name}://{version.version}",
        "kubeletVersion": KUBERNETES_VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": host_architecture(),
    }
    if machine.swap:
        info["swap"] = {"capacity": machine.swap}
    return info


def runtime_handlers(handlers: Sequence[RuntimeHandler]) -> list[Obj]:
    return [
        {
            "name": handler.name,
            "features": {
                "recursiveReadOnlyMounts": handler.recursive_read_only_mounts,
                "userNamespaces": handler.user_namespaces,
            },
        }
        for handler in sorted(handlers, key=lambda handler: handler.name)
    ]


def node_images(images: Sequence[Image]) -> list[Obj]:
    """The largest images, digests before tags."""
    entries = []
    for image in sorted(images, key=lambda image: -image.size)[:MAX_IMAGES]:
        names = [*image.digests, *image.tags][:MAX_NAMES_PER_IMAGE]
        entries.append({"names": names, "sizeBytes": image.size})
    return entries


def conditions(pressure: Pressure, not_ready: str, old: Sequence[Mapping[str, str]], now: str) -> list[Obj]:
    """The four conditions of a node. `not_ready` says why it is not; "" when it is."""
    verdicts = (
        (
            "MemoryPressure",
            pressure.memory,
            ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
            ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ),
        (
            "DiskPressure",
            pressure.disk,
            ("KubeletHasDiskPressure", "kubelet has disk pressure"),
            ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ),
        (
            "PIDPressure",
            pressure.pids,
            ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
            ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ),
        (
            "Ready",
            not not_ready,
            ("KubeletReady", "kubelet is posting ready status"),
            ("KubeletNotReady", not_ready),
        ),
    )
    before = {condition["type"]: condition for condition in old}
    result = []
    for kind, holds, yes, no in verdicts:
        status = "True" if holds else "False"
        reason, message = yes if holds else no
        known = before.get(kind)
        since = known["lastTransitionTime"] if known is not None and known["status"] == status else now
        result.append(
            {
                "type": kind,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )
    return result


def why_not_ready(runtime_conditions: Sequence[RuntimeCondition] | None) -> str:
    """None: the runtime does not answer."""
    if runtime_conditions is None:
        return "container runtime is down"
    messages = []
    for condition in runtime_conditions:
        if condition.type == "RuntimeReady" and not condition.status:
            messages.append(f"container runtime not ready: {_told(condition)}")
        if condition.type == "NetworkReady" and not condition.status:
            messages.append(f"container runtime network not ready: {_told(condition)}")
    return ", ".join(messages)


def _told(condition: RuntimeCondition) -> str:
    status = "true" if condition.status else "false"
    return f"{condition.type}={status} reason:{condition.reason} message:{condition.message}"


def with_extended(status: Obj, present: Obj) -> Obj:
    """The status with the extended resources that others gave the node's `present` one."""
    found = extended_resources.of_capacity(present)
    return {
        **status,
        "capacity": {**found, **status["capacity"]},
        "allocatable": {**found, **status["allocatable"]},
    }


def status_patch(old: Mapping[str, object], new: Mapping[str, object]) -> Obj:
    """The strategic merge patch of a node's status; heartbeats alone are no change. {}: nothing to say."""
    patch: Obj = {}
    for key, content in new.items():
        if key != "conditions" and old.get(key) != content:
            patch[key] = [*content, {"$patch": "replace"}] if key == "addresses" else content  # type: ignore[misc]
    if "allocatable" in patch:
        gone = extended_resources.gone(patch["allocatable"], old.get("allocatable") or {})  # type: ignore[arg-type]
        patch["allocatable"] = {**patch["allocatable"], **dict.fromkeys(gone)}
    if patch or _without_heartbeat(old.get("conditions")) != _without_heartbeat(new["conditions"]):
        patch["conditions"] = new["conditions"]
    return patch


def _without_heartbeat(conditions: object) -> list[Obj]:
    kept = conditions if isinstance(conditions, list) else []
    own = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    return [{k: v for k, v in c.items() if k != "lastHeartbeatTime"} for c in kept if c["type"] in own]
