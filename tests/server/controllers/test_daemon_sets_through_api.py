"""DaemonSets on a whole server with fake nodes: where they run, how they update, and their history."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.workloads import (
    Workloads,
    names,
    owner_of,
    server_with_nodes,
    template,
    workload,
    workloads,
)

Obj = dict[str, Any]
SETS, REVISIONS = "daemonsets", "controllerrevisions"
HASH = "controller-revision-hash"
ALL = ["fake-0000", "fake-0001", "fake-0002"]
COLOR = "daemonset-color"
GATES = [{"conditionType": "example.com/gate"}]
_NODES = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with server_with_nodes(tmp_path_factory.mktemp("daemon-sets") / "server", len(ALL)) as found:
        yield found


@pytest.fixture
def space(server: ApiServer) -> Iterator[Workloads]:
    with workloads(server) as found:
        yield found


def daemon_set(*, image: str = "app:1", gated: bool = False, pod: Obj | None = None, **spec: Any) -> Obj:
    return workload("DaemonSet", "agent", template({"app": "agent"}, image=image, gated=gated, **(pod or {})), **spec)


def with_image(image: str, **spec: Any) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}], **spec}}}}


def rolling(**limits: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": limits}


def node_of(pod: Obj) -> str:
    """The node it is bound to, or meant for."""
    if bound := pod["spec"].get("nodeName"):
        return str(bound)
    terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(terms["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def image_of(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def runs_on(space: Workloads, nodes: Sequence[str]) -> list[Obj]:
    """One Pod runs on each of these nodes, and none elsewhere."""

    def look() -> list[Obj] | None:
        pods = space.all("pods")
        assert sorted(map(node_of, pods)) == sorted(nodes), sorted(map(node_of, pods))
        assert all(pod["status"].get("phase") == "Running" for pod in pods)
        return pods or [{}]

    found: list[Obj] = space.until(look, f"daemons on {nodes}")
    return found if nodes else []


def available(space: Workloads, count: int) -> Obj:
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
    counts = dict.fromkeys((*fields, "updatedNumberScheduled"), count)
    return space.status(SETS, "agent", **counts, numberUnavailable=0, numberMisscheduled=0)


def images(space: Workloads) -> list[str]:
    return sorted(map(image_of, space.all("pods")))


def hashes(space: Workloads) -> set[str]:
    return {pod["metadata"]["labels"][HASH] for pod in space.all("pods")}


def history(space: Workloads) -> dict[int, Obj]:
    return {one["revision"]: one for one in space.all(REVISIONS, "app=agent")}


@contextmanager
def labelled(space: Workloads, node: str, labels: Mapping[str, str | None]) -> Iterator[None]:
    space.patch("nodes", node, {"metadata": {"labels": dict(labels)}})
    try:
        yield
    finally:
        space.patch("nodes", node, {"metadata": {"labels": dict.fromkeys(labels)}})


@contextmanager
def another_node(space: Workloads, *taints: Obj, **spec: Any) -> Iterator[str]:
    name = f"own-{next(_NODES)}"
    metadata = {"name": name, "annotations": {"minik.io/node": "fake"}}
    space.create("nodes", {"metadata": metadata, "spec": {"taints": [*taints], **spec}})
    try:
        yield name
    finally:
        if space.find("nodes", name):
            space.delete("nodes", name)


def test_a_simple_daemon_runs_on_every_node_and_is_revived(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    pods = runs_on(space, ALL)
    available(space, 3)
    victim = pods[0]["metadata"]["name"]
    space.delete("pods", victim)
    space.until(lambda: victim not in names(runs_on(space, ALL)), "another Pod")
    event = space.event("agent", "SuccessfulCreate", f"Created pod: {victim}")
    assert event["source"]["component"] == "daemonset-controller"


def test_daemons_follow_the_labels_of_nodes(space: Workloads) -> None:
    space.create(SETS, daemon_set(pod={"nodeSelector": {COLOR: "blue"}}, updateStrategy={"type": "OnDelete"}))
    space.status(SETS, "agent", desiredNumberScheduled=0)
    assert space.all("pods") == []
    with labelled(space, ALL[0], {COLOR: "blue"}):
        runs_on(space, [ALL[0]])
        available(space, 1)
        space.patch("nodes", ALL[0], {"metadata": {"labels": {COLOR: "green"}}})
        runs_on(space, [])
        body = {
            "spec": {
                "template": {"spec": {"nodeSelector": {COLOR: "green"}}},
                "updateStrategy": {"type": "RollingUpdate"},
            }
        }
        space.patch(SETS, "agent", body)
        runs_on(space, [ALL[0]])
        available(space, 1)
    runs_on(space, [])


def test_daemons_follow_node_affinity(space: Workloads) -> None:
    required = {"nodeSelectorTerms": [{"matchExpressions": [{"key": COLOR, "operator": "In", "values": ["red"]}]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    space.create(SETS, daemon_set(pod={"affinity": affinity}))
    space.status(SETS, "agent", desiredNumberScheduled=0)
    with labelled(space, ALL[1], {COLOR: "red"}):
        runs_on(space, [ALL[1]])
        available(space, 1)
    runs_on(space, [])


def test_failed_daemons_are_replaced_at_once_and_then_with_a_pause(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    victim = runs_on(space, ALL)[0]
    name, node = victim["metadata"]["name"], node_of(victim)
    space.fail(name)
    space.until(lambda: name not in names(runs_on(space, ALL)), "a replacement")
    text = f"Found failed daemon pod {space.namespace}/{name} on node {node}, will try to kill it"
    assert space.event("agent", "FailedDaemonPod", text)["type"] == "Warning"
    (again,) = [pod["metadata"]["name"] for pod in space.all("pods") if node_of(pod) == node]
    space.fail(again)
    space.nudge(SETS, "agent")
    assert space.get("pods", again)["status"]["phase"] == "Failed"  # held back for a second
    space.until(lambda: again not in names(runs_on(space, ALL)), "a replacement after the pause")


def test_a_daemon_that_ended_well_is_replaced(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    victim = runs_on(space, ALL)[0]["metadata"]["name"]
    space.patch("pods", victim, {"status": {"phase": "Succeeded"}}, "status")
    event = space.event(
        "agent", "SucceededDaemonPod", f"Found succeeded daemon pod {space.namespace}/{victim} on node "
    )
    assert event["type"] == "Normal"
    space.until(lambda: victim not in names(runs_on(space, ALL)))


def test_a_rolling_update_makes_history(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    runs_on(space, ALL)
    found = available(space, 3)
    assert found["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
    (first,) = history(space).values()
    assert first["revision"] == 1
    assert hashes(space) == {first["metadata"]["labels"][HASH]}
    assert first["metadata"]["name"] == f"agent-{first['metadata']['labels'][HASH]}"
    assert (owner_of(first) or {})["kind"] == "DaemonSet"
    space.patch(SETS, "agent", with_image("app:2"))
    space.until(lambda: images(space) == ["app:2"] * 3, "the update")
    available(space, 3)
    kept = history(space)
    assert sorted(kept) == [1, 2]
    assert hashes(space) == {kept[2]["metadata"]["labels"][HASH]}
    assert {pod["metadata"]["labels"]["pod-template-generation"] for pod in space.all("pods")} == {"2"}


def test_a_revision_holds_its_template_as_go_would_write_it(space: Workloads) -> None:
    """kubectl and upstream's tests find the present revision by comparing bytes."""
    annotations = {"z": "a && b <c>", "b": "\u2028"}
    made = daemon_set()
    made["spec"]["template"]["metadata"]["annotations"] = annotations
    created = space.create(SETS, made)["spec"]["template"]
    space.until(lambda: history(space), "the revision")
    patch = {"spec": {"template": {**created, "$patch": "replace"}}}
    written = json.dumps(patch, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028":
        written = written.replace(character, f"\\u{ord(character):04x}")
    name = history(space)[1]["metadata"]["name"]
    for path in (space.path(REVISIONS), space.path(REVISIONS, name)):
        assert written in space.wire.request("GET", path).body.decode()


def test_at_most_max_unavailable_daemons_are_down(space: Workloads) -> None:
    space.create(SETS, daemon_set(updateStrategy=rolling(maxUnavailable="50%")))  # of 3: 2
    runs_on(space, ALL)
    available(space, 3)
    space.patch(SETS, "agent", with_image("app:2", readinessGates=GATES))
    space.until(lambda: images(space) == ["app:1", "app:2", "app:2"], "the first batch")
    space.status(SETS, "agent", updatedNumberScheduled=2, numberAvailable=1, numberUnavailable=2)
    space.nudge(SETS, "agent")
    assert images(space) == ["app:1", "app:2", "app:2"]
    space.opening(lambda: images(space) == ["app:2"] * 3, "the rest")


def test_a_rollback_restarts_nothing_that_need_not(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    runs_on(space, ALL)
    available(space, 3)
    first = names(space.all(REVISIONS))
    space.patch(SETS, "agent", with_image("foo:non-existent", readinessGates=GATES))
    space.until(lambda: images(space).count("foo:non-existent") == 1, "the rollout being stuck")
    space.status(SETS, "agent", numberUnavailable=1)
    untouched = {pod["metadata"]["uid"] for pod in space.all("pods") if image_of(pod) == "app:1"}
    space.patch(SETS, "agent", with_image("app:1", readinessGates=None), how="merge")
    space.until(lambda: images(space) == ["app:1"] * 3, "the rollback")
    available(space, 3)
    assert untouched <= {pod["metadata"]["uid"] for pod in space.all("pods")}
    newest = max(history(space))
    assert [history(space)[newest]["metadata"]["name"]] == first


def test_daemon_sets_are_listed_and_deleted_as_a_collection(space: Workloads) -> None:
    created = daemon_set()
    created["metadata"]["labels"]["space"] = space.namespace
    space.create(SETS, created)
    runs_on(space, ALL)
    assert names(space.all(SETS, f"space={space.namespace}", namespace="")) == ["agent"]
    space.delete_collection(SETS, f"space={space.namespace}", gracePeriodSeconds=1)
    assert space.all(SETS, f"space={space.namespace}", namespace="") == []
    runs_on(space, [])
    space.until(lambda: not space.all(REVISIONS), "the history going")


def test_the_status_of_a_daemon_set_is_read_updated_and_patched(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    available(space, 3)
    assert space.get(SETS, "agent", "status")["status"]["numberReady"] == 3
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    space.change(SETS, "agent", lambda found: found["status"].update(conditions=[mine]), "status")
    space.nudge(SETS, "agent")
    space.condition(SETS, "agent", "StatusUpdate", reason="E2E", message="Set from e2e test")
    body = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    space.patch(SETS, "agent", body, "status", how="merge")
    space.condition(SETS, "agent", "StatusPatched", status="True")
    available(space, 3)


def test_the_lifecycle_of_a_controller_revision(space: Workloads) -> None:
    created = space.create(SETS, daemon_set())
    runs_on(space, ALL)
    available(space, 3)
    before = names(space.all("pods"))
    (initial,) = space.all(REVISIONS, "app=agent", namespace="")
    assert (owner_of(initial) or {})["uid"] == created["metadata"]["uid"]
    name = initial["metadata"]["name"]
    patched = space.patch(REVISIONS, name, {"metadata": {"labels": {name: "patched"}}})
    assert patched["metadata"]["labels"][name] == "patched"
    second = {
        "metadata": {
            "name": "agent-by-hand",
            "labels": {"app": "agent", HASH: "by-hand"},
            "ownerReferences": initial["metadata"]["ownerReferences"],
        },
        "data": initial["data"],
        "revision": initial["revision"] + 1,
    }
    space.create(REVISIONS, second)
    assert len(space.all(REVISIONS, "app=agent")) == 2
    space.delete(REVISIONS, name)
    assert names(space.all(REVISIONS, "app=agent")) == ["agent-by-hand"]
    updated = space.change(
        REVISIONS, "agent-by-hand", lambda found: found["metadata"]["labels"].update({"agent-by-hand": "updated"})
    )
    assert updated["metadata"]["labels"]["agent-by-hand"] == "updated"
    space.patch(SETS, "agent", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}})
    space.until(lambda: len(space.all(REVISIONS, "app=agent")) == 2, "a revision of the new template")
    space.delete_collection(REVISIONS, "agent-by-hand=updated")
    (last,) = space.all(REVISIONS, "app=agent")
    assert last["revision"] == 3
    space.until(lambda: not set(before) & set(names(space.all("pods"))), "the update")
    available(space, 3)


def test_of_several_revisions_with_one_template_the_newest_stays(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    runs_on(space, ALL)
    available(space, 3)
    before = names(space.all("pods"))
    (initial,) = space.all(REVISIONS)
    metadata = {
        "name": "agent-by-hand",
        "labels": {"app": "agent", HASH: "by-hand"},
        "ownerReferences": initial["metadata"]["ownerReferences"],
    }
    space.create(REVISIONS, {"metadata": metadata, "data": initial["data"], "revision": 7})
    space.nudge(SETS, "agent")
    space.until(lambda: names(space.all(REVISIONS)) == ["agent-by-hand"], "the other going")
    assert hashes(space) == {"by-hand"}
    available(space, 3)
    assert names(space.all("pods")) == before  # relabelled, not restarted


def test_on_delete_leaves_updates_to_the_user(space: Workloads) -> None:
    space.create(SETS, daemon_set(updateStrategy={"type": "OnDelete"}))
    pods = runs_on(space, ALL)
    space.patch(SETS, "agent", with_image("app:2"))
    space.status(SETS, "agent", updatedNumberScheduled=0, numberAvailable=3)
    space.nudge(SETS, "agent")
    assert images(space) == ["app:1"] * 3
    assert sorted(history(space)) == [1, 2]
    space.delete("pods", pods[0]["metadata"]["name"])
    space.until(lambda: images(space) == ["app:1", "app:1", "app:2"])
    space.status(SETS, "agent", updatedNumberScheduled=1, numberAvailable=3)


def test_a_surge_starts_the_new_daemon_before_the_old_one_goes(space: Workloads) -> None:
    space.create(SETS, daemon_set(updateStrategy=rolling(maxSurge=1, maxUnavailable=0)))
    runs_on(space, ALL)
    available(space, 3)
    space.patch(SETS, "agent", with_image("app:2", readinessGates=GATES))
    space.until(lambda: images(space) == ["app:1"] * 3 + ["app:2"], "the surge")
    space.status(SETS, "agent", updatedNumberScheduled=0, numberAvailable=3)  # the old one counts until it goes
    space.nudge(SETS, "agent")
    assert images(space) == ["app:1"] * 3 + ["app:2"]
    (new,) = [pod for pod in space.running(4) if image_of(pod) == "app:2"]
    space.open_gate(new["metadata"]["name"])
    space.until(lambda: images(space) == ["app:1"] * 2 + ["app:2"] * 2, "the next node")
    served = [node_of(pod) for pod in space.all("pods") if pod["metadata"]["name"] != new["metadata"]["name"]]
    assert node_of(new) not in served
    space.opening(lambda: images(space) == ["app:2"] * 3, "the rest")
    space.opening(lambda: space.get(SETS, "agent")["status"].get("numberAvailable") == 3, "all serving")
    available(space, 3)


def test_a_surge_does_not_wait_for_old_daemons_that_serve_nobody(space: Workloads) -> None:
    strategy = rolling(maxSurge=1, maxUnavailable=0)
    space.create(SETS, daemon_set(image="bad", gated=True, updateStrategy=strategy))
    runs_on(space, ALL)
    space.patch(SETS, "agent", with_image("good", readinessGates=None), how="merge")
    space.until(lambda: images(space) == ["good"] * 3, "the replacement of all")
    available(space, 3)


def test_taints_keep_daemons_away_and_send_them_off(space: Workloads) -> None:
    with another_node(space, {"key": "dedicated", "value": "x", "effect": "NoSchedule"}) as node:
        space.create(SETS, daemon_set())
        runs_on(space, ALL)
        available(space, 3)
        toleration = [{"key": "dedicated", "operator": "Exists"}]
        space.patch(SETS, "agent", {"spec": {"template": {"spec": {"tolerations": toleration}}}})
        runs_on(space, [*ALL, node])
        available(space, 4)
        space.patch(SETS, "agent", {"spec": {"template": {"spec": {"tolerations": None}}}}, how="merge")
        space.status(SETS, "agent", desiredNumberScheduled=3, updatedNumberScheduled=3, numberMisscheduled=1)
        taints = [{"key": "dedicated", "value": "x", "effect": "NoExecute"}]
        space.patch("nodes", node, {"spec": {"taints": taints}}, how="merge")
        space.until(lambda: node not in map(node_of, space.all("pods")), "the taint sending it off")
        space.status(SETS, "agent", numberMisscheduled=0)


def test_daemons_stay_on_nodes_in_trouble(space: Workloads) -> None:
    with another_node(space, unschedulable=True) as node:
        space.create(SETS, daemon_set())
        pods = runs_on(space, [*ALL, node])
        tolerated = {(t["key"], t["effect"]) for t in pods[0]["spec"]["tolerations"] if t["operator"] == "Exists"}
        assert tolerated >= {
            ("node.kubernetes.io/not-ready", "NoExecute"),
            ("node.kubernetes.io/unreachable", "NoExecute"),
            ("node.kubernetes.io/disk-pressure", "NoSchedule"),
            ("node.kubernetes.io/memory-pressure", "NoSchedule"),
            ("node.kubernetes.io/pid-pressure", "NoSchedule"),
            ("node.kubernetes.io/unschedulable", "NoSchedule"),
        }
        assert ("node.kubernetes.io/network-unavailable", "NoSchedule") not in tolerated


def test_daemons_come_and_go_with_nodes(space: Workloads) -> None:
    space.create(SETS, daemon_set(pod={"hostNetwork": True}))
    runs_on(space, ALL)
    with another_node(space) as node:
        pods = runs_on(space, [*ALL, node])
        available(space, 4)
        tolerated = [t["key"] for t in pods[0]["spec"]["tolerations"]]
        assert "node.kubernetes.io/network-unavailable" in tolerated
        space.delete("nodes", node)
        space.status(SETS, "agent", desiredNumberScheduled=3, numberAvailable=3)


def test_min_ready_seconds_hold_the_update_back(space: Workloads) -> None:
    space.create(SETS, daemon_set(minReadySeconds=2))
    space.status(SETS, "agent", numberReady=3, numberAvailable=0, numberUnavailable=3)
    available(space, 3)


def test_kubectl_tells_of_rollouts_and_undoes_them(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    said = space.kubectl("rollout", "status", "ds", "agent", "--timeout=20s")
    assert said.splitlines()[-1] == 'daemon set "agent" successfully rolled out'
    space.patch(
        SETS, "agent", with_image("app:2") | {"metadata": {"annotations": {"kubernetes.io/change-cause": "two"}}}
    )
    space.kubectl("rollout", "status", "ds", "agent", "--timeout=20s")
    assert images(space) == ["app:2"] * 3
    rows = [line.split() for line in space.kubectl("rollout", "history", "ds", "agent").splitlines()[2:] if line]
    assert rows == [["1", "<none>"], ["2", "two"]]
    assert space.kubectl("rollout", "undo", "ds", "agent", "--to-revision=1") == "daemonset.apps/agent rolled back\n"
    space.kubectl("rollout", "status", "ds", "agent", "--timeout=20s")
    assert images(space) == ["app:1"] * 3
    assert sorted(history(space)) == [2, 3]
    before = names(space.all("pods"))
    space.kubectl("rollout", "restart", "ds", "agent")
    space.kubectl("rollout", "status", "ds", "agent", "--timeout=20s")
    assert not set(before) & set(names(space.all("pods")))


def test_history_is_kept_up_to_its_limit(space: Workloads) -> None:
    space.create(SETS, daemon_set(revisionHistoryLimit=1))
    for number in range(2, 5):
        available(space, 3)
        space.patch(SETS, "agent", with_image(f"app:{number}"))
    available(space, 3)
    space.until(lambda: sorted(history(space)) == [3, 4], "old revisions going")


def test_orphans_are_adopted_with_their_history(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    before = names(runs_on(space, ALL))
    available(space, 3)
    revision = names(space.all(REVISIONS))
    space.delete(SETS, "agent", kind="DeleteOptions", apiVersion="v1", propagationPolicy="Orphan")
    space.until(lambda: space.find(SETS, "agent") is None)
    orphans = space.all(REVISIONS) + space.all("pods")
    assert [owner_of(one) for one in orphans] == [None] * 4
    uid = space.create(SETS, daemon_set())["metadata"]["uid"]
    available(space, 3)
    assert names(space.all("pods")) == before
    assert names(space.all(REVISIONS)) == revision
    assert {(owner_of(one) or {}).get("uid") for one in space.all(REVISIONS) + space.all("pods")} == {uid}


def test_a_daemon_whose_labels_change_is_released_and_replaced(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    released = runs_on(space, ALL)[0]["metadata"]["name"]
    space.patch("pods", released, {"metadata": {"labels": {"app": "other"}}})
    space.until(lambda: owner_of(space.get("pods", released)) is None, "release")
    space.until(lambda: len(space.all("pods", "app=agent")) == 3, "another one")


def test_daemons_that_are_refused_are_told_of_and_the_status_stays_true(space: Workloads) -> None:
    space.create("resourcequotas", {"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}})
    space.until(lambda: (space.get("resourcequotas", "two").get("status") or {}).get("hard") == {"pods": "2"})
    space.create(SETS, daemon_set())
    event = space.event("agent", "FailedCreate", "Error creating: pods ")
    assert "exceeded quota: two, requested: pods=1, used: pods=2, limited: pods=2" in event["message"]
    space.status(SETS, "agent", desiredNumberScheduled=3, numberReady=2, numberUnavailable=1)
    space.patch("resourcequotas", "two", {"spec": {"hard": {"pods": "3"}}})
    available(space, 3)


def test_two_daemon_sets_do_not_mind_each_other(space: Workloads) -> None:
    space.create(SETS, daemon_set())
    other = workload("DaemonSet", "other", template({"app": "other"}))
    space.create(SETS, other)
    space.running(6)
    available(space, 3)
    space.delete(SETS, "other")
    space.running(3)
    runs_on(space, ALL)
