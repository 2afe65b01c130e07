"""The row of a Node in tables."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column
from minik.api.types import Obj

COLUMNS = (
    NAME,
    Column("Status", description="The status of the node"),
    Column("Roles", description="The roles of the node"),
    AGE,
    Column("Version", description="Kubelet Version reported by the node."),
    Column(
        "Internal-IP",
        priority=1,
        description=(
            "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
            "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as "
            "mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it "
            "is merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an "
            "example. Consumers should assume that addresses can change during the lifetime of a Node. However, "
            "there are some exceptions where this may not be possible, such as Pods that inherit a Node's "
            "address in its own status or consumers of the downward API (status.hostIP)."
        ),
    ),
    Column(
        "External-IP",
        priority=1,
        description=(
            "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
            "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as "
            "mergeable, but the merge key is not sufficiently unique, which can cause data corruption when it "
            "is merged. Callers should instead use a full-replacement patch. See https://pr.k8s.io/79391 for an "
            "example. Consumers should assume that addresses can change during the lifetime of a Node. However, "
            "there are some exceptions where this may not be possible, such as Pods that inherit a Node's "
            "address in its own status or consumers of the downward API (status.hostIP)."
        ),
    ),
    Column(
        "OS-Image",
        priority=1,
        description=("OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy))."),
    ),
    Column(
        "Kernel-Version",
        priority=1,
        description=("Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64)."),
    ),
    Column(
        "Container-Runtime",
        priority=1,
        description=(
            "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2)."
        ),
    ),
)

_ROLE_PREFIX = "node-role.kubernetes.io/"


def _status(node: Obj, status: Obj) -> str:
    parts = [
        "Ready" if condition.get("status") == "True" else "NotReady"
        for condition in status.get("conditions") or ()
        if condition.get("type") == "Ready"
    ][-1:] or ["Unknown"]
    if (node.get("spec") or {}).get("unschedulable"):
        parts.append("SchedulingDisabled")
    return ",".join(parts)


def _roles(node: Obj) -> str:
    roles: set[str] = set()
    for key, value in (node["metadata"].get("labels") or {}).items():
        if key.startswith(_ROLE_PREFIX):
            roles.add(key.removeprefix(_ROLE_PREFIX))
        elif key == "kubernetes.io/role":
            roles.add(value)
    return ",".join(sorted(roles - {""})) or "<none>"


def _address(status: Obj, kind: str) -> str:
    for each in status.get("addresses") or ():
        if each.get("type") == kind:
            return str(each.get("address", ""))
    return "<none>"


def _kernel(info: Obj) -> str:
    kernel = info.get("kernelVersion")
    if not kernel:
        return "<unknown>"
    return f"{kernel} ({info['architecture']})" if info.get("architecture") else str(kernel)


def cells(node: Obj, now: datetime) -> list[Any]:
    status = node.get("status") or {}
    info = status.get("nodeInfo") or {}
    return [
        node["metadata"]["name"],
        _status(node, status),
        _roles(node),
        age(node, now),
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or "<unknown>",
        _kernel(info),
        info.get("containerRuntimeVersion") or "<unknown>",
    ]
