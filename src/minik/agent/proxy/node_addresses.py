"""Load balancer addresses that are this node's, but that it never sees: its ExternalIP, behind somebody's NAT.

What is sent there arrives with the InternalIP as its destination, so that one has to be served as well. Pure.
"""

from collections.abc import Sequence
from dataclasses import replace

from minik.agent.proxy.backends import ServicePort
from minik.api.types import Obj


def serve_behind_nat(ports: Sequence[ServicePort], node: Obj | None, family: str) -> Sequence[ServicePort]:
    """`ports`, answering at the node's InternalIPs of the family ("ip" or "ip6") if at one of its ExternalIPs."""
    external, internal = (_addresses(node, kind, family) for kind in ("ExternalIP", "InternalIP"))
    if not external:
        return ports
    return [_also_at(port, internal) if {*external} & {*port.load_balancer_ips} else port for port in ports]


def _also_at(port: ServicePort, addresses: Sequence[str]) -> ServicePort:
    return replace(port, load_balancer_ips=tuple(dict.fromkeys((*port.load_balancer_ips, *addresses))))


def _addresses(node: Obj | None, kind: str, family: str) -> Sequence[str]:
    listed = ((node or {}).get("status") or {}).get("addresses") or ()
    return [a["address"] for a in listed if a["type"] == kind and (":" in a["address"]) == (family == "ip6")]
