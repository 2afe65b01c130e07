"""Deployments on a whole server with fake nodes: rollouts, scaling, history and what kubectl says of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import CommandFailed
from harness.workloads import (
    GATE,
    Workloads,
    names,
    owner_of,
    server_with_nodes,
    template,
    workload,
    workloads,
)

Obj = dict[str, Any]
DEPLOYMENTS, SETS = "deployments", "replicasets"
REVISION = "deployment.kubernetes.io/revision"
GATED = {"readinessGates": [{"conditionType": GATE}]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_nodes(tmp_path_factory.mktemp("deployments") / "server", 3) as found:
        yield found


@pytest.fixture
def space(server: ApiServer) -> Iterator[Workloads]:
    with workloads(server) as found:
        yield found


def deployment(name: str = "web", replicas: int = 1, *, gated: bool = False, **spec: Any) -> Obj:
    return workload("Deployment", name, template({"app": name}, gated=gated), replicas=replicas, **spec)


def rolling(surge: Any, unavailable: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def with_image(image: str, **spec: Any) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}], **spec}}}}


def set_of(space: Workloads, image: str) -> Obj:
    (found,) = [rs for rs in space.all(SETS) if rs["spec"]["template"]["spec"]["containers"][0]["image"] == image]
    return found


def sizes(space: Workloads, field: str = "spec") -> dict[str, int]:
    """Image -> replicas, of every ReplicaSet."""
    sets = space.all(SETS)
    return {rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs[field].get("replicas", 0) for rs in sets}


def complete(space: Workloads, name: str, replicas: int) -> Obj:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    found = space.status(DEPLOYMENTS, name, **counts, unavailableReplicas=0, terminatingReplicas=0)
    space.condition(DEPLOYMENTS, name, "Progressing", status="True", reason="NewReplicaSetAvailable")
    return found


def test_the_lifecycle_of_a_deployment(space: Workloads) -> None:
    since = space.version(DEPLOYMENTS)
    space.create(DEPLOYMENTS, deployment(replicas=2))
    space.status(DEPLOYMENTS, "web", readyReplicas=2)
    body = with_image("web:2", terminationGracePeriodSeconds=2) | {"metadata": {"labels": {"stage": "patched"}}}
    body["spec"]["replicas"] = 1
    space.patch(DEPLOYMENTS, "web", body)
    space.status(DEPLOYMENTS, "web", readyReplicas=1, updatedReplicas=1, unavailableReplicas=0)
    assert names(space.all(DEPLOYMENTS, "stage=patched", namespace="")) == ["web"]
    updated = deployment(replicas=2)
    updated["metadata"]["labels"]["stage"] = "updated"
    updated["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3"
    space.update(DEPLOYMENTS, updated)  # without a resourceVersion: whatever was there
    status = space.get(DEPLOYMENTS, "web", "status")
    assert status["spec"]["template"]["spec"]["containers"][0]["image"] == "web:3"
    space.status(DEPLOYMENTS, "web", readyReplicas=2, updatedReplicas=2, unavailableReplicas=0)
    patch = {"metadata": {"labels": {"stage": "status"}}, "status": {"readyReplicas": 0, "availableReplicas": 0}}
    space.patch(DEPLOYMENTS, "web", patch, "status")
    found = space.status(DEPLOYMENTS, "web", readyReplicas=2, updatedReplicas=2, unavailableReplicas=0)
    assert found["metadata"]["labels"]["stage"] == "updated"  # the status endpoint leaves labels alone
    space.delete_collection(DEPLOYMENTS, "app=web", gracePeriodSeconds=1)
    events = space.watch(DEPLOYMENTS, since, lambda seen: seen[-1]["type"] == "DELETED")
    assert [event["type"] for event in events][:2] == ["ADDED", "MODIFIED"]
    space.until(lambda: not space.all(SETS), "the ReplicaSets being collected")
    space.running(0)


def test_the_status_of_a_deployment_is_read_updated_and_patched(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment())
    complete(space, "web", 1)
    assert space.get(DEPLOYMENTS, "web", "status")["status"]["availableReplicas"] == 1
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    space.change(DEPLOYMENTS, "web", lambda found: found["status"]["conditions"].append(mine), "status")
    space.nudge(DEPLOYMENTS, "web")
    space.condition(DEPLOYMENTS, "web", "StatusUpdate", reason="E2E", message="Set from e2e test")
    body = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    space.patch(DEPLOYMENTS, "web", body, "status", how="merge")
    space.condition(DEPLOYMENTS, "web", "StatusPatched", status="True")
    space.condition(DEPLOYMENTS, "web", "Available", status="True")  # the controller puts its own back


def test_scale_is_read_replaced_and_patched(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment())
    complete(space, "web", 1)
    scale = space.get(DEPLOYMENTS, "web", "scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "app=web"})
    del scale["metadata"]["resourceVersion"]
    scale["spec"]["replicas"] = 2
    assert space.update(DEPLOYMENTS, scale, "scale")["spec"]["replicas"] == 2
    assert space.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2
    space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 4}}, "scale")
    assert space.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 4
    complete(space, "web", 4)


def test_a_rolling_update_replaces_the_pods_of_an_adopted_replica_set(space: Workloads) -> None:
    labels = {"name": "sample-pod", "pod": "httpd"}
    old = workload("ReplicaSet", "test-rolling-update-controller", template(labels, image="httpd"), replicas=1)
    old["metadata"]["annotations"] = {REVISION: "3546343826724305832"}
    space.create(SETS, old)
    space.running(1)
    space.create(
        DEPLOYMENTS, workload("Deployment", "d", template({"name": "sample-pod"}, image="agnhost"), replicas=1)
    )
    found = complete(space, "d", 1)
    assert found["metadata"]["annotations"][REVISION] == "3546343826724305833"
    new = set_of(space, "agnhost")
    assert new["metadata"]["annotations"][REVISION] == "3546343826724305833"
    assert new["metadata"]["labels"]["pod-template-hash"]
    assert sizes(space) == {"httpd": 0, "agnhost": 1}
    assert all((owner_of(rs) or {}).get("uid") == found["metadata"]["uid"] for rs in space.all(SETS))


def test_recreate_never_runs_old_and_new_pods_side_by_side(space: Workloads) -> None:
    with space.silent_node() as node:
        pods = template({"app": "web"}, nodeName=node, terminationGracePeriodSeconds=30)
        space.create(DEPLOYMENTS, workload("Deployment", "web", pods, replicas=1, strategy={"type": "Recreate"}))
        (old,) = space.until(lambda: names(space.pods()))
        space.run(old)
        complete(space, "web", 1)
        space.patch(DEPLOYMENTS, "web", with_image("web:2"))
        space.status(DEPLOYMENTS, "web", replicas=0, terminatingReplicas=1)
        space.nudge(DEPLOYMENTS, "web")
        assert sizes(space) == {"web:1": 0}  # the new ReplicaSet waits for the last old Pod
        space.end(old)
        (new,) = space.until(lambda: names(space.pods()))
        space.run(new)
        complete(space, "web", 1)
        assert sizes(space) == {"web:1": 0, "web:2": 1}


def test_recreate_says_that_it_waits(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(strategy={"type": "Recreate"}))
    complete(space, "web", 1)
    space.patch(DEPLOYMENTS, "web", with_image("web:2"))
    complete(space, "web", 1)
    old, new = set_of(space, "web:1")["metadata"]["name"], set_of(space, "web:2")["metadata"]["name"]
    assert sorted(space.messages("web", "ScalingReplicaSet")) == sorted(
        [
            f"Scaled up replica set {old} from 0 to 1",
            f"Scaled down replica set {old} from 1 to 0",
            f"Scaled up replica set {new} from 0 to 1",
        ]
    )


def test_old_replica_sets_beyond_the_history_limit_are_deleted(space: Workloads) -> None:
    labels = {"name": "cleanup-pod", "pod": "httpd"}
    space.create(SETS, workload("ReplicaSet", "cleanup", template(labels, image="httpd"), replicas=1))
    space.running(1)
    since = space.version("pods")
    pods = template({"name": "cleanup-pod"}, image="agnhost")
    space.create(DEPLOYMENTS, workload("Deployment", "d", pods, replicas=1, revisionHistoryLimit=0))
    space.until(lambda: sizes(space) == {"agnhost": 1}, "the old ReplicaSet being deleted")
    events = space.watch("pods", since, lambda seen: seen[-1]["type"] == "DELETED")
    created = [event["object"]["spec"]["containers"][0]["image"] for event in events if event["type"] == "ADDED"]
    assert created == ["agnhost"]  # the old ReplicaSet made none when it was adopted


def test_history_is_kept_up_to_its_limit(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(revisionHistoryLimit=1))
    for number in range(2, 5):
        complete(space, "web", 1)
        space.patch(DEPLOYMENTS, "web", with_image(f"web:{number}"))
    complete(space, "web", 1)
    space.until(lambda: sizes(space) == {"web:3": 0, "web:4": 1}, "one old ReplicaSet")
    history = space.kubectl("rollout", "history", "deployment", "web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["3", "4"]


def test_a_stuck_rollout_is_rolled_over_by_the_next(space: Workloads) -> None:
    labels = {"name": "rollover-pod", "pod": "httpd"}
    space.create(SETS, workload("ReplicaSet", "rollover", template(labels, image="httpd"), replicas=1))
    space.status(SETS, "rollover", readyReplicas=1)
    stuck = template({"name": "rollover-pod"}, image="redis:nonexistent", gated=True)
    space.create(DEPLOYMENTS, workload("Deployment", "d", stuck, replicas=1, strategy=rolling(1, 0), minReadySeconds=2))
    space.status(DEPLOYMENTS, "d", updatedReplicas=1, replicas=2, availableReplicas=1)
    assert set_of(space, "redis:nonexistent")["metadata"]["annotations"][REVISION] == "1"
    assert sizes(space) == {"httpd": 1, "redis:nonexistent": 1}
    space.patch(DEPLOYMENTS, "d", with_image("agnhost", readinessGates=None), how="merge")
    found = complete(space, "d", 1)
    assert found["metadata"]["annotations"][REVISION] == "2"
    assert sizes(space, "status") == {"httpd": 0, "redis:nonexistent": 0, "agnhost": 1}


def test_a_deployment_scaled_in_mid_rollout_shares_in_proportion(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(replicas=10, strategy=rolling(3, 2)))
    complete(space, "web", 10)
    space.patch(DEPLOYMENTS, "web", with_image("web:404", **GATED))
    space.until(lambda: sizes(space) == {"web:1": 8, "web:404": 5}, "the rollout coming to a halt")
    space.until(lambda: sizes(space, "status") == {"web:1": 8, "web:404": 5}, "the Pods following")
    space.status(SETS, set_of(space, "web:1")["metadata"]["name"], availableReplicas=8)
    assert not set_of(space, "web:404")["status"].get("availableReplicas")
    space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 30}})
    space.until(lambda: sizes(space) == {"web:1": 20, "web:404": 13}, "each having its share")
    for found in space.all(SETS):
        annotations = found["metadata"]["annotations"]
        assert annotations["deployment.kubernetes.io/desired-replicas"] == "30"
        assert annotations["deployment.kubernetes.io/max-replicas"] == "33"


def test_a_paused_deployment_scales_and_keeps_its_template_to_itself(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(replicas=2))
    complete(space, "web", 2)
    space.kubectl("rollout", "pause", "deployment", "web")
    space.condition(
        DEPLOYMENTS, "web", "Progressing", status="Unknown", reason="DeploymentPaused", message="Deployment is paused"
    )
    space.patch(DEPLOYMENTS, "web", with_image("web:2") | {"spec": {**with_image("web:2")["spec"], "replicas": 3}})
    space.status(DEPLOYMENTS, "web", readyReplicas=3, updatedReplicas=0)
    assert sizes(space) == {"web:1": 3}
    space.kubectl("rollout", "resume", "deployment", "web")
    complete(space, "web", 3)
    assert sizes(space) == {"web:1": 0, "web:2": 3}


def test_kubectl_rolls_back_restarts_and_tells_of_it(space: Workloads) -> None:
    first = deployment(replicas=2)
    first["metadata"]["annotations"] = {"kubernetes.io/change-cause": "first", "team": "blue"}
    space.create(DEPLOYMENTS, first)
    said = space.kubectl("rollout", "status", "deployment", "web", "--timeout=20s")
    assert said.splitlines()[-1] == 'deployment "web" successfully rolled out'
    old = set_of(space, "web:1")
    assert old["metadata"]["annotations"]["team"] == "blue"  # copied; kubectl's own would not be
    space.patch(
        DEPLOYMENTS,
        "web",
        with_image("web:2") | {"metadata": {"annotations": {"kubernetes.io/change-cause": "second"}}},
    )
    complete(space, "web", 2)
    assert space.kubectl("rollout", "undo", "deployment", "web") == "deployment.apps/web rolled back\n"
    found = complete(space, "web", 2)
    assert found["metadata"]["annotations"][REVISION] == "3"
    assert sizes(space) == {"web:1": 2, "web:2": 0}
    annotations = set_of(space, "web:1")["metadata"]["annotations"]
    assert annotations[REVISION] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"
    assert set_of(space, "web:1")["metadata"]["uid"] == old["metadata"]["uid"]
    history = space.kubectl("rollout", "history", "deployment", "web")
    rows = [line.split() for line in history.splitlines()[2:] if line]
    assert rows == [["2", "second"], ["3", "first"]]
    assert "web:2" in space.kubectl("rollout", "history", "deployment", "web", "--revision=2")
    before = names(space.running(2))
    space.kubectl("rollout", "restart", "deployment", "web")
    space.kubectl("rollout", "status", "deployment", "web", "--timeout=20s")
    space.until(lambda: not set(before) & set(names(space.all("pods"))), "all Pods being new")
    assert "image: web:1" in space.kubectl("get", "deployment", "web", "-o", "yaml")


@pytest.mark.parametrize(
    ("revision", "reason", "message", "image"),
    [
        ("0", "DeploymentRollback", 'Rolled back deployment "web" to revision 1', "web:1"),
        ("1", "DeploymentRollback", 'Rolled back deployment "web" to revision 1', "web:1"),
        (
            "2",
            "DeploymentRollbackTemplateUnchanged",
            'The rollback revision contains the same template as current deployment "web"',
            "web:2",
        ),
        ("7", "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.", "web:2"),
    ],
)
def test_the_old_annotation_rolls_back(space: Workloads, revision: str, reason: str, message: str, image: str) -> None:
    space.create(DEPLOYMENTS, deployment())
    complete(space, "web", 1)
    space.patch(DEPLOYMENTS, "web", with_image("web:2"))
    complete(space, "web", 1)
    annotation = {"deprecated.deployment.rollback.to": revision}
    space.patch(DEPLOYMENTS, "web", {"metadata": {"annotations": annotation}})
    space.event("web", reason, message)
    space.until(lambda: annotation.keys().isdisjoint(space.get(DEPLOYMENTS, "web")["metadata"]["annotations"]))
    found = complete(space, "web", 1)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == image
    assert "pod-template-hash" not in found["spec"]["template"]["metadata"]["labels"]
    space.until(lambda: sizes(space)[image] == 1, "the Pods following")


def test_a_rollout_that_makes_no_progress_is_told(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(gated=True, progressDeadlineSeconds=1))
    name = space.until(lambda: names(space.all(SETS)))[0]
    progressing = space.condition(DEPLOYMENTS, "web", "Progressing", status="True")
    assert progressing["message"] in (f'Created new replica set "{name}"', f'ReplicaSet "{name}" is progressing.')
    available = space.condition(DEPLOYMENTS, "web", "Available", status="False", reason="MinimumReplicasUnavailable")
    assert available["message"] == "Deployment does not have minimum availability."
    failed = space.condition(DEPLOYMENTS, "web", "Progressing", status="False", reason="ProgressDeadlineExceeded")
    assert failed["message"] == f'ReplicaSet "{name}" has timed out progressing.'
    with pytest.raises(CommandFailed) as said:
        space.kubectl("rollout", "status", "deployment", "web", "--timeout=10s")
    assert 'deployment "web" exceeded its progress deadline' in str(said.value)
    space.open_gate(names(space.pods())[0])
    done = space.condition(DEPLOYMENTS, "web", "Progressing", status="True", reason="NewReplicaSetAvailable")
    assert done["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    available = space.condition(DEPLOYMENTS, "web", "Available", status="True", reason="MinimumReplicasAvailable")
    assert available["message"] == "Deployment has minimum availability."


def test_an_unready_rollout_keeps_what_serves(space: Workloads) -> None:
    """25 % of 4: one Pod more, one Pod less."""
    space.create(DEPLOYMENTS, deployment(replicas=4))
    complete(space, "web", 4)
    space.patch(DEPLOYMENTS, "web", with_image("web:2", **GATED))
    space.until(lambda: sizes(space, "status") == {"web:1": 3, "web:2": 2}, "the rollout waiting")
    space.status(DEPLOYMENTS, "web", replicas=5, updatedReplicas=2, availableReplicas=3, unavailableReplicas=2)
    space.opening(lambda: set_of(space, "web:2")["status"].get("availableReplicas") == 4, "the rollout going on")
    complete(space, "web", 4)
    assert sizes(space, "status") == {"web:1": 0, "web:2": 4}


def test_a_quota_shows_in_the_deployment(space: Workloads) -> None:
    space.create("resourcequotas", {"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}})
    space.until(lambda: (space.get("resourcequotas", "one").get("status") or {}).get("hard") == {"pods": "1"})
    space.create(DEPLOYMENTS, deployment(replicas=2))
    failure = space.condition(DEPLOYMENTS, "web", "ReplicaFailure", status="True", reason="FailedCreate")
    assert "exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1" in failure["message"]
    space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 1}})
    complete(space, "web", 1)
    space.until(lambda: len(space.get(DEPLOYMENTS, "web")["status"]["conditions"]) == 2, "the failure being over")


def test_a_name_that_is_taken_makes_another_hash(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment())
    complete(space, "web", 1)
    taken = set_of(space, "web:1")
    space.delete(DEPLOYMENTS, "web", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Orphan")
    space.until(lambda: space.find(DEPLOYMENTS, "web") is None)
    space.change(SETS, taken["metadata"]["name"], lambda rs: rs["metadata"]["labels"].clear())
    space.create(DEPLOYMENTS, deployment())
    found = space.status(DEPLOYMENTS, "web", collisionCount=1, readyReplicas=1)
    assert found["metadata"]["annotations"][REVISION] == "1"
    assert len(space.all(SETS)) == 2


def test_an_orphaned_replica_set_is_adopted_with_its_pods(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(replicas=2))
    complete(space, "web", 2)
    before, pods = set_of(space, "web:1"), names(space.pods())
    space.delete(DEPLOYMENTS, "web", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Orphan")
    space.until(lambda: space.find(DEPLOYMENTS, "web") is None)
    assert owner_of(set_of(space, "web:1")) is None
    again = deployment("again", 2)
    again["spec"] = deployment(replicas=2)["spec"]
    uid = space.create(DEPLOYMENTS, again)["metadata"]["uid"]
    complete(space, "again", 2)
    after = set_of(space, "web:1")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert (owner_of(after) or {})["uid"] == uid
    assert names(space.pods()) == pods


def test_a_replica_set_whose_labels_change_is_released_and_replaced(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment())
    complete(space, "web", 1)
    released = set_of(space, "web:1")["metadata"]["name"]
    space.patch(SETS, released, {"metadata": {"labels": {"app": "own"}}})
    space.until(lambda: owner_of(space.get(SETS, released)) is None, "release")
    space.until(lambda: len(space.all(SETS, "app=web")) == 1, "another ReplicaSet")
    space.status(DEPLOYMENTS, "web", readyReplicas=1, collisionCount=1)


def test_scaling_to_zero_and_back_in_mid_rollout(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(replicas=4, strategy=rolling(1, 1)))
    complete(space, "web", 4)
    space.patch(DEPLOYMENTS, "web", with_image("web:2", **GATED))
    space.until(lambda: sizes(space, "status") == {"web:1": 3, "web:2": 2})
    space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}})
    space.until(lambda: sizes(space, "status") == {"web:1": 0, "web:2": 0}, "all Pods ending")
    space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 2}})
    space.until(lambda: sizes(space, "status") == {"web:1": 0, "web:2": 2}, "only new Pods coming")


def test_pods_on_their_way_out_are_counted(space: Workloads) -> None:
    with space.silent_node() as node:
        pods = template({"app": "web"}, nodeName=node, terminationGracePeriodSeconds=30)
        space.create(DEPLOYMENTS, workload("Deployment", "web", pods, replicas=2))
        started = space.until(lambda: len(found := names(space.pods())) == 2 and found)
        for pod in started:
            space.run(pod)
        complete(space, "web", 2)
        space.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 1}})
        space.status(DEPLOYMENTS, "web", replicas=1, readyReplicas=1, terminatingReplicas=1)
        space.status(SETS, set_of(space, "web:1")["metadata"]["name"], replicas=1, terminatingReplicas=1)
        (left,) = names(space.pods())
        space.end(next(pod for pod in started if pod != left))
        complete(space, "web", 1)


def test_min_ready_seconds_hold_the_rollout_back(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(minReadySeconds=2, strategy=rolling(1, 0)))
    space.status(DEPLOYMENTS, "web", readyReplicas=1, availableReplicas=0, unavailableReplicas=1)
    said = space.kubectl("rollout", "status", "deployment", "web", "--timeout=20s")
    assert "0 of 1 updated replicas are available" in said
    complete(space, "web", 1)
    assert set_of(space, "web:1")["spec"]["minReadySeconds"] == 2
    space.patch(DEPLOYMENTS, "web", {"spec": {"minReadySeconds": 0}})
    space.until(lambda: not set_of(space, "web:1")["spec"].get("minReadySeconds"), "the ReplicaSet following")


def test_deleting_a_deployment_takes_its_replica_sets_and_pods(space: Workloads) -> None:
    space.create(DEPLOYMENTS, deployment(replicas=2))
    complete(space, "web", 2)
    space.delete(DEPLOYMENTS, "web", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Foreground")
    space.until(lambda: space.find(DEPLOYMENTS, "web") is None, "the Deployment being gone")
    assert space.all(SETS) == []
    assert space.all("pods") == []
