"""The service proxy of one node: watches Services and EndpointSlices, keeps the kernel's table true.

    informers --something changed--> build the whole table (pure) --difference--> one nft transaction

Changes that arrive while a transaction is under way go into the next one. The table is minik's own (`ip minik`,
`ip6 minik`); no other table is ever touched. Stopping leaves it in place, as Pods keep running without minik.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from minik.agent.proxy.backends import ServicePort, service_ports
from minik.agent.proxy.conntrack import Flow, forget
from minik.agent.proxy.nft import Nft, NftError, delete_table
from minik.agent.proxy.node_addresses import serve_behind_nat
from minik.agent.proxy.rules import TABLE, HostPort, Network, build
from minik.agent.proxy.ruleset import Ruleset, difference, replace
from minik.api.types import Obj
from minik.client.informer import Change, Informers
from minik.client.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES
from minik.config import AgentConfig

log = logging.getLogger("minik.proxy")

RETRY_AFTER = 5.0  # seconds after a refused transaction
_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/route_localnet": "1",  # NodePorts on 127.0.0.1; rules.py shuts the door this opens
    "net/bridge/bridge-nf-call-iptables": "1",  # Pod to Service to Pod on one bridge passes NAT both ways
    "net/bridge/bridge-nf-call-ip6tables": "1",
}


class Proxy:
    """Component "kube-proxy". `informers` read Services as system:kube-proxy, `node_informers` Pods as the node."""

    name = "kube-proxy"

    def __init__(self, config: AgentConfig, informers: Informers, node_informers: Informers) -> None:
        self._config = config
        self._node_name = config.node_name
        self._informers = informers
        self._node_informers = node_informers
        self._dirty = asyncio.Event()
        self._applied: dict[str, Ruleset] = {}
        self._udp: dict[str, set[Flow]] = {}

    async def run(self, ready: asyncio.Event) -> None:
        nft = Nft()
        await asyncio.to_thread(set_sysctls)
        self._services = self._informers.of(SERVICES)
        self._slices = self._informers.of(ENDPOINT_SLICES)
        self._pods = self._node_informers.of(PODS, field_selector=f"spec.nodeName={self._node_name}")
        self._nodes = self._node_informers.of(NODES, field_selector=f"metadata.name={self._node_name}")
        watched = (self._services, self._slices, self._pods)
        for informer in watched:
            informer.add_handler(self._changed)
        try:
            for informer in watched:
                await informer.wait_synced()
            self._dirty.set()
            while True:
                await self._dirty.wait()
                self._dirty.clear()
                try:
                    await self._sync(nft)
                except NftError as error:
                    log.error("the kernel refused the Service rules, trying anew in %.0f s: %s", RETRY_AFTER, error)
                    self._applied.clear()  # next time everything is replaced
                    await asyncio.sleep(RETRY_AFTER)
                    self._dirty.set()
                else:
                    ready.set()
        finally:
            for informer in watched:
                informer.remove_handler(self._changed)

    def _changed(self, changes: Sequence[Change]) -> None:
        if any(_matters(change) for change in changes):
            self._dirty.set()

    async def _sync(self, nft: Nft) -> None:
        node = self._nodes.get(self._node_name)
        labels = (node["metadata"].get("labels") or {}) if node else {}
        for family in self._families():
            ports: Sequence[ServicePort] = service_ports(
                self._services.list(),
                self._slices.list(),
                family=family,
                node_name=self._node_name,
                zone=labels.get("topology.kubernetes.io/zone", ""),
            )
            ports = serve_behind_nat(ports, node, family)
            network = Network(
                family,
                *self._cidrs(family),
                answered_here=(self._config.cluster_dns,) if _family(self._config.cluster_dns) == family else (),
            )
            wanted = build(ports, host_ports(self._pods.list(), family), network)
            had = self._applied.get(family)
            commands = difference(had, wanted) if had else replace(wanted)
            await nft.apply(commands)
            self._applied[family] = wanted
            await self._forget_stale_flows(family, ports)

    def _families(self) -> list[str]:
        """IPv4 always (the node's own rules live there), IPv6 once the cluster has such Services."""
        has_ipv6 = any(":" in a for s in self._services.list() for a in s["spec"].get("clusterIPs") or ())
        return ["ip", "ip6"] if has_ipv6 or "ip6" in self._applied else ["ip"]

    def _cidrs(self, family: str) -> tuple[str, str]:
        cluster = _of_family(self._config.cluster_cidr, family)
        service = _of_family(self._config.service_cidr, family)
        return cluster or ("fd00:42::/56" if family == "ip6" else "10.42.0.0/16"), service or (
            "fd00:43::/112" if family == "ip6" else "10.43.0.0/16"
        )

    async def _forget_stale_flows(self, family: str, ports: Sequence[ServicePort]) -> None:
        flows = {flow for port in ports if port.protocol == "udp" for flow in _flows(port)}
        stale = self._udp.get(family, set()) - flows
        self._udp[family] = flows
        if stale:
            await forget(sorted(stale))


def set_sysctls() -> None:
    """Switch on what the rules need. What the kernel does not have is left out; a refusal is logged."""
    for name, value in _SYSCTLS.items():
        path = Path("/proc/sys") / name
        try:
            if path.read_text().strip() != value:
                path.write_text(value)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("cannot set %s to %s: %s", name.replace("/", "."), value, error)


def remove_rules() -> None:
    """Take minik's tables out of the kernel (uninstalling, tests)."""
    nft = Nft()
    for family in ("ip", "ip6"):
        nft.apply_now(delete_table(family, TABLE))


def host_ports(pods: Iterable[Obj], family: str) -> list[HostPort]:
    """The host ports of this node's Pods that have an address."""
    found = []
    for pod in pods:
        status = pod.get("status") or {}
        address = next((i["ip"] for i in status.get("podIPs") or () if _family(i["ip"]) == family), "")
        if not address or pod["spec"].get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
            continue
        spec = pod["spec"]
        for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
            for port in container.get("ports") or ():
                host_ip = port.get("hostIP") or ""
                if port.get("hostPort") and (not host_ip or _family(host_ip) == family):
                    protocol = port.get("protocol", "TCP").lower()
                    found.append(HostPort(host_ip, protocol, port["hostPort"], address, port["containerPort"]))
    return found


def _matters(change: Change) -> bool:
    """Pods change all the time; only those with host ports concern the rules."""
    obj = change.obj
    if "spec" not in obj or "containers" not in obj["spec"]:
        return True
    return any(host_ports([o], family) for o in (change.old, change.new) if o for family in ("ip", "ip6"))


def _flows(port: ServicePort) -> Iterable[Flow]:
    for backend in port.backends:
        for address in (port.cluster_ip, *port.external_ips, *port.load_balancer_ips):
            yield Flow(address, port.port, backend.address)
        if port.node_port:
            yield Flow("", port.node_port, backend.address)


def _family(address: str) -> str:
    return "ip6" if ":" in address else "ip"


def _of_family(cidrs: str, family: str) -> str:
    return next((c for c in cidrs.split(",") if _family(c) == family), "")
