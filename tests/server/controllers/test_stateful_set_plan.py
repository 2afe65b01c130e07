from datetime import UTC, datetime

import pytest

from minik.client.resources import STATEFUL_SETS
from minik.server.controllers.claims import Owner
from minik.server.controllers.stateful_set_plan import Revisions, Start, new_status, plan
from minik.server.controllers.stateful_set_pods import build_claims, build_pod, claim_owners

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAME = Revisions("web-new", "web-new")
UPDATING = Revisions("web-old", "web-new")


def stateful_set(replicas: int = 3, **spec) -> dict:
    return {
        "metadata": {"name": "web", "namespace": "ns", "uid": "s", "generation": 1},
        "spec": {
            "replicas": replicas,
            "serviceName": "web",
            "selector": {"matchLabels": {"app": "web"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "podManagementPolicy": "OrderedReady",
            **spec,
        },
    }


@pytest.fixture
def member(make_pod):
    def make(ordinal: int, revision: str = "web-new", *, deleting: bool = False, **kwargs) -> dict:
        pod = make_pod(f"web-{ordinal}", **kwargs)
        pod["metadata"]["labels"] |= {
            "controller-revision-hash": revision,
            "statefulset.kubernetes.io/pod-name": f"web-{ordinal}",
            "apps.kubernetes.io/pod-index": str(ordinal),
        }
        if deleting:
            pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z"
        return pod

    return make


def names(pods) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


def test_ordered_start_waits_for_the_one_before(member):
    assert plan(stateful_set(), [], SAME, NOW).start == [Start(0, "web-new")]
    assert plan(stateful_set(), [member(0, ready=False)], SAME, NOW).start == []
    assert plan(stateful_set(), [member(0)], SAME, NOW).start == [Start(1, "web-new")]


def test_parallel_start_does_not_wait(member):
    todo = plan(stateful_set(podManagementPolicy="Parallel"), [member(1, ready=False)], SAME, NOW)
    assert [start.ordinal for start in todo.start] == [0, 2]


def test_start_ordinal_is_respected():
    assert plan(stateful_set(ordinals={"start": 5}), [], SAME, NOW).start == [Start(5, "web-new")]


def test_scale_down_goes_from_the_top_one_at_a_time(member):
    pods = [member(n) for n in range(3)]
    assert names(plan(stateful_set(1), pods, SAME, NOW).delete) == ["web-2"]
    pods[2]["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z"
    assert plan(stateful_set(1), pods, SAME, NOW).delete == []


def test_parallel_scale_down_goes_at_once(member):
    todo = plan(stateful_set(1, podManagementPolicy="Parallel"), [member(n) for n in range(3)], SAME, NOW)
    assert names(todo.delete) == ["web-2", "web-1"]


def test_finished_pod_is_deleted_to_come_again(member):
    todo = plan(stateful_set(), [member(0), member(1, phase="Failed"), member(2)], SAME, NOW)
    assert (names(todo.delete), todo.start) == (["web-1"], [])


def test_rolling_update_replaces_the_highest_first_and_waits(member):
    old = [member(n, "web-old") for n in range(3)]
    assert names(plan(stateful_set(), old, UPDATING, NOW).delete) == ["web-2"]
    replaced = [*old[:2], member(2, ready=False)]
    assert plan(stateful_set(), replaced, UPDATING, NOW).delete == []
    assert names(plan(stateful_set(), [*old[:2], member(2)], UPDATING, NOW).delete) == ["web-1"]


def test_partition_keeps_lower_ordinals(member):
    held = stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    pods = [member(0, "web-old"), member(1, "web-old"), member(2)]
    assert plan(held, pods, UPDATING, NOW).delete == []
    assert plan(held, pods[:1], UPDATING, NOW).start == [Start(1, "web-old")]
    assert plan(held, pods[:2], UPDATING, NOW).start == [Start(2, "web-new")]


def test_on_delete_replaces_nothing(member):
    waiting = stateful_set(updateStrategy={"type": "OnDelete"})
    assert plan(waiting, [member(n, "web-old") for n in range(3)], UPDATING, NOW).delete == []


def test_max_unavailable_replaces_several(member):
    wide = stateful_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}})
    assert names(plan(wide, [member(n, "web-old") for n in range(3)], UPDATING, NOW).delete) == ["web-2", "web-1"]


def test_finished_update_makes_its_revision_current(member):
    status = new_status(stateful_set(), [member(n) for n in range(3)], UPDATING, NOW)
    assert (status["currentRevision"], status["updateRevision"]) == ("web-new", "web-new")
    assert (status["replicas"], status["currentReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    half = new_status(stateful_set(), [member(0, "web-old"), member(1), member(2)], UPDATING, NOW)
    assert (half["currentRevision"], half["currentReplicas"], half["updatedReplicas"]) == ("web-old", 1, 2)


def test_pod_has_its_identity_and_claims():
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    obj = stateful_set(volumeClaimTemplates=[template])
    pod = build_pod(Owner(STATEFUL_SETS, "StatefulSet", obj), {"spec": {"containers": []}}, "web-new", 1)
    assert (pod["metadata"]["name"], pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "web-1", "web")
    assert pod["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}]
    (claim,) = build_claims(obj, 1)
    assert (claim["metadata"]["name"], claim["metadata"]["labels"]) == ("data-web-1", {"app": "web"})


@pytest.mark.parametrize(
    ("policy", "ordinal", "owner"),
    [
        ({}, 0, []),
        ({"whenDeleted": "Delete"}, 0, ["StatefulSet"]),
        ({"whenDeleted": "Delete", "whenScaled": "Delete"}, 5, ["Pod"]),
        ({"whenScaled": "Delete"}, 0, []),
    ],
)
def test_claims_are_owned_by_the_retention_policy(make_pod, policy, ordinal, owner):
    obj = stateful_set(persistentVolumeClaimRetentionPolicy=policy)
    assert [ref["kind"] for ref in claim_owners(obj, make_pod(f"web-{ordinal}"), ordinal)] == owner
