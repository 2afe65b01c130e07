"""What a container may learn about its own Pod: fieldRef and resourceFieldRef (pure).

Used by environment variables and downwardAPI volumes.
https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.agent.kubelet import quantities
from minik.api.quantity import NANO, parse
from minik.api.types import Obj

_SUBSCRIPT = re.compile(r"^(metadata\.(?:labels|annotations))\['(.*)'\]$")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What of the node shows up inside Pods."""

    name: str
    ips: Sequence[str] = ()
    allocatable: Mapping[str, str] | None = None


class FieldError(Exception):
    """The reference cannot be resolved."""


def pod_field(pod: Obj, path: str, node: NodeFacts, pod_ips: Sequence[str] = ()) -> str:
    """The value of a fieldRef. Raises FieldError for a path that is not supported."""
    subscript = _SUBSCRIPT.match(path)
    if subscript:
        holder = pod["metadata"].get(subscript[1].removeprefix("metadata.")) or {}
        return str(holder.get(subscript[2], ""))
    found = _simple_fields(pod, node, pod_ips).get(path)
    if found is None:
        raise FieldError(f"unsupported fieldPath: {path}")
    return found


def _simple_fields(pod: Obj, node: NodeFacts, pod_ips: Sequence[str]) -> dict[str, str]:
    metadata, spec = pod["metadata"], pod["spec"]
    return {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "metadata.labels": format_map(metadata.get("labels") or {}),
        "metadata.annotations": format_map(metadata.get("annotations") or {}),
        "spec.nodeName": spec.get("nodeName") or node.name,
        "spec.serviceAccountName": spec.get("serviceAccountName") or "",
        "status.hostIP": node.ips[0] if node.ips else "",
        "status.hostIPs": ",".join(node.ips),
        "status.podIP": pod_ips[0] if pod_ips else "",
        "status.podIPs": ",".join(pod_ips),
    }


def format_map(values: Mapping[str, str]) -> str:
    """key="escaped value" lines, sorted, as downwardAPI files show labels."""
    return "\n".join(f"{key}={_quote(values[key])}" for key in sorted(values))


def _quote(text: str) -> str:
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{escaped}"'


def resource_field(container: Obj, resource: str, divisor: str, node: NodeFacts) -> str:
    """The value of a resourceFieldRef, rounded up to the divisor. A missing limit is the node's allocatable."""
    which, _, name = resource.partition(".")
    if which not in ("limits", "requests") or not name:
        raise FieldError(f"unsupported container resource : {resource}")
    resources = container.get("resources") or {}
    quantity = (resources.get(which) or {}).get(name)
    if quantity is None and which == "limits":
        quantity = (node.allocatable or {}).get(name)
    amount = parse(quantity if quantity is not None else 0).nanos
    unit = parse(divisor or "1").nanos or NANO
    return str(-(-amount // unit))


def container_named(pod: Obj, name: str) -> Obj:
    """Raises FieldError."""
    for container in quantities.all_containers(pod):
        if container["name"] == name:
            return container
    raise FieldError(f"container {name} not found")
