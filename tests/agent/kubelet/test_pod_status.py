import pytest

from minik.agent.kubelet.runtime_types import (
    RESTART_COUNT_ANNOTATION,
    Container,
    ContainerState,
    PodState,
    Sandbox,
)
from minik.agent.kubelet.status import Facts, Override, make_status
from minik.agent.kubelet.status_manager import status_patch

NOW = "2026-01-02T03:04:05Z"
RUNNING, EXITED = ContainerState.RUNNING, ContainerState.EXITED


def pod(policy="Always", inits=(), containers=("a",), **more):
    named = [{"name": name, "image": "img"} for name in containers]
    spec = {"containers": named, "initContainers": [*inits], "restartPolicy": policy}
    return {"metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 3}, "spec": spec, **more}


def container(name, state=RUNNING, exit_code=0, attempt=0):
    second = 10**9
    return Container(
        f"{name}{attempt}", "s", "u", "ns", "p", name, attempt, state, attempt, 5 * second, 6 * second, exit_code,
        image="img:1", image_ref="sha256:1", annotations={RESTART_COUNT_ANNOTATION: str(attempt)},
    )  # fmt: skip


def state(*containers):
    return PodState((Sandbox("s", "u", "ns", "p", 0, True, 0, ("10.42.0.2",)),), containers)


def status(a_pod, a_state, **facts):
    return make_status(a_pod, a_state, Facts(now=NOW, host_ips=["10.0.0.1"], **facts))


def conditions(found):
    return {condition["type"]: condition for condition in found["conditions"]}


@pytest.mark.parametrize(
    ("policy", "containers", "ended", "phase"),
    [
        ("Always", [], False, "Pending"),
        ("Always", [container("a")], False, "Running"),
        ("Always", [container("a", EXITED)], False, "Running"),
        ("OnFailure", [container("a", EXITED, 1)], False, "Running"),
        ("OnFailure", [container("a", EXITED)], False, "Succeeded"),
        ("Never", [container("a", EXITED)], False, "Succeeded"),
        ("Never", [container("a", EXITED, 1)], False, "Failed"),
        ("Always", [container("a", EXITED, 1)], True, "Failed"),
        ("Always", [container("a", EXITED)], True, "Succeeded"),
    ],
)
def test_phase(policy, containers, ended, phase):
    assert status(pod(policy), state(*containers), ended=ended)["phase"] == phase


def test_a_running_pod_tells_everything():
    found = status(pod(), state(container("a")))
    assert found["podIP"] == "10.42.0.2"
    assert found["hostIPs"] == [{"ip": "10.0.0.1"}]
    assert found["startTime"] == NOW
    assert found["observedGeneration"] == 3
    assert found["containerStatuses"] == [
        {
            "name": "a",
            "state": {"running": {"startedAt": "1970-01-01T00:00:05Z"}},
            "lastState": {},
            "ready": True,
            "restartCount": 0,
            "image": "img:1",
            "imageID": "sha256:1",
            "containerID": "containerd://a0",
            "started": True,
            "resources": {},
        }
    ]
    assert {kind: c["status"] for kind, c in conditions(found).items()} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }


def test_waiting_for_init_containers_is_pod_initializing():
    found = status(pod(inits=[{"name": "i"}]), state(container("i")))
    assert found["phase"] == "Pending"
    assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert conditions(found)["Initialized"]["message"] == "containers with incomplete status: [i]"
    inits = [{"name": name, "image": "img"} for name in ("first", "second")]
    found = status(pod(inits=inits), state(container("first", EXITED, 1)))
    assert found["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}


def test_crash_loop_shows_the_last_exit():
    waiting = {"a": ("CrashLoopBackOff", "back-off 10s restarting failed container=a pod=p_ns(u)")}
    containers = state(container("a", EXITED, 1, 1), container("a", EXITED, 2, 0))
    found = status(pod(), containers, waiting=waiting, messages={"a1": "boom"})["containerStatuses"][0]
    assert found["state"] == {"waiting": {"reason": waiting["a"][0], "message": waiting["a"][1]}}
    assert found["lastState"]["terminated"]["exitCode"] == 1
    assert found["lastState"]["terminated"]["message"] == "boom"
    assert found["restartCount"] == 1


def test_unready_containers_are_named():
    found = conditions(status(pod(containers=("a", "b")), state(container("a")), ready=lambda name: name != "a"))
    assert found["ContainersReady"]["message"] == "containers with unready status: [a b]"
    assert found["Ready"]["reason"] == "ContainersNotReady"


def test_readiness_gates_hold_ready_back():
    gated = pod()
    gated["spec"]["readinessGates"] = [{"conditionType": "www.example.com/x"}]
    found = conditions(status(gated, state(container("a"))))
    assert found["ContainersReady"]["status"] == "True"
    message = 'corresponding condition of pod readiness gate "www.example.com/x" does not exist.'
    assert (found["Ready"]["reason"], found["Ready"]["message"]) == ("ReadinessGatesNotReady", message)


def test_condition_times_change_only_with_the_status():
    before = {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    other = {"type": "Initialized", "status": "False", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    found = conditions(status(pod(status={"conditions": [before, other]}), state(container("a"))))
    assert found["Ready"]["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert found["Initialized"]["lastTransitionTime"] == NOW


def test_who_is_evicted_is_told_apart_from_who_fails():
    message = "The node was low on resource: memory."
    why = Override("Failed", "Evicted", message, True)
    still = status(pod(), state(container("a")), override=why)
    assert (still["phase"], "DisruptionTarget" in conditions(still)) == ("Running", False)
    found = status(pod(), state(container("a", EXITED, 137)), ended=True, override=why)
    assert (found["phase"], found["reason"], found["message"]) == ("Failed", "Evicted", message)
    assert conditions(found)["DisruptionTarget"] == {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": NOW,
        "reason": "TerminationByKubelet",
        "message": message,
        "observedGeneration": 3,
    }
    later = [found["conditions"][0] | {"status": "False"}, *found["conditions"][1:]]
    order = status_patch(found, found | {"conditions": later})["$setElementOrder/conditions"]
    assert [entry["type"] for entry in order] == [condition["type"] for condition in later]
    late = status(pod(), state(), override=Override("Failed", "Evicted", "m"))
    assert "DisruptionTarget" not in conditions(late)


def test_a_terminal_phase_is_never_left():
    found = status(pod(status={"phase": "Failed", "reason": "Evicted", "message": "m"}), state(container("a")))
    assert (found["phase"], found["reason"]) == ("Failed", "Evicted")


def test_a_container_that_vanished_is_reported_unknown_when_the_pod_ends():
    old = {"containerStatuses": [{"name": "a", "state": {"running": {"startedAt": NOW}}, "restartCount": 0}]}
    found = status(pod(status=old), PodState(), ended=True)["containerStatuses"][0]
    assert found["state"]["terminated"]["reason"] == "ContainerStatusUnknown"


def test_the_patch_has_only_what_changed_and_takes_back_reasons():
    ready = {"type": "Ready", "status": "True"}
    gone = {"type": "Ready", "status": "False", "reason": "ContainersNotReady"}
    foreign = {"type": "x.io/y", "status": "True"}
    old = {"phase": "Pending", "conditions": [gone, foreign], "message": "m"}
    assert status_patch(old, {"phase": "Running", "conditions": [ready], "podIPs": [{"ip": "1"}]}) == {
        "phase": "Running",
        "$setElementOrder/conditions": [{"type": "Ready"}, {"type": "x.io/y"}],
        "conditions": [{"reason": None, **ready}],
        "podIPs": [{"ip": "1"}, {"$patch": "replace"}],
        "message": None,
    }
    assert status_patch({"phase": "Running"}, {"phase": "Running"}) == {}
