from datetime import UTC, datetime
from typing import Any

import pytest

from minik.server.fake_nodes.addresses import Addresses
from minik.server.fake_nodes.pod_stages import Delays, Place, Stage, delay, exited, next_stage, running

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLACE = Place("198.18.0.1", "100.64.0.2")
Obj = dict[str, Any]


def pod(status: Obj | None = None, annotations: Obj | None = None, metadata: Obj | None = None, **spec: Any) -> Obj:
    own = {"name": "p", "namespace": "default", "uid": "u", "generation": 1, "annotations": annotations or {}}
    containers = [{"name": "c", "image": "i:1"}]
    return {
        "metadata": own | (metadata or {}),
        "spec": {"containers": containers, **spec},
        "status": status or {"phase": "Pending"},
    }


def started(**content: Any) -> Obj:
    made = pod(**content)
    return {**made, "status": running(made, PLACE, NOW)}


def conditions(status: Obj) -> Obj:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


GOING = {"deletionTimestamp": "2026-01-02T03:04:05Z", "deletionGracePeriodSeconds": 30}


@pytest.mark.parametrize(
    ("found", "stage"),
    [
        (pod(), Stage.START),
        (started(), Stage.NOTHING),
        (started(restartPolicy="Never"), Stage.EXIT),
        (started(annotations={"minik.io/fake-run-seconds": "5"}), Stage.EXIT),
        (pod({"phase": "Succeeded"}), Stage.NOTHING),
        (started(metadata=GOING), Stage.REMOVE),
        (started(metadata=GOING | {"finalizers": ["f"]}), Stage.KILL),
        (pod({"phase": "Failed"}, metadata=GOING | {"finalizers": ["f"]}), Stage.REMOVE),
        (pod({"phase": "Failed"}, metadata=GOING | {"deletionGracePeriodSeconds": 0}), Stage.NOTHING),
        (started() | {"metadata": {"generation": 2}}, Stage.REPORT),
    ],
)
def test_what_comes_next(found: Obj, stage: Stage) -> None:
    assert next_stage(found) is stage


def test_a_running_pod_is_as_a_kubelet_tells() -> None:
    inits = [{"name": "first", "image": "i"}, {"name": "beside", "image": "i", "restartPolicy": "Always"}]
    status = running(pod(initContainers=inits), PLACE, NOW)
    assert status["phase"] == "Running"
    assert set(conditions(status).values()) == {"True"}
    assert (status["hostIP"], status["podIP"], status["podIPs"]) == ("198.18.0.1", "100.64.0.2", [{"ip": "100.64.0.2"}])
    first, beside = status["initContainerStatuses"]
    assert first["state"]["terminated"]["exitCode"] == 0
    assert "running" in beside["state"]
    assert status["containerStatuses"][0]["ready"]
    assert running(pod(hostNetwork=True), PLACE, NOW)["podIP"] == "198.18.0.1"


def test_a_container_has_its_new_resources_at_once() -> None:
    changed = started()
    changed["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2m"}, "limits": {"cpu": "5m"}}
    [container] = running(changed, PLACE, NOW)["containerStatuses"]
    assert container["resources"] == {"requests": {"cpu": "2m"}, "limits": {"cpu": "5m"}}
    assert (container["allocatedResources"], container["restartCount"]) == ({"cpu": "2m"}, 0)


def test_ephemeral_containers_run_until_the_pod_ends() -> None:
    debugged = started(restartPolicy="Never")
    debugged["spec"]["ephemeralContainers"] = [{"name": "debugger", "image": "i"}]
    debugged["status"] = running(debugged, PLACE, NOW)
    [debugger] = debugged["status"]["ephemeralContainerStatuses"]
    assert ("running" in debugger["state"], debugger["ready"]) == (True, False)
    assert "terminated" in exited(debugged, NOW, 0)["ephemeralContainerStatuses"][0]["state"]


def test_readiness_gates_decide_on_ready() -> None:
    gated = started(readinessGates=[{"conditionType": "gate"}])
    assert conditions(gated["status"])["Ready"] == "False"
    gated["status"]["conditions"].append({"type": "gate", "status": "True"})
    assert next_stage(gated) is Stage.REPORT
    assert conditions(running(gated, PLACE, NOW)) == conditions(started()["status"]) | {"gate": "True"}


def test_a_container_with_a_new_image_starts_again() -> None:
    changed = started()
    changed["spec"]["containers"][0]["image"] = "i:2"
    container = running(changed, PLACE, NOW)["containerStatuses"][0]
    assert (container["image"], container["restartCount"]) == ("i:2", 1)


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 3, "Failed"), ("OnFailure", 0, "Succeeded"), ("OnFailure", 3, "Running")],
)
def test_containers_exit(policy: str, code: int, phase: str) -> None:
    status = exited(started(restartPolicy=policy), NOW, code)
    container = status["containerStatuses"][0]
    assert status["phase"] == phase
    assert container["restartCount"] == (1 if phase == "Running" else 0)
    state = container["lastState"] if phase == "Running" else container["state"]
    assert state["terminated"]["exitCode"] == code


def test_delays_come_from_flags_and_annotations() -> None:
    delays = Delays(start=2.0, run=3.0)
    assert delay(pod(), Stage.START, delays) == 2.0
    assert delay(started(restartPolicy="Never"), Stage.EXIT, delays) == 3.0
    assert delay(started(annotations={"minik.io/fake-run-seconds": "7.5"}), Stage.EXIT, delays) == 7.5
    assert delay(started(annotations={"minik.io/fake-run-seconds": "long"}), Stage.EXIT, delays) == 3.0


def test_addresses_are_given_out_once_and_go_round() -> None:
    addresses, network = Addresses(), "100.64.0.0/29"
    addresses.occupy("old", network, "100.64.0.3")
    assert [addresses.take(uid, network) for uid in "abc"] == ["100.64.0.2", "100.64.0.4", "100.64.0.5"]
    assert addresses.take("a", network) == "100.64.0.2"
    addresses.release("a")
    assert [addresses.take(uid, network) for uid in "def"] == ["100.64.0.6", "100.64.0.2", ""]
    assert addresses.take("f", "100.64.1.0/29") == "100.64.1.2"
