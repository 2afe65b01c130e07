from datetime import UTC, datetime

import pytest

from minik.server.controllers.pods import least_valuable_first
from minik.server.controllers.replica_set_plan import BURST, Failure, new_status, next_look, plan

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_missing_pods_are_created_up_to_the_burst(make_pod):
    assert plan(3, [make_pod("a")], [], NOW).create == 2
    assert plan(5000, [], [], NOW).create == BURST


def test_finished_and_terminating_pods_do_not_count(make_pod):
    gone = make_pod("gone")
    gone["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z"
    assert plan(1, [gone, make_pod("failed", phase="Failed")], [], NOW).create == 1


def test_all_surplus_pods_go_when_scaled_to_zero(make_pod):
    pods = [make_pod("a"), make_pod("b")]
    assert plan(0, pods, pods, NOW).delete == pods


def variant(make_pod, kind: str):
    pod = make_pod(kind)
    match kind:
        case "unassigned":
            pod["spec"].pop("nodeName")
        case "pending":
            pod["status"]["phase"] = "Pending"
        case "not-ready":
            pod["status"]["conditions"][0]["status"] = "False"
        case "cheap":
            pod["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "-5"}
        case "young-ready":
            pod["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-02T03:04:00Z"
        case "restarted":
            pod["status"]["containerStatuses"] = [{"name": "c", "restartCount": 3}]
        case "young":
            pod["metadata"]["creationTimestamp"] = "2026-01-02T03:04:00Z"
    return pod


@pytest.mark.parametrize("kind", ["unassigned", "pending", "not-ready", "cheap", "young-ready", "restarted", "young"])
def test_scale_down_gives_up_the_least_valuable(make_pod, kind):
    pods = [make_pod("good"), variant(make_pod, kind)]
    assert [p["metadata"]["name"] for p in least_valuable_first(pods, [], NOW)] == [kind, "good"]


def test_scale_down_gives_up_pods_doubled_up_on_a_node(make_pod):
    alone, first, second = make_pod("alone"), make_pod("x"), make_pod("y")
    alone["spec"]["nodeName"] = "n2"
    pods = [alone, first, second]
    assert least_valuable_first(pods, pods, NOW)[-1] is alone


def replica_set(**spec):
    return {
        "metadata": {"name": "rs", "generation": 4},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "web"}}}, **spec},
    }


def test_status_counts_pods(make_pod):
    pods = [make_pod("a"), make_pod("b", ready=False)]
    pods[1]["metadata"]["labels"] = {}
    assert new_status(replica_set(), pods, None, NOW, counts_terminating=True) == {
        "replicas": 2,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "observedGeneration": 4,
        "terminatingReplicas": 0,
    }


def test_pod_is_available_only_after_min_ready_seconds(make_pod):
    pod = make_pod("a")
    pod["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-02T03:04:00Z"
    rs = replica_set(minReadySeconds=10)
    assert "availableReplicas" not in new_status(rs, [pod], None, NOW, counts_terminating=False)
    assert next_look(rs, [pod], NOW) == pytest.approx(5, abs=0.1)
    assert next_look(replica_set(), [pod], NOW) is None


def test_failure_condition_comes_and_goes(make_pod):
    failing = replica_set()
    failing["status"] = new_status(failing, [], Failure("FailedCreate", "quota"), NOW, counts_terminating=False)
    assert failing["status"]["conditions"][0]["reason"] == "FailedCreate"
    assert "conditions" not in new_status(failing, [], None, NOW, counts_terminating=False)
