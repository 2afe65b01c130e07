"""StatefulSets on a whole server with fake nodes: order, identity, claims, updates and what kubectl says of them."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.workloads import (
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
SETS, REVISIONS, CLAIMS = "statefulsets", "controllerrevisions", "persistentvolumeclaims"
HASH = "controller-revision-hash"
_VOLUMES = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_nodes(tmp_path_factory.mktemp("stateful-sets") / "server", 3) as found:
        yield found


@pytest.fixture
def space(server: ApiServer) -> Iterator[Workloads]:
    with workloads(server) as found:
        yield found


def stateful_set(replicas: int = 3, *, gated: bool = False, **spec: Any) -> Obj:
    fields = {"serviceName": "web", "replicas": replicas, **spec}
    return workload("StatefulSet", "web", template({"app": "web"}, gated=gated), **fields)


def partition(number: int) -> Obj:
    return {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}}}


def with_image(image: str, **spec: Any) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}], **spec}}}}


def images(space: Workloads) -> list[str]:
    """By ordinal."""
    pods = sorted(space.all("pods"), key=lambda pod: pod["metadata"]["name"])
    return [pod["spec"]["containers"][0]["image"] for pod in pods]


def hashes(space: Workloads) -> list[str]:
    pods = sorted(space.all("pods"), key=lambda pod: pod["metadata"]["name"])
    return [pod["metadata"]["labels"][HASH] for pod in pods]


def ready(space: Workloads, replicas: int) -> Obj:
    return space.status(SETS, "web", replicas=replicas, readyReplicas=replicas, availableReplicas=replicas)


def revisions(space: Workloads) -> tuple[str, str]:
    """(current, update) once the latest generation was seen."""
    status = space.status(SETS, "web")["status"]
    return status["currentRevision"], status["updateRevision"]


def same_revision(space: Workloads) -> tuple[str, str] | None:
    """Once the update is done."""
    current, update = revisions(space)
    return (current, update) if current == update else None


def opening(space: Workloads, replicas: int) -> None:
    """Let every Pod that comes be ready, until all are."""

    def done() -> bool:
        status = space.get(SETS, "web").get("status") or {}
        return (status.get("readyReplicas", 0), status.get("replicas", 0)) == (replicas, replicas)

    space.opening(done, f"{replicas} ready Pods")


def test_pods_have_their_identity(space: Workloads) -> None:
    created = space.create(SETS, stateful_set(2))
    found = ready(space, 2)
    pods = {pod["metadata"]["name"]: pod for pod in space.all("pods")}
    assert list(pods) == ["web-0", "web-1"]
    for ordinal, (name, pod) in enumerate(pods.items()):
        labels = pod["metadata"]["labels"]
        assert labels["statefulset.kubernetes.io/pod-name"] == name
        assert labels["apps.kubernetes.io/pod-index"] == str(ordinal)
        assert labels[HASH] == found["status"]["currentRevision"] == found["status"]["updateRevision"]
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (name, "web")
        assert (owner_of(pod) or {})["uid"] == created["metadata"]["uid"]
        event = space.event("web", "SuccessfulCreate", f"create Pod {name} in StatefulSet web successful")
        assert event["source"]["component"] == "statefulset-controller"
    status = found["status"]
    assert (status["currentReplicas"], status["updatedReplicas"], status["collisionCount"]) == (2, 2, 0)


def test_rolling_updates_and_roll_backs_go_in_reverse_order_and_wait_for_the_unhealthy(space: Workloads) -> None:
    space.create(SETS, stateful_set(3, gated=True))
    opening(space, 3)
    first, same = revisions(space)
    assert first == same
    assert hashes(space) == [first] * 3
    for image, before in (("web:2", "web:1"), ("web:1", "web:2")):
        current, _ = revisions(space)
        space.open_gate("web-1", ready=False)
        space.status(SETS, "web", readyReplicas=2)
        space.patch(SETS, "web", with_image(image))
        assert revisions(space)[0] == current != revisions(space)[1]
        assert images(space) == [before] * 3  # web-1 is awaited
        since = space.version("pods")
        space.open_gate("web-1")
        current, update = space.opening(lambda: same_revision(space), "the update")
        assert images(space) == [image] * 3
        events = space.watch("pods", since, lambda seen: sum(e["type"] == "DELETED" for e in seen) == 3)
        deleted = [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"]
        assert deleted == ["web-2", "web-1", "web-0"]
        assert hashes(space) == [update] * 3
    assert update == first  # the template of the first revision is known, and no other is made
    numbers = {one["metadata"]["name"]: one["revision"] for one in space.all(REVISIONS)}
    assert numbers[first] == 3
    assert len(numbers) == 2


def test_canaries_and_phased_updates_by_partition(space: Workloads) -> None:
    space.create(SETS, stateful_set(3, **partition(3)["spec"]))
    ready(space, 3)
    old = revisions(space)[0]
    space.patch(SETS, "web", with_image("web:2"))
    current, new = revisions(space)
    assert current == old != new
    assert images(space) == ["web:1"] * 3
    space.patch(SETS, "web", partition(2))
    space.until(lambda: images(space) == ["web:1", "web:1", "web:2"], "the canary")
    ready(space, 3)
    assert hashes(space) == [old, old, new]
    for name in ("web-0", "web-2"):
        space.delete("pods", name)
    space.until(lambda: len(space.pods(phase="Running")) == 3, "deleted Pods coming back")
    assert images(space) == ["web:1", "web:1", "web:2"]
    assert hashes(space) == [old, old, new]
    for number, wanted in ((1, ["web:1", "web:2", "web:2"]), (0, ["web:2", "web:2", "web:2"])):
        space.patch(SETS, "web", partition(number))
        space.until(lambda wanted=wanted: images(space) == wanted, "the next phase")
        ready(space, 3)
    assert space.until(lambda: same_revision(space)) == (new, new)


def test_scaling_goes_in_order_and_halts_at_an_unhealthy_pod(space: Workloads) -> None:
    since = space.version("pods")
    space.create(SETS, stateful_set(1, gated=True))
    opening(space, 1)
    space.open_gate("web-0", ready=False)
    space.status(SETS, "web", readyReplicas=0)
    space.patch(SETS, "web", {"spec": {"replicas": 3}})
    space.nudge(SETS, "web")
    assert names(space.pods()) == ["web-0"]  # halted
    opening(space, 3)
    events = space.watch("pods", since, lambda seen: sum(e["type"] == "ADDED" for e in seen) == 3)
    assert [e["object"]["metadata"]["name"] for e in events if e["type"] == "ADDED"] == ["web-0", "web-1", "web-2"]
    since = space.version("pods")
    for pod in ("web-0", "web-1", "web-2"):
        space.open_gate(pod, ready=False)
    space.status(SETS, "web", readyReplicas=0)
    space.patch(SETS, "web", {"spec": {"replicas": 0}})
    space.nudge(SETS, "web")
    assert names(space.pods()) == ["web-0", "web-1", "web-2"]  # halted
    opening(space, 0)
    events = space.watch("pods", since, lambda seen: sum(e["type"] == "DELETED" for e in seen) == 3)
    deleted = [e["object"]["metadata"]["name"] for e in events if e["type"] == "DELETED"]
    assert deleted == ["web-2", "web-1", "web-0"]
    assert space.messages("web", "SuccessfulDelete")[0].startswith("delete Pod web-")


def test_burst_scaling_runs_to_completion_with_unhealthy_pods(space: Workloads) -> None:
    space.create(SETS, stateful_set(1, gated=True, podManagementPolicy="Parallel"))
    opening(space, 1)
    space.open_gate("web-0", ready=False)
    space.status(SETS, "web", readyReplicas=0)
    space.patch(SETS, "web", {"spec": {"replicas": 3}})
    space.status(SETS, "web", replicas=3, readyReplicas=0)
    space.patch(SETS, "web", {"spec": {"replicas": 0}})
    space.status(SETS, "web", replicas=0)


def test_a_failed_pod_is_made_anew(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    before = space.get("pods", "web-0")["metadata"]["uid"]
    space.fail("web-0")

    def recreated() -> bool:
        pod = space.find("pods", "web-0")
        return bool(pod and pod["metadata"]["uid"] != before and pod["status"]["phase"] == "Running")

    space.until(recreated, "another web-0")
    text = f"StatefulSet {space.namespace}/web is recreating failed Pod web-0"
    assert space.event("web", "RecreatingFailedPod", text)["type"] == "Warning"
    ready(space, 1)


def test_a_pod_that_succeeded_is_made_anew(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    before = space.get("pods", "web-0")["metadata"]["uid"]
    space.patch("pods", "web-0", {"status": {"phase": "Succeeded"}}, "status")
    space.until(lambda: (space.find("pods", "web-0") or {"metadata": {"uid": before}})["metadata"]["uid"] != before)
    text = f"StatefulSet {space.namespace}/web is recreating terminated Pod web-0"
    assert space.event("web", "RecreatingTerminatedPod", text)["type"] == "Normal"


def test_scale_is_read_replaced_and_patched(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    scale = space.get(SETS, "web", "scale")
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "app=web"})
    del scale["metadata"]["resourceVersion"]
    scale["spec"]["replicas"] = 2
    assert space.update(SETS, scale, "scale")["spec"]["replicas"] == 2
    assert space.get(SETS, "web")["spec"]["replicas"] == 2
    space.patch(SETS, "web", {"spec": {"replicas": 4}}, "scale")
    assert space.get(SETS, "web")["spec"]["replicas"] == 4
    ready(space, 4)


def test_stateful_sets_are_listed_patched_and_deleted_as_a_collection(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    label = f"patched-{space.namespace}"
    body = {
        "metadata": {"labels": {label: "yes"}},
        "spec": {
            "replicas": 2,
            "template": {
                "spec": {"TerminationGracePeriodSeconds": 1, "containers": [{"name": "test-ss", "image": "pause"}]}
            },
        },
    }
    space.patch(SETS, "web", body)
    found = space.get(SETS, "web")
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "pause"
    ready(space, 2)
    space.until(lambda: images(space) == ["pause", "pause"], "the update")
    assert names(space.all(SETS, f"{label}=yes", namespace="")) == ["web"]
    space.delete_collection(SETS, f"{label}=yes", gracePeriodSeconds=1)
    assert space.all(SETS, f"{label}=yes", namespace="") == []
    space.running(0)


def test_the_status_of_a_stateful_set_is_read_updated_and_patched(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    assert space.get(SETS, "web", "status")["status"]["readyReplicas"] == 1
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    space.change(SETS, "web", lambda found: found["status"].update(conditions=[mine]), "status")
    space.nudge(SETS, "web")
    space.condition(SETS, "web", "StatusUpdate", reason="E2E", message="Set from e2e test")
    space.patch(
        SETS,
        "web",
        {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}},
        "status",
        how="merge",
    )
    space.condition(SETS, "web", "StatusPatched", status="True")


def test_on_delete_leaves_updates_to_the_user(space: Workloads) -> None:
    space.create(SETS, stateful_set(2, updateStrategy={"type": "OnDelete"}))
    ready(space, 2)
    space.patch(SETS, "web", with_image("web:2"))
    space.nudge(SETS, "web")
    current, update = revisions(space)
    assert current != update
    assert images(space) == ["web:1", "web:1"]
    for name in ("web-0", "web-1"):
        before = space.get("pods", name)["metadata"]["uid"]
        space.delete("pods", name)
        space.until(
            lambda n=name, b=before: (space.find("pods", n) or {"metadata": {"uid": b}})["metadata"]["uid"] != b
        )
    space.until(lambda: images(space) == ["web:2", "web:2"], "Pods of the new template")
    assert hashes(space) == [update, update]


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
def test_pods_are_replaced_one_at_a_time(space: Workloads, policy: str) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}  # a feature that v1.36 leaves off
    space.create(SETS, stateful_set(3, updateStrategy=strategy, podManagementPolicy=policy))
    assert "maxUnavailable" not in ready(space, 3)["spec"]["updateStrategy"]["rollingUpdate"]
    space.patch(SETS, "web", with_image("web:2", readinessGates=[{"conditionType": "example.com/gate"}]))
    space.until(lambda: images(space) == ["web:1", "web:1", "web:2"], "the first one")
    space.nudge(SETS, "web")
    assert images(space) == ["web:1", "web:1", "web:2"]  # and no more before it serves
    space.opening(lambda: images(space) == ["web:2"] * 3, "the rest")


def test_a_bad_revision_does_not_stop_its_own_replacement_when_pods_are_side_by_side(space: Workloads) -> None:
    space.create(SETS, stateful_set(3, podManagementPolicy="Parallel"))
    ready(space, 3)
    space.patch(SETS, "web", with_image("bad", readinessGates=[{"conditionType": "example.com/gate"}]))
    space.until(lambda: images(space) == ["web:1", "web:1", "bad"], "the bad revision being stuck")
    space.patch(SETS, "web", with_image("web:3", readinessGates=None), how="merge")
    space.until(lambda: images(space) == ["web:3"] * 3, "the good one")
    ready(space, 3)


def test_ordinals_may_start_elsewhere(space: Workloads) -> None:
    space.create(SETS, stateful_set(2, ordinals={"start": 5}))
    ready(space, 2)
    assert names(space.pods()) == ["web-5", "web-6"]
    space.patch(SETS, "web", {"spec": {"ordinals": {"start": 4}}})
    space.until(lambda: names(space.all("pods")) == ["web-4", "web-5"], "the range moving")
    ready(space, 2)


def test_min_ready_seconds_hold_the_next_pod_back(space: Workloads) -> None:
    space.create(SETS, stateful_set(2, minReadySeconds=3600))
    space.status(SETS, "web", replicas=1, readyReplicas=1, availableReplicas=0)
    space.nudge(SETS, "web")
    assert names(space.pods()) == ["web-0"]
    space.patch(SETS, "web", {"spec": {"minReadySeconds": 2}})
    ready(space, 2)


def test_kubectl_tells_of_rollouts_and_undoes_them(space: Workloads) -> None:
    space.create(SETS, stateful_set(2))
    said = space.kubectl("rollout", "status", "sts", "web", "--timeout=20s")
    assert said.splitlines()[-1] == "partitioned roll out complete: 2 new pods have been updated..."
    cause = {"metadata": {"annotations": {"kubernetes.io/change-cause": "two"}}}
    space.patch(SETS, "web", with_image("web:2") | cause)
    space.kubectl("rollout", "status", "sts", "web", "--timeout=20s")
    assert images(space) == ["web:2", "web:2"]
    rows = [line.split() for line in space.kubectl("rollout", "history", "sts", "web").splitlines()[2:] if line]
    assert rows == [["1", "<none>"], ["2", "two"]]
    assert "web:1" in space.kubectl("rollout", "history", "sts", "web", "--revision=1")
    assert space.kubectl("rollout", "undo", "sts", "web") == "statefulset.apps/web rolled back\n"
    space.kubectl("rollout", "status", "sts", "web", "--timeout=20s")
    assert images(space) == ["web:1", "web:1"]
    before = hashes(space)
    space.kubectl("rollout", "restart", "sts", "web")
    space.kubectl("rollout", "status", "sts", "web", "--timeout=20s")
    assert before != hashes(space)


def test_history_is_kept_up_to_its_limit(space: Workloads) -> None:
    space.create(SETS, stateful_set(1, revisionHistoryLimit=1))
    for number in range(2, 5):
        ready(space, 1)
        space.patch(SETS, "web", with_image(f"web:{number}"))
        space.until(lambda wanted=f"web:{number}": images(space) == [wanted])
    space.until(lambda: sorted(one["revision"] for one in space.all(REVISIONS)) == [3, 4], "old revisions going")


def test_orphans_are_adopted_with_their_history(space: Workloads) -> None:
    space.create(SETS, stateful_set(2))
    ready(space, 2)
    space.patch(SETS, "web", with_image("web:2"))
    space.until(lambda: images(space) == ["web:2", "web:2"])
    ready(space, 2)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in space.pods()}
    history = names(space.all(REVISIONS))
    space.delete(SETS, "web", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Orphan")
    space.until(lambda: space.find(SETS, "web") is None)
    assert [owner_of(one) for one in space.all(REVISIONS) + space.pods()] == [None] * 4
    again = stateful_set(2)
    again["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    uid = space.create(SETS, again)["metadata"]["uid"]
    ready(space, 2)
    assert {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in space.pods()} == before
    assert names(space.all(REVISIONS)) == history
    assert {(owner_of(one) or {}).get("uid") for one in space.all(REVISIONS) + space.pods()} == {uid}
    space.kubectl("rollout", "undo", "sts", "web", "--to-revision=1")
    space.until(lambda: images(space) == ["web:1", "web:1"], "the revision of the set before")


def test_a_pod_whose_labels_change_is_released_and_adopted_again(space: Workloads) -> None:
    space.create(SETS, stateful_set(1))
    ready(space, 1)
    pod = space.get("pods", "web-0")
    space.patch("pods", "web-0", {"metadata": {"ownerReferences": None}}, how="merge")
    space.until(lambda: owner_of(space.get("pods", "web-0")), "adoption")
    space.patch("pods", "web-0", {"metadata": {"labels": None}}, how="merge")
    space.until(lambda: owner_of(space.get("pods", "web-0")) is None, "release")
    space.patch("pods", "web-0", {"metadata": {"labels": pod["metadata"]["labels"]}})
    space.until(lambda: owner_of(space.get("pods", "web-0")), "adoption once more")
    assert space.get("pods", "web-0")["metadata"]["uid"] == pod["metadata"]["uid"]


def test_a_pod_that_is_refused_is_told_of_and_the_status_stays_true(space: Workloads) -> None:
    space.create("resourcequotas", {"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}})
    space.until(lambda: (space.get("resourcequotas", "one").get("status") or {}).get("hard") == {"pods": "1"})
    space.create(SETS, stateful_set(2))
    event = space.event("web", "FailedCreate", "create Pod web-1 in StatefulSet web failed error: ")
    assert "exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1" in event["message"]
    space.status(SETS, "web", replicas=1, readyReplicas=1)
    space.patch("resourcequotas", "one", {"spec": {"hard": {"pods": "2"}}})
    ready(space, 2)


def test_fields_that_cannot_change_are_named(space: Workloads) -> None:
    space.create(SETS, stateful_set(0))
    with pytest.raises(Refused) as refused:
        space.patch(SETS, "web", {"spec": {"serviceName": "other"}})
    assert "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template'" in str(refused.value)


# -- claims


def with_claims(space: Workloads, replicas: int, volumes: int, **spec: Any) -> Obj:
    """A set whose Pods have a volume each; there are so many volumes."""
    for number in range(volumes):
        name = f"{space.namespace}-{number}-{next(_VOLUMES)}"
        volume = {
            "metadata": {"name": name, "labels": {"space": space.namespace}},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": f"/tmp/{name}"},
            },
        }
        space.create("persistentvolumes", volume)
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
            "selector": {"matchLabels": {"space": space.namespace}},
        },
    }
    return stateful_set(replicas, volumeClaimTemplates=[claim], **spec)


def owners(space: Workloads, claim: str) -> list[tuple[str, str]]:
    references = space.get(CLAIMS, claim)["metadata"].get("ownerReferences") or []
    return [(reference["kind"], reference["name"]) for reference in references]


def test_claims_are_made_and_kept(space: Workloads) -> None:
    space.create(SETS, with_claims(space, 2, 2))
    ready(space, 2)
    assert names(space.all(CLAIMS)) == ["data-web-0", "data-web-1"]
    assert space.get(CLAIMS, "data-web-0")["metadata"]["labels"] == {"app": "web"}
    assert owners(space, "data-web-0") == []
    text = "create Claim data-web-0 Pod web-0 in StatefulSet web success"
    space.event("web", "SuccessfulCreate", text)
    uid = space.get(CLAIMS, "data-web-1")["metadata"]["uid"]
    space.patch(SETS, "web", {"spec": {"replicas": 1}})
    space.status(SETS, "web", replicas=1)
    space.patch(SETS, "web", {"spec": {"replicas": 2}})
    ready(space, 2)
    assert space.get(CLAIMS, "data-web-1")["metadata"]["uid"] == uid
    space.delete(SETS, "web")
    space.running(0)
    assert names(space.all(CLAIMS)) == ["data-web-0", "data-web-1"]


def test_claims_go_with_their_set_when_it_says_so(space: Workloads) -> None:
    policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    space.create(SETS, with_claims(space, 2, 2, persistentVolumeClaimRetentionPolicy=policy))
    ready(space, 2)
    assert owners(space, "data-web-0") == owners(space, "data-web-1") == [("StatefulSet", "web")]
    assert (owner_of(space.get(CLAIMS, "data-web-0")) or {})["blockOwnerDeletion"] is True
    space.patch(SETS, "web", {"spec": {"replicas": 1}})
    space.status(SETS, "web", replicas=1)
    assert names(space.all(CLAIMS)) == ["data-web-0", "data-web-1"]
    space.delete(SETS, "web")
    space.until(lambda: space.all(CLAIMS) == [], "the claims going")


def test_claims_go_with_a_scale_down_when_the_set_says_so(space: Workloads) -> None:
    policy = {"whenDeleted": "Retain", "whenScaled": "Delete"}
    space.create(SETS, with_claims(space, 3, 4, persistentVolumeClaimRetentionPolicy=policy))
    ready(space, 3)
    assert owners(space, "data-web-2") == []
    before = space.get(CLAIMS, "data-web-2")["metadata"]["uid"]
    space.patch(SETS, "web", {"spec": {"replicas": 2}})
    space.until(lambda: names(space.all(CLAIMS)) == ["data-web-0", "data-web-1"], "the claim going")
    space.patch(SETS, "web", {"spec": {"replicas": 3}})
    ready(space, 3)
    assert space.get(CLAIMS, "data-web-2")["metadata"]["uid"] != before
    space.patch(SETS, "web", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}}})
    space.status(SETS, "web")
    space.patch(SETS, "web", {"spec": {"replicas": 2}})
    space.status(SETS, "web", replicas=2)
    assert len(space.all(CLAIMS)) == 3


def test_claims_of_other_controllers_are_left_alone(space: Workloads) -> None:
    space.create(SETS, with_claims(space, 3, 3))
    ready(space, 3)
    other = space.create("configmaps", {"metadata": {"name": "other"}})["metadata"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other["uid"]}
    uid = space.get(SETS, "web")["metadata"]["uid"]
    ours = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": uid}
    ours |= {"controller": True, "blockOwnerDeletion": True}

    def references(number: int) -> list[Obj]:
        found: list[Obj] = space.get(CLAIMS, f"data-web-{number}")["metadata"].get("ownerReferences") or []
        return found

    def own(number: int, *owners: Obj) -> None:
        space.patch(CLAIMS, f"data-web-{number}", {"metadata": {"ownerReferences": owners}}, how="merge")

    def retain(**policy: str) -> None:
        space.patch(SETS, "web", {"spec": {"persistentVolumeClaimRetentionPolicy": policy}})

    own(1, owner)
    own(2, {**owner, "controller": True})
    retain(whenDeleted="Delete")
    space.until(lambda: (references(0), references(1)) == ([ours], [owner, ours]), "the claims being owned")
    assert references(2) == [{**owner, "controller": True}]
    own(0, {**ours, "controller": False})
    retain(whenScaled="Delete")
    space.until(lambda: references(0) == [ours], "the set controlling its claim again")
    space.delete(SETS, "web")
    space.until(lambda: names(space.all(CLAIMS)) == ["data-web-1", "data-web-2"], "the claim going")


def test_a_pod_waits_for_the_end_of_a_claim_that_is_being_deleted(space: Workloads) -> None:
    space.create(SETS, with_claims(space, 1, 2))
    ready(space, 1)
    before = space.get(CLAIMS, "data-web-0")["metadata"]["uid"]
    space.patch(CLAIMS, "data-web-0", {"metadata": {"finalizers": ["example.com/hold"]}})
    space.delete(CLAIMS, "data-web-0")
    space.delete("pods", "web-0")
    space.event(
        "web", "FailedCreate", "create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted"
    )
    assert space.find("pods", "web-0") is None
    space.patch(CLAIMS, "data-web-0", {"metadata": {"finalizers": None}}, how="merge")
    ready(space, 1)
    assert space.get(CLAIMS, "data-web-0")["metadata"]["uid"] != before


def test_a_claim_that_a_pending_pod_lacks_is_made_again(space: Workloads) -> None:
    pods = with_claims(space, 1, 0)
    pods["spec"]["template"]["spec"]["nodeSelector"] = {"example.com/nowhere": "true"}
    space.create(SETS, pods)
    before = space.until(lambda: space.find(CLAIMS, "data-web-0") and space.find("pods", "web-0"))
    space.patch(CLAIMS, "data-web-0", {"metadata": {"finalizers": None}}, how="merge")
    claim = space.get(CLAIMS, "data-web-0")["metadata"]["uid"]
    space.delete(CLAIMS, "data-web-0")
    space.until(lambda: (found := space.find(CLAIMS, "data-web-0")) and found["metadata"]["uid"] != claim)
    assert space.get("pods", "web-0")["metadata"]["uid"] == before["metadata"]["uid"]
