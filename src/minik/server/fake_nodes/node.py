"""What a fake node looks like. Pure.

Nodes have addresses from 198.18.0.0/15 (for benchmarks, RFC 2544) and give their Pods some from 100.64.0.0/10 (shared
addresses, RFC 6598), so that nothing of them can be taken for the machine's own network or the cluster's Pods.
"""

import ipaddress
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping

from minik import KUBERNETES_VERSION
from minik.api import extended_resources
from minik.api.types import Obj

ANNOTATION, FAKE = "minik.io/node", "fake"  # who sets it on a Node has it kept alive
MOST = 10_000
CAPACITY: Mapping[str, str] = {"cpu": "32", "memory": "256Gi", "pods": "110"}
HOSTNAME, ZONE, REGION = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
ZONES = 3
_ADDRESSES = ipaddress.ip_network("198.18.0.0/15")
_POD_ADDRESSES = ipaddress.ip_network("100.64.0.0/10")
_PODS_RANGE = 24  # bits of a node's part of them
_HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def node_name(number: int) -> str:
    return f"fake-{number:04d}"


def number_of(name: str) -> int | None:
    """The number in a name that `node_name` could have given."""
    prefix, _, digits = name.partition("-")
    return int(digits) if prefix == "fake" and len(digits) == 4 and digits.isdecimal() else None


def is_fake(node: Obj) -> bool:
    return (node["metadata"].get("annotations") or {}).get(ANNOTATION) == FAKE


def new_node(number: int, capacity: Mapping[str, str], now: str) -> Obj:
    """The Node as it is registered; `capacity` beside what every one has."""
    name = node_name(number)
    pods = f"{_POD_ADDRESSES.network_address + (number << (32 - _PODS_RANGE))}/{_PODS_RANGE}"
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        HOSTNAME: name,
        "kubernetes.io/os": "linux",
        REGION: "fake",
        ZONE: f"fake-{'abc'[number % ZONES]}",
        "type": FAKE,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {ANNOTATION: FAKE}},
        "spec": {"podCIDR": pods, "podCIDRs": [pods], "providerID": f"fake://{name}"},
        "status": status(name, str(_ADDRESSES.network_address + 1 + number), {**CAPACITY, **capacity}, now),
    }


def status(name: str, address: str, capacity: Mapping[str, str], now: str) -> Obj:
    return {
        "capacity": {**capacity},
        "allocatable": {**capacity},
        "conditions": conditions([], now),
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": FAKE,
            "osImage": FAKE,
            "containerRuntimeVersion": "fake://1",
            "kubeletVersion": KUBERNETES_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def conditions(present: list[Obj], now: str) -> list[Obj]:
    """Those of a healthy node, besides others' there are."""
    kept = [condition for condition in present if condition["type"] not in _HEALTHY]
    return kept + [
        {
            "type": type,
            "status": verdict,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type, (verdict, reason, message) in _HEALTHY.items()
    ]


def healed(node: Obj, now: str, others: Callable[[], Iterable[Obj]]) -> Obj | None:
    """The node with what a kubelet would have it say; None when it says so already.

    `others` are asked for only to find an address that none of them has.
    """
    told = node.get("status") or {}
    present = told.get("conditions") or []
    verdicts = {condition["type"]: condition["status"] for condition in present}
    healthy = all(verdicts.get(type) == verdict for type, (verdict, *_) in _HEALTHY.items())
    capacity = told.get("capacity") or {**CAPACITY}
    allocatable = _allocatable(capacity, told.get("allocatable") or capacity)
    if healthy and told.get("capacity") and told.get("allocatable") == allocatable and address_of(node):
        return None
    mended = {"capacity": capacity, **told, "allocatable": allocatable, "conditions": conditions(present, now)}
    if not address_of(node):
        taken = {address_of(each) for each in others()}
        mended["addresses"] = [*(told.get("addresses") or ()), *_addresses(node["metadata"]["name"], taken)]
    return {**node, "status": mended}


def _allocatable(capacity: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """What a kubelet makes of extended resources that somebody adds to the capacity, or takes away."""
    gone = extended_resources.gone(capacity, present)
    kept = {name: amount for name, amount in present.items() if name not in gone}
    return {**extended_resources.of_capacity({"capacity": capacity}), **kept}


def _addresses(name: str, taken: Collection[str]) -> list[Obj]:
    """For a node that came without: in the half that `new_node` leaves, by its name, so that it stays the same."""
    half = _ADDRESSES.num_addresses // 2
    numbers = (half + 1 + (zlib.crc32(name.encode()) + step) % (half - 2) for step in range(half))
    candidates = (str(_ADDRESSES.network_address + number) for number in numbers)
    address = next(each for each in candidates if each not in taken)
    return [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]


def address_of(node: Obj) -> str:
    """Its InternalIP; "" without one."""
    addresses = (node.get("status") or {}).get("addresses") or ()
    return next((str(each["address"]) for each in addresses if each["type"] == "InternalIP"), "")
