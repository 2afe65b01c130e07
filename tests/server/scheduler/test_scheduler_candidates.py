"""Kept candidates choose what a full cycle would choose, whatever happens to the nodes in between."""

from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minik.api.types import Obj
from minik.client.informer import Informers
from minik.server.scheduler.cache import Cache
from minik.server.scheduler.candidates import Candidates
from minik.server.scheduler.node_info import PodInfo, pod_info
from minik.server.scheduler.profiles import default_profile

PROFILE = default_profile(Mock(), Informers(Mock()))
HOST = "kubernetes.io/hostname"
APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "apart"}}}
        ]
    }
}


def pod(name: str, cpu: int = 100, app: str = "a", **spec: Any) -> PodInfo:
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": f"{cpu}m"}}}
    meta = {"name": name, "namespace": "default", "uid": name, "labels": {"app": app}}
    return pod_info({"metadata": meta, "spec": {"containers": [container], **spec}})


def node(name: str, cpu: int, taints: list[Obj] | None = None) -> Obj:
    status = {"allocatable": {"cpu": f"{cpu}m", "memory": "8Gi", "pods": "20"}}
    return {"metadata": {"name": name, "labels": {HOST: name}}, "spec": {"taints": taints or []}, "status": status}


def full(subject: PodInfo, cache: Cache) -> set[str]:
    """The best nodes of a full cycle."""
    state: Obj = {}
    snapshot = cache.snapshot(subject)
    fitting, _ = PROFILE.feasible(state, subject, snapshot)
    scores = PROFILE.score(state, subject, fitting, snapshot) if fitting else {}
    return {name for name, score in scores.items() if score == max(scores.values())}


def kept(candidates: Candidates, subject: PodInfo, cache: Cache) -> str:
    present = cache.present()
    assert present is not None
    return candidates.choose({}, subject, present)


EVEN = {"topologyKey": HOST, "maxSkew": 1, "labelSelector": {"matchLabels": {"app": "even"}}}
SPECS: dict[str, Obj] = {
    "pod": {},
    "apart": {"affinity": APART},
    "even": {"topologySpreadConstraints": [{**EVEN, "whenUnsatisfiable": "DoNotSchedule"}]},
    "evenly": {"topologySpreadConstraints": [{**EVEN, "whenUnsatisfiable": "ScheduleAnyway"}]},
}
APPS = {"apart": "apart", "even": "even", "evenly": "even"}
steps = st.lists(
    st.tuples(st.sampled_from([*SPECS, "remove", "node", "taint", "gone"]), st.integers(0, 5)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_the_choice_is_that_of_a_full_cycle(doings: list[tuple[str, int]]) -> None:
    cache, candidates = Cache(), Candidates(PROFILE)
    for number in range(3):
        cache.set_node(node(f"n{number}", 1000 + 500 * number))
    placed: list[str] = []
    for count, (what, number) in enumerate(doings):
        if what == "node":
            cache.set_node(node(f"n{number}", 700 + 300 * number))
        elif what == "taint":
            cache.set_node(node(f"n{number}", 900, [{"key": "k", "effect": "NoSchedule"}]))
        elif what == "gone":
            cache.remove_node(f"n{number}")
        elif what == "remove":
            if placed:
                cache.remove_pod(placed.pop(number % len(placed)))
        else:
            subject = pod(f"p{count}", 50 + 100 * (number % 2), APPS.get(what, "a"), **SPECS[what])
            best, chosen = full(subject, cache), kept(candidates, subject, cache)
            assert chosen in best if best else not chosen
            if chosen:
                cache.set_pod(subject, chosen)
                placed.append(subject.uid)


@pytest.mark.parametrize(
    "spec",
    [
        {
            "affinity": {
                "podAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "podAffinityTerm": {"topologyKey": HOST, "labelSelector": {}}}
                    ]
                }
            }
        },
        {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {"weight": 1, "preference": {"matchExpressions": [{"key": HOST, "operator": "Exists"}]}}
                    ]
                }
            }
        },
    ],
)
def test_scores_that_depend_on_other_nodes_go_the_long_way(spec: Obj) -> None:
    cache = Cache()
    cache.set_node(node("n1", 1000))
    cache.set_pod(pod("there"), "n1")
    assert kept(Candidates(PROFILE), pod("p", **spec), cache) == ""
    assert kept(Candidates(PROFILE), pod("p"), cache) == "n1"


def test_nothing_is_kept_while_room_is_kept_for_others() -> None:
    cache = Cache()
    cache.set_node(node("n1", 1000))
    cache.nominate(pod("first"), "n1")
    assert cache.present() is None
