import pytest

from minik.agent.kubelet.plan import Health, ProbeFailure, make_plan, restart_wanted
from minik.agent.kubelet.runtime_config import container_hash
from minik.agent.kubelet.runtime_types import HASH_ANNOTATION, Container, ContainerState, PodState, Sandbox

RUNNING, EXITED, UNKNOWN = ContainerState.RUNNING, ContainerState.EXITED, ContainerState.UNKNOWN
SIDECAR = {"restartPolicy": "Always"}


def spec(name, **fields):
    return {"name": name, "image": "img", **fields}


def pod(*containers, inits=(), policy="Always", **fields):
    return {
        "metadata": {},
        "spec": {"containers": [*containers], "initContainers": [*inits], "restartPolicy": policy} | fields,
    }


def sandbox(identity="s1", ready=True, attempt=0):
    return Sandbox(identity, "u", "ns", "p", attempt, ready, created_at=attempt, ips=("10.0.0.2",))


def container(name, state=RUNNING, exit_code=0, sandbox_id="s1", attempt=0, hashed=None):
    annotations = {HASH_ANNOTATION: hashed or container_hash(spec(name))}
    return Container(
        f"{name}-{attempt}", sandbox_id, "u", "ns", "p", name, attempt, state, attempt, exit_code=exit_code,
        annotations=annotations,
    )  # fmt: skip


def state(*containers, sandboxes=None):
    return PodState(tuple(sandboxes if sandboxes is not None else [sandbox()]), containers)


def plan(a_pod, a_state, started=(), failures=None, restarting=()):
    return make_plan(a_pod, a_state, Health(started, failures or {}), restarting)


def test_a_new_pod_needs_a_sandbox_first():
    assert plan(pod(spec("a")), state(sandboxes=[])).new_sandbox


def test_without_init_containers_all_start_at_once():
    assert plan(pod(spec("a"), spec("b")), state()).starts == ("a", "b")


def test_init_containers_run_one_after_the_other():
    two = pod(spec("a"), inits=[spec("i1"), spec("i2")])
    assert plan(two, state()).starts == ("i1",)
    assert plan(two, state(container("i1"))).starts == ()
    assert plan(two, state(container("i1", EXITED))).starts == ("i2",)
    assert plan(two, state(container("i1", EXITED), container("i2", EXITED))).starts == ("a",)


def test_a_failed_init_container_is_repeated_or_ends_the_pod():
    failed = state(container("i1", EXITED, 1))
    assert plan(pod(spec("a"), inits=[spec("i1")]), failed).starts == ("i1",)
    assert plan(pod(spec("a"), inits=[spec("i1")], policy="OnFailure"), failed).starts == ("i1",)
    assert plan(pod(spec("a"), inits=[spec("i1")], policy="Never"), failed).finished


def test_a_sidecar_gates_what_follows_until_it_has_started():
    gated = pod(spec("a"), inits=[spec("side", **SIDECAR), spec("i2")])
    assert plan(gated, state()).starts == ("side",)
    assert plan(gated, state(container("side"))).starts == ()
    assert plan(gated, state(container("side")), started=["side"]).starts == ("i2",)


def test_a_dead_sidecar_is_restarted_beside_running_containers():
    running = state(container("side", EXITED, 1), container("a"))
    found = plan(pod(spec("a"), inits=[spec("side", **SIDECAR)]), running)
    assert (found.starts, found.finished) == (("side",), False)


def test_init_containers_are_not_repeated_once_containers_run():
    assert plan(pod(spec("a"), inits=[spec("i1")]), state(container("a"))).starts == ()


@pytest.mark.parametrize(
    ("policy", "exit_code", "again"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_restart_policy_decides_about_exited_containers(policy, exit_code, again):
    found = plan(pod(spec("a"), policy=policy), state(container("a", EXITED, exit_code)))
    assert (found.starts, found.finished) == ((("a",), False) if again else ((), True))


def test_a_pod_with_one_container_left_is_not_finished():
    found = plan(pod(spec("a"), spec("b"), policy="Never"), state(container("a", EXITED), container("b")))
    assert not found.finished
    assert found.starts == ()


def test_finished_although_a_sidecar_still_runs():
    done = state(container("side"), container("a", EXITED))
    assert plan(pod(spec("a"), inits=[spec("side", **SIDECAR)], policy="Never"), done, started=["side"]).finished


def test_probe_failures_and_changed_images_kill():
    failing = plan(pod(spec("a")), state(container("a")), failures={"a": ProbeFailure("a-0", "liveness", 5)})
    assert [(kill.message, kill.grace) for kill in failing.kills] == [
        ("Container a failed liveness probe, will be restarted", 5)
    ]
    changed = plan(pod(spec("a")), state(container("a", hashed="other")))
    assert [kill.message for kill in changed.kills] == ["Container a definition changed, will be restarted"]
    stale = plan(pod(spec("a")), state(container("a")), failures={"a": ProbeFailure("older", "liveness")})
    assert stale.kills == ()


def test_a_container_killed_by_its_probe_restarts_even_after_exit_code_zero():
    found = plan(pod(spec("a"), policy="OnFailure"), state(container("a", EXITED)), restarting={"a-0"})
    assert found.starts == ("a",)


def test_a_dead_sandbox_is_replaced_and_the_init_containers_begin_again():
    dead = [sandbox(ready=False)]
    found = plan(pod(spec("a"), inits=[spec("i1")]), state(container("a", EXITED), sandboxes=dead))
    assert (found.new_sandbox, found.sandbox_attempt) == (True, 1)
    renewed = state(container("i1", EXITED), sandboxes=[sandbox("s2", attempt=1), sandbox(ready=False)])
    assert plan(pod(spec("a"), inits=[spec("i1")]), renewed).starts == ("i1",)


def test_a_dead_sandbox_of_a_done_pod_stays_dead():
    dead = [sandbox(ready=False)]
    assert plan(pod(spec("a"), policy="Never"), state(container("a", EXITED), sandboxes=dead)).finished


def test_containers_in_unknown_state_are_killed_and_started():
    found = plan(pod(spec("a")), state(container("a", UNKNOWN)))
    assert (len(found.kills), found.starts) == (1, ("a",))


def test_ephemeral_containers_start_once():
    debugging = pod(spec("a"), ephemeralContainers=[spec("dbg")])
    assert plan(debugging, state(container("a"))).starts == ("dbg",)
    assert plan(debugging, state(container("a"), container("dbg", EXITED, 1))).starts == ()


def test_restart_rules_win_over_the_policy():
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    ruled = spec("a", restartPolicy="Never", restartPolicyRules=[rule])
    assert restart_wanted(pod(ruled), ruled, 42)
    assert not restart_wanted(pod(ruled), ruled, 1)
