from pathlib import Path
from typing import Any

import pytest

from minik.cli.api_get import kubeconfig_path
from minik.cli.why import lines, run_why
from minik.config import StartupError

Obj = dict[str, Any]
POD = {"pod": {"namespace": "ns", "name": "p"}, "schedulerName": "default-scheduler"}
REFUSED = {"plugin": "NodeResourcesFit", "message": "Insufficient cpu", "preemptionMayHelp": True}
TAINTED = {"plugin": "TaintToleration", "message": "untolerated", "preemptionMayHelp": False}
SCORE = {"plugin": "ImageLocality", "raw": 7, "normalized": 7, "weight": 2, "weighted": 14}


def test_a_pod_that_waits() -> None:
    answer = {
        **POD,
        "queue": {"state": "unschedulable", "attempts": 2, "seconds": 61.6, "events": ["NodeAdd"]},
        "nodes": [{"name": "n1", "refusedBy": [REFUSED, TAINTED]}],
        "decision": {"nodes": [], "message": "0/1 nodes are available."},
    }
    assert list(lines(answer)) == [
        "Pod ns/p, scheduler default-scheduler",
        "Queue: unschedulable (attempts: 2; tried again in 62 s at the latest; waits for: NodeAdd)",
        "",
        "Node n1: refused",
        "  NodeResourcesFit: Insufficient cpu",
        "  TaintToleration: untolerated [preemption does not help]",
        "",
        "Decision: 0/1 nodes are available.",
    ]


def test_a_pod_that_is_bound() -> None:
    answer = {
        **POD,
        "nodeName": "n1",
        "queue": {"state": "scheduled"},
        "nodes": [{"name": "n1", "scores": [SCORE], "total": 14}],
        "decision": {"nodes": ["n1"], "message": "n1: the highest total, 14"},
    }
    text = list(lines(answer))
    assert text[1].startswith("Bound to n1. What follows explains against the present state")
    assert text[3] == "Node n1 (bound, best): fits, total 14"
    assert text[5].split() == ["ImageLocality", "7", "7", "2", "14"]


def test_a_pod_that_is_gated_or_somebody_elses() -> None:
    gated = {**POD, "queue": {"state": "gated", "gatedBy": ["waiting for scheduling gates: [x]"]}}
    assert list(lines(gated))[1] == "Queue: gated (waiting for scheduling gates: [x])"
    other = {**POD, "queue": {"state": "another scheduler's"}, "nominatedNodeName": "n1"}
    assert list(lines(other))[1:] == [
        "Queue: another scheduler's",
        "Nominated to n1, where Pods of lower priority make room",
    ]


@pytest.mark.parametrize(
    ("what", "output", "problem"),
    [
        ("node/x", "", "'node/x' is no Pod"),
        ("pod/", "", "is no Pod"),
        ("pod/x", "yaml", "only json is known"),
        ("pod/x", "", "no kubeconfig at"),
    ],
)
def test_mistakes(tmp_path: Path, what: str, output: str, problem: str) -> None:
    with pytest.raises(StartupError, match=problem):
        run_why(what, "default", output, tmp_path / "none", {})


def test_the_kubeconfig_is_the_users_own_or_the_servers(tmp_path: Path) -> None:
    mine, named = tmp_path / "mine", tmp_path / "named"
    mine.touch()
    named.touch()
    environment = {"KUBECONFIG": f"{named}:/other"}
    assert kubeconfig_path(mine, environment) == mine
    assert kubeconfig_path(None, environment) == named
    assert kubeconfig_path(None, {"MINIK_WRITE_KUBECONFIG": str(mine)}) == mine
