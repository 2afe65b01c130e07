"""Topology spread and inter-Pod affinity: where Pods may go, where they go rather, and what counting costs."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from minik.api.types import Obj
from minik.client.informer import Informers
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.framework import CycleState, Enabled, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from minik.server.scheduler.plugins.pod_topology_spread import PodTopologySpread
from minik.server.scheduler.profiles import default_profile

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
APP = {"matchLabels": {"app": "a"}}
MISSING = "node(s) didn't match pod topology spread constraints (missing required label)"
SKEWED = "node(s) didn't match pod topology spread constraints"


def profile() -> Profile:
    handle: Any = SimpleNamespace(informers=Informers(Mock()))
    return Profile("p", [Enabled(PodTopologySpread({}, handle)), Enabled(InterPodAffinity({}, handle))])


def pod(name: str, labels: Obj | None = None, namespace: str = "default", **spec: Any) -> PodInfo:
    meta = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "labels": labels or {}}
    return pod_info({"metadata": meta, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}})


def cluster(**nodes: tuple[str, Iterable[PodInfo]]) -> Cache:
    """name=(zone, Pods); zone "": no label."""
    cache = Cache()
    for name, (zone, pods) in nodes.items():
        labels = {HOST: name} | ({ZONE: zone} if zone else {})
        status = {"allocatable": {"cpu": "8", "pods": "100"}}
        cache.set_node({"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status})
        for each in pods:
            cache.set_pod(each, name)
    return cache


def apps(count: int, start: int = 0, app: str = "a") -> list[PodInfo]:
    return [pod(f"{app}{start}-{number}", {"app": app}) for number in range(count)]


def spread(key: str = ZONE, skew: int = 1, when: str = "DoNotSchedule", **more: Any) -> Obj:
    return {"topologyKey": key, "maxSkew": skew, "whenUnsatisfiable": when, "labelSelector": APP, **more}


def term(key: str = HOST, selector: Obj = APP, **more: Any) -> Obj:
    return {"topologyKey": key, "labelSelector": selector, **more}


def required(kind: str, *terms: Obj) -> Obj:
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def preferred(kind: str, weight: int, wanted: Obj) -> Obj:
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": wanted}]}}


def verdict(subject: PodInfo, cache: Cache, within: Profile | None = None) -> dict[str, str]:
    """Why each node is refused; "" for those that fit."""
    snapshot = cache.snapshot(subject)
    fitting, diagnosis = (within or profile()).feasible({}, subject, snapshot)
    return {name: ", ".join(each.reasons) for name, each in diagnosis.refusals.items()} | {n.name: "" for n in fitting}


def test_hard_spread_keeps_domains_even() -> None:
    cache = cluster(n1=("z1", apps(2)), n2=("z2", apps(1, 2)), n3=("z2", ()), n4=("", ()))
    subject = pod("new", {"app": "a"}, topologySpreadConstraints=[spread()])
    assert verdict(subject, cache) == {"n1": SKEWED, "n2": "", "n3": "", "n4": MISSING}


@pytest.mark.parametrize(
    ("constraint", "labels", "spec", "fits"),
    [
        (spread(skew=2), {"app": "a"}, {}, {"n1", "n2"}),
        (spread(), {"app": "other"}, {}, {"n1", "n2"}),  # does not count itself: skew stays 1
        (spread(minDomains=3), {"app": "a"}, {}, set()),  # too few domains: the emptiest counts as empty
        (spread(key=HOST), {"app": "a"}, {}, {"n2"}),
        (spread(), {"app": "a"}, {"nodeSelector": {ZONE: "z1"}}, {"n1", "n2"}),  # NodeAffinity refuses n2, not this
        (spread(nodeAffinityPolicy="Ignore"), {"app": "a"}, {"nodeSelector": {ZONE: "z1"}}, {"n2"}),
    ],
)
def test_what_a_constraint_counts(constraint: Obj, labels: Obj, spec: Obj, fits: set[str]) -> None:
    cache = cluster(n1=("z1", apps(2)), n2=("z2", apps(1, 2)))
    found = verdict(pod("new", labels, topologySpreadConstraints=[constraint], **spec), cache)
    assert {name for name, reason in found.items() if not reason} == fits


def test_soft_spread_prefers_empty_domains() -> None:
    cache = cluster(n1=("z1", apps(3)), n2=("z2", ()), n3=("z2", apps(1, 5)))
    subject = pod("new", {"app": "a"}, topologySpreadConstraints=[spread(when="ScheduleAnyway")])
    within, snapshot = profile(), cache.snapshot(subject)
    scores = within.score({}, subject, [*snapshot.nodes.values()], snapshot)
    assert scores["n2"] == scores["n3"] == 100
    assert scores["n1"] < 60


def test_affinity_needs_a_match_in_the_domain() -> None:
    cache = cluster(n1=("z1", apps(1)), n2=("z1", ()), n3=("z2", ()), n4=("", ()))
    wants = pod("new", affinity=required("podAffinity", term(ZONE)))
    refused = "node(s) didn't match pod affinity rules"
    assert verdict(wants, cache) == {"n1": "", "n2": "", "n3": refused, "n4": refused}


def test_the_first_of_a_kind_may_start_anywhere_with_the_label() -> None:
    first = pod("new", {"app": "a"}, affinity=required("podAffinity", term(ZONE)))
    assert verdict(first, cluster(n1=("z1", ()), n2=("", ()))) == {
        "n1": "",
        "n2": "node(s) didn't match pod affinity rules",
    }


def test_anti_affinity_works_both_ways() -> None:
    repelling = pod("there", {"app": "b"}, affinity=required("podAntiAffinity", term()))
    cache = cluster(n1=("z1", [repelling]), n2=("z1", apps(1)), n3=("z2", ()))
    assert verdict(pod("plain", {"app": "a"}), cache) == {
        "n1": "node(s) didn't satisfy existing pods anti-affinity rules",
        "n2": "",
        "n3": "",
    }
    other = pod("new", {"app": "c"}, affinity=required("podAntiAffinity", term(ZONE)))
    refused = "node(s) didn't match pod anti-affinity rules"
    assert verdict(other, cache) == {"n1": refused, "n2": refused, "n3": ""}


def test_terms_are_about_the_pods_own_namespace_unless_they_say_otherwise() -> None:
    cache = cluster(n1=("z1", [pod("x", {"app": "a"}, namespace="far")]))
    apart = pod("new", affinity=required("podAntiAffinity", term()))
    assert verdict(apart, cache) == {"n1": ""}
    named = pod("new", affinity=required("podAntiAffinity", term(namespaces=["far"])))
    anywhere = pod("new", affinity=required("podAntiAffinity", term(namespaceSelector={})))
    assert verdict(named, cache) == verdict(anywhere, cache) == {"n1": "node(s) didn't match pod anti-affinity rules"}


def test_preferences_of_both_sides_count() -> None:
    shy = pod("shy", {"app": "s"}, affinity=preferred("podAntiAffinity", 50, term(ZONE)))
    cache = cluster(n1=("z1", apps(1)), n2=("z2", [shy]), n3=("z3", ()))
    subject = pod("new", {"app": "a"}, affinity=preferred("podAffinity", 10, term(ZONE)))
    within, snapshot = profile(), cache.snapshot(subject)
    scores = within.score({}, subject, [*snapshot.nodes.values()], snapshot)
    assert scores == {"n1": 100, "n2": 0, "n3": 83}


def test_counts_follow_what_changes() -> None:
    within = profile()
    cache = cluster(n1=("z1", ()), n2=("z2", ()))
    for number in range(6):
        subject = pod(f"p{number}", {"app": "a"}, topologySpreadConstraints=[spread()])
        node = next(name for name, reason in verdict(subject, cache, within).items() if not reason)
        cache.set_pod(subject, node)
    assert [len(node.pods) for node in cache.snapshot(subject).nodes.values()] == [3, 3]
    for number in range(6):
        cache.remove_pod(f"default/p{number}")
    assert verdict(pod("new", {"app": "a"}, topologySpreadConstraints=[spread()]), cache, within) == {
        "n1": "",
        "n2": "",
    }
    cache.set_node({"metadata": {"name": "n2", "labels": {HOST: "n2"}}, "spec": {}, "status": {}})
    assert verdict(pod("new", {"app": "a"}, topologySpreadConstraints=[spread()]), cache, within)["n2"] == MISSING


@pytest.mark.parametrize("wish", ["spread", "anti-affinity"])
def test_preemption_sees_what_would_be_without_victims(wish: str) -> None:
    cache = cluster(n1=("z1", apps(1)), n2=("z2", ()))
    spec: Obj = {"topologySpreadConstraints": [spread(key=HOST)]}
    if wish == "anti-affinity":
        spec = {"affinity": required("podAntiAffinity", term())}
    subject, within, state = pod("new", {"app": "a"}, **spec), profile(), CycleState()
    snapshot = cache.snapshot(subject)
    within.feasible(state, subject, snapshot)
    node = snapshot.nodes["n1"]
    assert within.refusal(state, subject, node) is not None
    assert within.refusal(state, subject, node.without(["default/a0-0"])) is None


def test_nodes_shown_with_pods_to_come_are_counted_so() -> None:
    cache = cluster(n1=("z1", ()), n2=("z2", ()))
    cache.nominate(pod("first", {"app": "a"}), "n1")
    subject = pod("new", {"app": "a"}, affinity=required("podAntiAffinity", term()))
    assert verdict(subject, cache)["n1"] == "node(s) didn't match pod anti-affinity rules"


def test_both_are_part_of_the_default_profile() -> None:
    names = [enabled.plugin.name for enabled in default_profile(Mock(), Informers(Mock())).at("filter")]
    assert {"PodTopologySpread", "InterPodAffinity"} <= set(names)


def test_a_snapshot_without_a_log_is_counted_anew() -> None:
    node = NodeInfo("n1")
    node.set_node({"metadata": {"name": "n1", "labels": {HOST: "n1"}}, "spec": {}, "status": {}})
    for each in apps(2):
        node.add(each)
    subject = pod("new", {"app": "a"}, affinity=required("podAntiAffinity", term()))
    fitting, _ = profile().feasible({}, subject, Snapshot({"n1": node}))
    assert fitting == []
