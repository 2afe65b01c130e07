"""ReplicaSets and ReplicationControllers on a whole server with fake nodes."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.workloads import (
    NOWHERE,
    Refused,
    Workloads,
    names,
    owner_of,
    server_with_nodes,
    template,
    workload,
    workloads,
)

Obj = dict[str, Any]
SETS, CONTROLLERS = "replicasets", "replicationcontrollers"
KINDS = {SETS: ("ReplicaSet", "apps/v1"), CONTROLLERS: ("ReplicationController", "v1")}
both = pytest.mark.parametrize("resource", [SETS, CONTROLLERS])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_nodes(tmp_path_factory.mktemp("replica-sets") / "server", 3) as found:
        yield found


@pytest.fixture
def space(server: ApiServer) -> Iterator[Workloads]:
    with workloads(server) as found:
        yield found


def made(resource: str, name: str, pods: Obj, **spec: Any) -> Obj:
    kind, api_version = KINDS[resource]
    return workload(kind, name, pods, api_version=api_version, **spec)


@both
def test_as_many_pods_run_as_are_wanted(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=3))
    pods = space.running(3, "app=web")
    assert all(pod["metadata"]["name"].startswith("web-") for pod in pods)
    kind, api_version = KINDS[resource]
    references = [owner_of(pod) for pod in pods]
    assert {(r["apiVersion"], r["kind"], r["name"], r["blockOwnerDeletion"]) for r in references if r} == {
        (api_version, kind, "web", True)
    }
    space.status(resource, "web", replicas=3, fullyLabeledReplicas=3, readyReplicas=3, availableReplicas=3)
    for pod in pods:
        space.event("web", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    event = space.event("web", "SuccessfulCreate")
    component = {SETS: "replicaset-controller", CONTROLLERS: "replication-controller"}[resource]
    assert event["source"]["component"] == event["reportingComponent"] == component
    assert event["involvedObject"]["kind"] == kind


@both
def test_a_deleted_pod_is_replaced_and_a_surplus_one_goes(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=2))
    first = names(space.running(2))
    space.delete("pods", first[0])
    space.until(lambda: len(after := names(space.running(2))) == 2 and first[0] not in after)
    space.status(resource, "web", readyReplicas=2)
    space.patch(resource, "web", {"spec": {"replicas": 1}})
    (left,) = space.running(1)
    space.status(resource, "web", replicas=1, readyReplicas=1, availableReplicas=1, terminatingReplicas=0)
    deleted = space.event("web", "SuccessfulDelete", "Deleted pod: ")
    assert deleted["message"] != f"Deleted pod: {left['metadata']['name']}"


@both
def test_matching_pods_are_adopted_on_creation_and_released_when_they_match_no_longer(
    space: Workloads, resource: str
) -> None:
    pod = {"metadata": {"name": "stray", "labels": {"app": "web"}}, "spec": template({})["spec"]}
    space.create("pods", pod)
    space.running(1)
    created = space.create(resource, made(resource, "web", template({"app": "web"}), replicas=1))

    def owner() -> Any:
        reference = owner_of(space.get("pods", "stray"))
        return reference and reference["uid"]

    space.until(lambda: owner() == created["metadata"]["uid"], "adoption")
    space.status(resource, "web", replicas=1, readyReplicas=1)
    assert names(space.pods()) == ["stray"]  # nothing was made beside it
    space.patch("pods", "stray", {"metadata": {"labels": {"app": "not-matching"}}})
    space.until(lambda: owner() is None, "release")
    (fresh,) = space.running(1, "app=web")
    reference = owner_of(fresh)
    assert reference is not None
    assert reference["uid"] == created["metadata"]["uid"]
    assert "ownerReferences" not in space.get("pods", "stray")["metadata"]


@both
def test_a_pod_of_another_owner_is_left_alone(space: Workloads, resource: str) -> None:
    foreign = {"apiVersion": "example.com/v1", "kind": "Robot", "name": "r2", "uid": "no-such-uid", "controller": True}
    pod = {
        "metadata": {"name": "robot", "labels": {"app": "web"}, "ownerReferences": [foreign], "finalizers": ["a.b/c"]},
        "spec": template({})["spec"],
    }
    space.create("pods", pod)
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=1))
    space.status(resource, "web", replicas=1, readyReplicas=1)
    assert owner_of(space.get("pods", "robot")) == foreign
    space.patch("pods", "robot", {"metadata": {"finalizers": None}}, how="merge")


@both
def test_an_exceeded_quota_shows_in_the_status_until_the_set_fits(space: Workloads, resource: str) -> None:
    space.create("resourcequotas", {"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}})
    space.until(lambda: (space.get("resourcequotas", "two").get("status") or {}).get("hard") == {"pods": "2"})
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=3))
    failure = space.condition(resource, "web", "ReplicaFailure", status="True", reason="FailedCreate")
    assert "is forbidden: exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2" in failure["message"]
    space.event("web", "FailedCreate", f"Error creating: {failure['message'].split(' is ')[0].split('-')[0]}")
    space.patch(resource, "web", {"spec": {"replicas": 2}})
    settled = space.status(resource, "web", replicas=2, conditions=None)
    assert "conditions" not in settled["status"]


@both
def test_scale_is_read_replaced_and_patched(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=1))
    space.status(resource, "web", readyReplicas=1)
    scale = space.get(resource, "web", "scale")
    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 1, "selector": "app=web"}
    del scale["metadata"]["resourceVersion"]
    scale["spec"]["replicas"] = 2
    assert space.update(resource, scale, "scale")["spec"]["replicas"] == 2
    assert space.get(resource, "web")["spec"]["replicas"] == 2
    space.running(2)
    body = {"spec": {"replicas": 4}}
    assert space.patch(resource, "web", body, "scale")["spec"]["replicas"] == 4
    assert space.get(resource, "web")["spec"]["replicas"] == 4
    space.status(resource, "web", replicas=4, readyReplicas=4)


def test_a_replica_set_is_replaced_and_patched(space: Workloads) -> None:
    space.create(SETS, made(SETS, "web", template({"app": "web"}), replicas=1))
    space.running(1)
    space.change(SETS, "web", lambda rs: rs["spec"].update(replicas=2))
    space.status(SETS, "web", replicas=2, availableReplicas=2)
    patch = {
        "metadata": {"labels": {"test-rs": "patched"}},
        "spec": {
            "replicas": 3,
            "template": {
                "spec": {"terminationGracePeriodSeconds": 7, "containers": [{"name": "web", "image": "web:2"}]}
            },
        },
    }
    since = space.version(SETS)
    space.patch(SETS, "web", patch)

    def patched(event: Obj) -> bool:
        spec = event["object"]["spec"]
        pod = spec["template"]["spec"]
        return (
            event["type"] == "MODIFIED"
            and event["object"]["metadata"]["labels"]["test-rs"] == "patched"
            and (spec["replicas"], event["object"]["status"].get("readyReplicas")) == (3, 3)
            and (pod["terminationGracePeriodSeconds"], pod["containers"][0]["image"]) == (7, "web:2")
        )

    space.watch(SETS, since, lambda seen: patched(seen[-1]))
    images = sorted(pod["spec"]["containers"][0]["image"] for pod in space.running(3))
    assert images == ["web:1", "web:1", "web:2"]  # the template is for Pods to come


def test_replica_sets_are_listed_and_deleted_as_a_collection(space: Workloads) -> None:
    pods = template({"name": "sample-pod", "e2e": space.namespace})
    space.create(SETS, made(SETS, "test-rs", pods, replicas=3))
    space.running(3)
    everywhere = space.all(SETS, f"e2e={space.namespace}", namespace="")
    assert names(everywhere) == ["test-rs"]
    space.delete_collection(SETS, f"e2e={space.namespace}")
    assert space.all(SETS, f"e2e={space.namespace}", namespace="") == []
    space.running(0)


def test_the_status_of_a_replica_set_is_read_updated_and_patched(space: Workloads) -> None:
    space.create(SETS, made(SETS, "web", template({"app": "web"}), replicas=1))
    space.status(SETS, "web", replicas=1, availableReplicas=1)
    assert space.get(SETS, "web", "status")["status"]["replicas"] == 1
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}

    def add(replica_set: Obj) -> None:
        replica_set["status"].setdefault("conditions", []).append(mine)

    space.change(SETS, "web", add, "status")
    space.condition(SETS, "web", "StatusUpdate", reason="E2E", message="Set from e2e test")
    space.nudge(SETS, "web")
    space.condition(SETS, "web", "StatusUpdate", reason="E2E")  # the controller keeps what others say
    patch = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    space.patch(SETS, "web", patch, "status", how="merge")
    space.condition(SETS, "web", "StatusPatched", status="True")


def test_the_lifecycle_of_a_replication_controller(space: Workloads) -> None:
    since = space.version(CONTROLLERS)
    labels = {"test-rc-static": "true"}
    space.create(CONTROLLERS, made(CONTROLLERS, "rc-test", template(labels), replicas=1))
    space.status(CONTROLLERS, "rc-test", readyReplicas=1)
    space.patch(CONTROLLERS, "rc-test", {"metadata": {"labels": {"test-rc": "patched"}}})
    space.patch(CONTROLLERS, "rc-test", {"status": {"readyReplicas": 0, "availableReplicas": 0}}, "status")
    space.status(CONTROLLERS, "rc-test", readyReplicas=1, availableReplicas=1)  # taken for what it is: wrong
    assert space.get(CONTROLLERS, "rc-test", "status")["metadata"]["labels"]["test-rc"] == "patched"
    space.patch(CONTROLLERS, "rc-test", {"spec": {"replicas": 2}}, "scale", how="merge")
    space.status(CONTROLLERS, "rc-test", replicas=2, readyReplicas=2)
    assert names(space.all(CONTROLLERS, "test-rc=patched", namespace="")) == ["rc-test"]
    controller = space.get(CONTROLLERS, "rc-test")
    controller["spec"]["replicas"] = 1
    del controller["metadata"]["resourceVersion"]
    space.update(CONTROLLERS, controller)
    space.status(CONTROLLERS, "rc-test", replicas=1)
    space.delete_collection(CONTROLLERS, "test-rc-static=true")
    events = space.watch(CONTROLLERS, since, lambda seen: seen[-1]["type"] == "DELETED")
    assert events[0]["type"] == "ADDED"
    assert owner_of(space.running(1)[0]) is None  # by default its Pods stay, unlike those of all others


@both
def test_ready_pods_become_available_after_min_ready_seconds(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=1, minReadySeconds=2))
    ready = space.status(resource, "web", readyReplicas=1, availableReplicas=0)
    assert "availableReplicas" not in ready["status"]
    space.status(resource, "web", readyReplicas=1, availableReplicas=1)


@both
def test_a_failed_pod_is_replaced_and_kept_for_its_logs(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=1))
    (pod,) = space.running(1)
    failed = pod["metadata"]["name"]
    space.fail(failed)
    space.until(lambda: len(space.pods(phase="Running")) == 1, "the replacement")
    space.status(resource, "web", replicas=1, readyReplicas=1)
    assert space.get("pods", failed)["status"]["phase"] == "Failed"


@both
def test_pods_of_least_value_go_first(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=3))
    running = names(space.running(3))
    cost = {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "100"}}}
    space.patch("pods", running[1], cost)
    pending = {"spec": {"replicas": 4, "template": {"spec": {"nodeSelector": NOWHERE}}}}
    space.patch(resource, "web", pending)
    space.until(lambda: len(space.pods()) == 4)
    space.patch(resource, "web", {"spec": {"replicas": 3}})
    space.until(lambda: names(space.pods()) == running, "the pending Pod goes before those that run")
    space.patch(resource, "web", {"spec": {"replicas": 1}})
    space.until(lambda: names(space.pods()) == [running[1]], "the dear one stays")


@both
def test_orphaned_pods_survive_their_owner_and_are_adopted_by_the_next(space: Workloads, resource: str) -> None:
    space.create(resource, made(resource, "web", template({"app": "web"}), replicas=2))
    before = names(space.running(2))
    space.delete(resource, "web", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Orphan")
    space.until(lambda: space.find(resource, "web") is None, "the owner being gone")
    assert [owner_of(pod) for pod in space.pods()] == [None, None]
    again = space.create(resource, made(resource, "web", template({"app": "web"}), replicas=2))
    space.status(resource, "web", replicas=2, readyReplicas=2)
    references = [owner_of(pod) for pod in space.pods()]
    assert {reference["uid"] for reference in references if reference} == {again["metadata"]["uid"]}
    assert names(space.pods()) == before


def test_pods_that_are_on_their_way_out_are_counted_apart(space: Workloads) -> None:
    with space.silent_node() as node:
        pods = template({"app": "web"}, nodeName=node, terminationGracePeriodSeconds=30)
        space.create(SETS, made(SETS, "web", pods, replicas=1))
        (old,) = space.until(lambda: names(space.pods()))
        space.run(old)
        space.delete("pods", old)
        space.status(SETS, "web", replicas=1, terminatingReplicas=1)  # replaced at once
        (new,) = names(space.pods())
        space.run(new)
        space.end(old)
        space.status(SETS, "web", replicas=1, readyReplicas=1, terminatingReplicas=0)


def test_a_template_that_no_pod_can_have_is_told(space: Workloads) -> None:
    space.create(SETS, made(SETS, "web", template({"app": "web"}, serviceAccountName="absent"), replicas=2))
    failure = space.condition(SETS, "web", "ReplicaFailure", status="True", reason="FailedCreate")
    assert failure["message"] == (
        f'pods "web-" is forbidden: error looking up service account {space.namespace}/absent: '
        'serviceaccount "absent" not found'
    )
    space.event("web", "FailedCreate", f"Error creating: {failure['message']}")
    space.create("serviceaccounts", {"metadata": {"name": "absent"}})
    space.running(2)
    assert "conditions" not in space.status(SETS, "web", readyReplicas=2)["status"]


def test_a_selector_cannot_change_and_must_match_the_template(space: Workloads) -> None:
    space.create(SETS, made(SETS, "web", template({"app": "web"}), replicas=0))
    with pytest.raises(Refused) as refused:
        space.patch(SETS, "web", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}, how="merge")
    assert refused.value.code == 422
    wrong = made(SETS, "wrong", template({"app": "web"}), replicas=0)
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    with pytest.raises(Refused) as refused:
        space.create(SETS, wrong)
    assert "`selector` does not match template `labels`" in str(refused.value)
