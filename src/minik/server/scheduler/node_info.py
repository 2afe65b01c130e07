"""What the scheduler keeps of Pods and Nodes: sums and sets, so that a filter is a few comparisons.

Resources are plain integers: cpu in milli-cores, everything else in its unit (bytes, counts).
Rules for requests: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from minik.api.pod_resources import amounts, pod_requests
from minik.api.types import Obj
from minik.server.scheduler.affinity_terms import NO_TERMS, PodTerms, terms_of
from minik.server.scheduler.resizing import as_counted

# What a container counts for in scoring when it requests nothing (upstream's non-zero defaults).
DEFAULT_CPU, DEFAULT_MEMORY = 100, 200 * 1024 * 1024

Port = tuple[str, str, int]  # host IP, protocol, port


@dataclass(slots=True, eq=False)
class PodInfo:
    """A Pod with what scheduling needs, computed once for all versions that differ in nothing that counts."""

    obj: Obj
    key: str
    uid: str
    priority: int
    requests: Mapping[str, int]
    scoring_cpu: int
    scoring_memory: int
    ports: frozenset[Port]
    terms: PodTerms = NO_TERMS

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"]["namespace"])

    @property
    def spec(self) -> Obj:
        spec: Obj = self.obj["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        return self.obj["metadata"].get("labels") or {}


def pod_info(pod: Obj) -> PodInfo:
    """Summarise a Pod."""
    meta = pod["metadata"]
    counted = as_counted(pod) if "containerStatuses" in (pod.get("status") or ()) else pod
    spec = counted["spec"]
    requests = pod_requests(counted)
    cpu, memory = requests.get("cpu", 0), requests.get("memory", 0)
    for container in spec["containers"]:
        asked = (container.get("resources") or {}).get("requests") or {}
        cpu += 0 if "cpu" in asked else DEFAULT_CPU
        memory += 0 if "memory" in asked else DEFAULT_MEMORY
    return PodInfo(
        obj=pod,
        key=f"{meta['namespace']}/{meta['name']}",
        uid=meta["uid"],
        priority=spec.get("priority") or 0,
        requests=requests,
        scoring_cpu=cpu,
        scoring_memory=memory,
        ports=frozenset(host_ports(spec)),
        terms=terms_of(spec, meta["namespace"]),
    )


def host_ports(spec: Obj) -> Iterable[Port]:
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"]


def allocatable_of(node: Obj) -> dict[str, int]:
    status = node.get("status") or {}
    return amounts(status.get("allocatable") or status.get("capacity") or {})


@dataclass(slots=True, eq=False)
class NodeInfo:
    """A Node and the Pods on it (bound or assumed), summed up. Changed only by the cache."""

    name: str
    node: Obj | None = None
    allocatable: dict[str, int] = field(default_factory=dict)
    requested: dict[str, int] = field(default_factory=dict)
    scoring_cpu: int = 0
    scoring_memory: int = 0
    pods: dict[str, PodInfo] = field(default_factory=dict)  # by uid
    ports: dict[Port, int] = field(default_factory=dict)  # how many Pods hold it (terminating ones may overlap)
    images: frozenset[str] = frozenset()
    choosy: dict[str, PodInfo] = field(default_factory=dict)  # those of the Pods with inter-Pod affinity, by uid

    @property
    def labels(self) -> Mapping[str, str]:
        return (self.node["metadata"].get("labels") or {}) if self.node else {}

    @property
    def taints(self) -> Iterable[Obj]:
        return (self.node["spec"].get("taints") or ()) if self.node else ()

    def set_node(self, node: Obj) -> None:
        self.node = node
        status = node.get("status") or {}
        self.allocatable = allocatable_of(node)
        self.images = frozenset(name for image in status.get("images") or () for name in image.get("names") or ())

    def add(self, pod: PodInfo) -> None:
        self.remove(pod.uid)
        self.pods[pod.uid] = pod
        if pod.terms is not NO_TERMS:
            self.choosy[pod.uid] = pod
        self._count(pod, 1)

    def remove(self, uid: str) -> None:
        pod = self.pods.pop(uid, None)
        self.choosy.pop(uid, None)
        if pod is not None:
            self._count(pod, -1)

    def without(self, uids: Iterable[str]) -> "NodeInfo":
        """A copy with some Pods taken away (preemption asks what if)."""
        copy = NodeInfo(self.name, self.node, self.allocatable, dict(self.requested), self.scoring_cpu)
        copy.scoring_memory, copy.pods, copy.ports, copy.images, copy.choosy = (
            self.scoring_memory,
            dict(self.pods),
            dict(self.ports),
            self.images,
            dict(self.choosy),
        )
        for uid in uids:
            copy.remove(uid)
        return copy

    def _count(self, pod: PodInfo, sign: int) -> None:
        for resource, amount in pod.requests.items():
            self.requested[resource] = self.requested.get(resource, 0) + sign * amount
        self.scoring_cpu += sign * pod.scoring_cpu
        self.scoring_memory += sign * pod.scoring_memory
        for port in pod.ports:
            self.ports[port] = self.ports.get(port, 0) + sign
            if not self.ports[port]:
                del self.ports[port]
