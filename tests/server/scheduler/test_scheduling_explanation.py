from typing import Any

from minik.server.scheduler.explanation import explain
from minik.server.scheduler.framework import Code, Enabled, Profile, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info


class Picky:
    name, events = "Picky", frozenset[Any]()

    def __init__(self, *refused: str, name: str = "Picky") -> None:
        self._refused, self.name = refused, name

    def filter(self, state: Any, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return Refusal(("no",), Code.UNRESOLVABLE) if node.name in self._refused else None


class Crowd:
    """The fuller, the better, up to 100."""

    name, events = "Crowd", frozenset[Any]()

    def score(self, state: Any, pod: PodInfo, node: NodeInfo) -> int:
        return len(node.pods)

    def normalize(self, state: Any, scores: dict[str, int]) -> dict[str, int]:
        return {name: score * 10 for name, score in scores.items()}


class Never:
    name, events = "Never", frozenset[Any]()

    def pre_filter(self, state: Any, pod: PodInfo, snapshot: Snapshot) -> Refusal:
        return Refusal(("not today",), Code.UNRESOLVABLE)


def pod(name: str) -> PodInfo:
    metadata = {"name": name, "namespace": "ns", "uid": name}
    return pod_info({"metadata": metadata, "spec": {"containers": [{"name": "c"}]}})


def cluster(**pods: list[str]) -> Snapshot:
    nodes = {}
    for name, names in pods.items():
        nodes[name] = NodeInfo(name, {"metadata": {"name": name}, "spec": {}})
        for each in names:
            nodes[name].add(pod(each))
    return Snapshot(nodes)


def profile(*plugins: Any) -> Profile:
    return Profile("t", [Enabled(plugin, 3) for plugin in plugins])


def test_every_filter_that_refuses_is_named() -> None:
    plugins = Picky("n1"), Picky("n1", name="Second"), Picky(name="Third")
    found = explain(profile(*plugins), pod("p"), cluster(n1=[]))
    assert [each["plugin"] for each in found["nodes"][0]["refusedBy"]] == ["Picky", "Second"]
    assert found["decision"] == {"nodes": [], "message": "0/1 nodes are available: 1 no."}


def test_scores_are_shown_raw_normalized_and_weighted_without_the_pod_itself() -> None:
    found = explain(profile(Crowd()), pod("p"), cluster(n1=["p", "q"], n2=["r", "s"]))
    scores = {each["name"]: each["scores"][0] for each in found["nodes"]}
    assert scores["n1"] == {"plugin": "Crowd", "raw": 1, "normalized": 10, "weight": 3, "weighted": 30}
    assert found["decision"] == {"nodes": ["n2"], "message": "n2: the highest total, 60"}


def test_equals_are_drawn_from() -> None:
    found = explain(profile(Crowd()), pod("p"), cluster(n1=[], n2=[]))
    assert found["decision"]["message"] == "one of n1, n2 (at random): the highest total, 0"


def test_a_verdict_on_the_pod_as_a_whole_stands_at_every_node() -> None:
    found = explain(profile(Never(), Picky("n1")), pod("p"), cluster(n1=[], n2=[]))
    assert [[each["message"] for each in node["refusedBy"]] for node in found["nodes"]] == [["not today"]] * 2
    assert found["decision"]["message"] == "0/2 nodes are available: not today."
