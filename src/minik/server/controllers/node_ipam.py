"""Gives every node its range of Pod addresses (spec.podCIDRs), one per address family of the cluster.

Nodes for which nothing is left wait until another one goes.
"""

import ipaddress
import logging
from collections.abc import Iterable

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, object_reference
from minik.client.informer import Change
from minik.client.resources import NODES
from minik.server.controllers.context import ClusterSettings, ControllerContext

log = logging.getLogger("minik.controller")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ExhaustedError(Exception):
    """The cluster's range has no free part left."""


class CidrSet:
    """The equal parts of one range; which are taken."""

    def __init__(self, cidr: str, mask_size: int) -> None:
        self._network: Network = ipaddress.ip_network(cidr)
        self._mask_size = max(mask_size, self._network.prefixlen)
        self._taken: set[int] = set()
        self._next = 0

    @property
    def capacity(self) -> int:
        return 1 << (self._mask_size - self._network.prefixlen)

    def allocate(self) -> str:
        """The next free part, going round. Raises ExhaustedError."""
        if len(self._taken) >= self.capacity:
            raise ExhaustedError(f"{self._network} has no free /{self._mask_size}")
        index = self._next
        while index in self._taken:
            index = (index + 1) % self.capacity
        self._taken.add(index)
        self._next = (index + 1) % self.capacity
        host_bits = self._network.max_prefixlen - self._mask_size
        start = self._network.network_address + (index << host_bits)
        return f"{start}/{self._mask_size}"

    def occupy(self, cidr: str) -> None:
        """Mark what a node has; a range of another size takes every part it touches."""
        self._taken.update(self._indexes(cidr))

    def release(self, cidr: str) -> None:
        self._taken.difference_update(self._indexes(cidr))

    def _indexes(self, cidr: str) -> range:
        network = ipaddress.ip_network(cidr, strict=False)
        if network.version != self._network.version or not network.overlaps(self._network):
            return range(0)
        host_bits = self._network.max_prefixlen - self._mask_size
        base = int(self._network.network_address)
        first = max(int(network.network_address) - base, 0) >> host_bits
        last = min(int(network.broadcast_address) - base, (self.capacity << host_bits) - 1) >> host_bits
        return range(first, last + 1)


def cidr_sets(settings: ClusterSettings) -> list[CidrSet]:
    sets = []
    for cidr in settings.cluster_cidrs:
        size = settings.node_cidr_mask_size_ipv6 if ":" in cidr else settings.node_cidr_mask_size_ipv4
        sets.append(CidrSet(cidr, size))
    return sets


class NodeIpamController(Controller):
    name = "node-ipam-controller"
    workers = 1  # allocation is one decision after the other

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("node-controller")
        self._recorder = context.events.recorder("cidrAllocator")
        self._sets = cidr_sets(context.settings)
        self._waiting: dict[str, None] = {}  # nodes, the first one first
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        """Runs for all nodes there are before the first reconcile, so that no range is given twice."""
        for cidr in _cidrs(change.old) if change.new is None else ():
            for cidr_set in self._sets:
                cidr_set.release(cidr)
        for cidr in _cidrs(change.new):
            for cidr_set in self._sets:
                cidr_set.occupy(cidr)
        name = change.obj["metadata"]["name"]
        if change.new is not None and not _cidrs(change.new):
            if name not in self._waiting:
                yield name
            return
        self._waiting.pop(name, None)
        if change.new is None and self._waiting:
            first = next(iter(self._waiting))
            del self._waiting[first]
            yield first

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is None or _cidrs(node):
            return None
        given: list[tuple[CidrSet, str]] = []
        try:
            for cidr_set in self._sets:
                given.append((cidr_set, cidr_set.allocate()))
            cidrs = [cidr for _, cidr in given]
            patch = {"metadata": {"uid": node["metadata"]["uid"]}, "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs}}
            await self._client.patch(NODES, key, patch, patch_type=STRATEGIC_MERGE_PATCH)
        except ExhaustedError as error:
            self._give_back(given)
            if not self._waiting:
                log.warning("%s: %s: %s; it and those that come wait until a node goes", self.name, key, error)
            self._waiting[key] = None
            text = f"Node {key} status is now: CIDRNotAvailable"
            self._recorder.event(object_reference("v1", "Node", node), NORMAL, "CIDRNotAvailable", text)
        except BaseException:
            self._give_back(given)
            raise
        return None

    def _give_back(self, given: Iterable[tuple[CidrSet, str]]) -> None:
        for cidr_set, cidr in given:
            cidr_set.release(cidr)


def _cidrs(node: Obj | None) -> list[str]:
    spec = node["spec"] if node is not None else {}
    return list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))
