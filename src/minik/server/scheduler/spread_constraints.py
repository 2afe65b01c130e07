"""Topology spread constraints of a Pod: its own, or the profile's defaults for Pods of Services and workloads.

https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minik.api import selectors
from minik.api.selectors import EQUALS, LabelSelector, Requirement
from minik.api.types import Obj
from minik.client.informer import Informer, Informers
from minik.client.resources import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from minik.server.scheduler.node_info import PodInfo

HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
SYSTEM_DEFAULTS: Sequence[Obj] = (
    {"topologyKey": HOSTNAME, "maxSkew": 3, "whenUnsatisfiable": "ScheduleAnyway"},
    {"topologyKey": ZONE, "maxSkew": 5, "whenUnsatisfiable": "ScheduleAnyway"},
)


@dataclass(frozen=True, slots=True)
class Constraint:
    """`honors_affinity`, `honors_taints`: nodes the Pod could not go to for these reasons do not count."""

    key: str
    max_skew: int
    selector: LabelSelector
    is_hard: bool
    min_domains: int
    honors_affinity: bool
    honors_taints: bool


def constraints_of(pod: PodInfo) -> list[Constraint]:
    """The Pod's own."""
    found = []
    for each in pod.spec.get("topologySpreadConstraints") or ():
        selector = selectors.of_object(each.get("labelSelector"))
        keys = [key for key in each.get("matchLabelKeys") or () if key in pod.labels]
        also = tuple(Requirement(key, EQUALS, (pod.labels[key],)) for key in keys)
        found.append(_constraint(each, LabelSelector((*selector.requirements, *also)) if also else selector))
    return found


def _constraint(given: Obj, selector: LabelSelector) -> Constraint:
    return Constraint(
        given["topologyKey"],
        given["maxSkew"],
        selector,
        given.get("whenUnsatisfiable") != "ScheduleAnyway",
        given.get("minDomains") or 1,
        given.get("nodeAffinityPolicy") != "Ignore",
        given.get("nodeTaintsPolicy") == "Honor",
    )


class DefaultConstraints:
    """What holds for Pods without constraints of their own: they are told apart by who selects them."""

    def __init__(self, constraints: Sequence[Obj], informers: Informers) -> None:
        self._constraints = constraints
        self._services: Informer | None = None
        self._owners: dict[str, Informer] = {}
        if constraints:
            self._services = informers.of(SERVICES)
            kinds = {
                "ReplicaSet": REPLICA_SETS,
                "StatefulSet": STATEFUL_SETS,
                "ReplicationController": REPLICATION_CONTROLLERS,
            }
            self._owners = {kind: informers.of(resource) for kind, resource in kinds.items()}

    def of(self, pod: PodInfo) -> list[Constraint]:
        if self._services is None:
            return []
        requirements = tuple(sorted(set(self._requirements(pod, self._services)), key=str))
        if not requirements:
            return []
        return [_constraint(each, LabelSelector(requirements)) for each in self._constraints]

    def _requirements(self, pod: PodInfo, services: Informer) -> Iterable[Requirement]:
        """Of the Services that select the Pod, and of the workload that made it."""
        for service in services.list(pod.namespace):
            selector = selectors.of_labels(service["spec"].get("selector"))
            if not selector.everything and selector.matches(pod.labels):
                yield from selector.requirements
        for reference in pod.obj["metadata"].get("ownerReferences") or ():
            informer = self._owners.get(reference["kind"]) if reference.get("controller") else None
            owner = None if informer is None else informer.get(reference["name"], pod.namespace)
            if owner is None:
                continue
            chosen = owner["spec"].get("selector")
            if reference["kind"] == "ReplicationController":
                yield from selectors.of_labels(chosen).requirements
            else:
                yield from selectors.of_object(chosen).requirements
