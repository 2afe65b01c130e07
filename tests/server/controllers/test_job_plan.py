from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.client.resources import JOBS
from minik.server.controllers.claims import Owner
from minik.server.controllers.job_backoff import Backoff
from minik.server.controllers.job_plan import expires_in, is_finished, plan
from minik.server.controllers.job_pods import FINALIZER, INDEX, INDEX_FAILURES, build_pod, format_indexes, parse_indexes
from minik.server.controllers.job_policies import failures_after

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(*, status: dict | None = None, restart: str = "Never", **spec) -> dict:
    template = {"spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "i"}]}}
    return {
        "metadata": {"name": "j", "namespace": "ns", "uid": "j"},
        "spec": {"parallelism": 1, "completions": 1, "backoffLimit": 6, "template": template, **spec},
        "status": status or {},
    }


@pytest.fixture
def run(make_pod):
    def make(name: str, phase: str = "Running", *, tracked: bool = True, index: int | None = None, ago: int = 60):
        ended = (NOW - timedelta(seconds=ago)).isoformat()
        code = 0 if phase == "Succeeded" else 1
        terminated = {"terminated": {"finishedAt": ended, "exitCode": code}} if phase in ("Succeeded", "Failed") else {}
        pod = make_pod(name, phase=phase, containerStatuses=[{"name": "c", "state": terminated}])
        pod["metadata"]["finalizers"] = [FINALIZER] if tracked else []
        if index is not None:
            pod["metadata"]["annotations"] = {INDEX: str(index)}
        return pod

    return make


def conditions(status: dict) -> list[str]:
    return [c["type"] for c in status.get("conditions", []) if c["status"] == "True"]


def test_starts_as_many_as_may_run_in_parallel(run):
    assert plan(job(completions=5, parallelism=3), [], NOW).create == [None] * 3
    assert plan(job(completions=5, parallelism=3), [run("a")], NOW).create == [None] * 2
    assert plan(job(completions=5, parallelism=3, status={"succeeded": 4}), [], NOW).create == [None]


def test_waits_for_the_cache_before_it_acts(run):
    assert plan(job(), [], NOW, may_act=False).create == []


def test_lower_parallelism_stops_pods(run):
    assert len(plan(job(completions=5, parallelism=1), [run("a"), run("b")], NOW).remove) == 1


def test_finished_pod_is_noted_then_released_then_counted(run):
    first = plan(job(completions=2), [run("a", "Succeeded")], NOW)
    assert first.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    assert [pod["metadata"]["name"] for pod in first.release] == ["a"]
    again = plan(job(completions=2, status=first.status), [run("a", "Succeeded")], NOW)
    assert again.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    counted = plan(job(completions=2, status=first.status), [run("a", "Succeeded", tracked=False)], NOW)
    assert counted.status["succeeded"] == 1
    assert counted.status["uncountedTerminatedPods"] == {}


def test_job_is_complete_only_when_everything_is_counted(run):
    met = plan(job(), [run("a", "Succeeded")], NOW)
    assert conditions(met.status) == ["SuccessCriteriaMet"]
    done = plan(job(status=met.status), [run("a", "Succeeded", tracked=False)], NOW)
    assert conditions(done.status) == ["SuccessCriteriaMet", "Complete"]
    assert done.status["completionTime"] == "2026-01-02T03:04:05Z"
    assert done.events == [("Normal", "Completed", "Job completed")]
    assert is_finished(job(status=done.status))


def test_backoff_limit_fails_the_job_and_stops_the_rest(run):
    pods = [run("a", "Failed"), run("b")]
    failing = plan(job(backoffLimit=0, parallelism=2, completions=2), pods, NOW)
    assert conditions(failing.status) == ["FailureTarget"]
    over = plan(job(backoffLimit=0, status=failing.status), [run("a", "Failed", tracked=False)], NOW)
    assert conditions(over.status) == ["FailureTarget", "Failed"]
    assert over.events == [("Warning", "BackoffLimitExceeded", "Job has reached the specified backoff limit")]
    stopping = plan(job(backoffLimit=0, status=failing.status), pods, NOW)
    assert [pod["metadata"]["name"] for pod in stopping.delete] == ["b"]


def test_deadline_fails_the_job(run):
    started = {"startTime": "2026-01-02T03:04:00Z"}
    assert plan(job(activeDeadlineSeconds=10, status=started), [run("a")], NOW).again == pytest.approx(5, abs=0.1)
    late = plan(job(activeDeadlineSeconds=3, status=started), [run("a")], NOW)
    assert late.status["conditions"][0]["reason"] == "DeadlineExceeded"
    assert len(late.delete) == 1


def test_suspending_stops_pods_and_forgets_the_start(run):
    suspended = plan(job(suspend=True, status={"startTime": "2026-01-02T03:00:00Z"}), [run("a")], NOW)
    assert "startTime" not in suspended.status
    assert len(suspended.remove) == 1
    resumed = plan(job(status=suspended.status), [], NOW)
    assert resumed.status["startTime"] == "2026-01-02T03:04:05Z"
    assert [event[1] for event in (*suspended.events, *resumed.events)] == ["Suspended", "Resumed"]
    assert resumed.status["conditions"][0]["status"] == "False"


def test_failed_pod_is_replaced_after_a_growing_pause(run):
    waiting = plan(job(completions=2), [run("a", "Failed", ago=4)], NOW)
    assert (waiting.create, waiting.again) == ([], pytest.approx(6, abs=0.1))
    assert waiting.backoff.left(NOW) == pytest.approx(6)
    counted = {"failed": 1}
    gone = plan(job(completions=2, status=counted), [], NOW, waiting.backoff)
    assert (gone.create, gone.again) == ([], pytest.approx(6, abs=0.1))
    again = plan(job(completions=2, status=counted), [run("b", "Failed", ago=4)], NOW, Backoff(1, NOW))
    assert again.backoff.left(NOW) == pytest.approx(16)
    success = plan(job(completions=2), [run("a", "Failed", ago=9), run("b", "Succeeded", ago=4)], NOW, Backoff(3, NOW))
    assert success.create == [None]


@pytest.mark.parametrize(("failures", "pause"), [(0, 0), (1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (40, 600)])
def test_pause_doubles_up_to_ten_minutes(failures, pause):
    assert Backoff(failures, NOW).left(NOW) == pause


def test_indexed_job_runs_each_index_once(run):
    indexed = job(completionMode="Indexed", completions=4, parallelism=4, status={"completedIndexes": "1"})
    todo = plan(indexed, [run("a", index=0), run("b", "Succeeded", index=3)], NOW)
    assert todo.create == [2]
    assert (todo.status["completedIndexes"], todo.status["succeeded"]) == ("1,3", 2)


def test_indexed_pod_knows_its_index():
    pod = build_pod(Owner(JOBS, "Job", job()), 3)
    assert pod["spec"]["hostname"] == "j-3"
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"
    assert pod["metadata"]["finalizers"] == [FINALIZER]


def test_failure_policy_fails_or_ignores(run):
    def policy(action: str) -> dict:
        return {"rules": [{"action": action, "onExitCodes": {"operator": "In", "values": [1]}}]}

    failed = plan(job(podFailurePolicy=policy("FailJob")), [run("a", "Failed")], NOW).status["conditions"][0]
    text = "Container c for pod ns/a failed with exit code 1 matching FailJob rule at index 0"
    assert (failed["reason"], failed["message"]) == ("PodFailurePolicy", text)
    ignored = plan(job(podFailurePolicy=policy("Ignore"), backoffLimit=0), [run("a", "Failed")], NOW)
    assert conditions(ignored.status) == []
    assert len(ignored.release) == 1


def test_finished_job_expires(run):
    ended = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-02T03:04:00Z"}]}
    assert expires_in(job(ttlSecondsAfterFinished=10, status=ended), NOW) == 5
    assert expires_in(job(status=ended), NOW) is None
    assert expires_in(job(ttlSecondsAfterFinished=10), NOW) is None


@given(st.sets(st.integers(0, 50)))
def test_indexes_survive_writing_and_reading(indexes):
    assert parse_indexes(format_indexes(indexes), 51) == indexes


@pytest.mark.parametrize(("indexes", "text"), [([], ""), ([1], "1"), ([1, 2], "1,2"), ([1, 3, 4, 5, 7], "1,3-5,7")])
def test_indexes_are_written_as_ranges(indexes, text):
    assert format_indexes(indexes) == text


def per_index(**spec) -> dict:
    return job(completionMode="Indexed", backoffLimit=2**31 - 1, backoffLimitPerIndex=1, **spec)


def test_index_fails_after_its_own_limit(run):
    first = run("a", "Failed", index=0)
    again = plan(per_index(completions=2, parallelism=2), [first, run("b", index=1)], NOW)
    assert again.create == [0]
    assert again.status["failedIndexes"] == ""
    assert failures_after(per_index(), again.replaces[0]) == (1, 0)
    assert again.release == []  # kept until its successor has inherited the failures
    second = run("c", "Failed", index=0)
    second["metadata"]["annotations"][INDEX_FAILURES] = "1"
    over = plan(per_index(completions=2, parallelism=2), [first, second, run("b", index=1)], NOW)
    assert (over.create, over.status["failedIndexes"]) == ([], "0")


def test_job_with_failed_indexes_fails_when_all_others_are_done(run):
    obj = per_index(completions=2, status={"failedIndexes": "1", "completedIndexes": "0"})
    assert plan(obj, [], NOW).status["conditions"][0]["reason"] == "FailedIndexes"


def test_too_many_failed_indexes_end_the_job(run):
    obj = per_index(completions=9, maxFailedIndexes=1, status={"failedIndexes": "1,2"})
    assert plan(obj, [run("a", index=5)], NOW).status["conditions"][0]["reason"] == "MaxFailedIndexesExceeded"


def test_fail_index_action_spares_the_limit(run):
    rules = {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}}]}
    result = plan(per_index(completions=2, podFailurePolicy=rules), [run("a", "Failed", index=0)], NOW)
    assert result.status["failedIndexes"] == "0"


@pytest.mark.parametrize(
    ("rule", "indexes", "met"),
    [
        ({"succeededCount": 1}, "3", True),
        ({"succeededIndexes": "0-1"}, "0", False),
        ({"succeededIndexes": "0-1"}, "0,1", True),
        ({"succeededIndexes": "0-2", "succeededCount": 2}, "0,3", False),
        ({"succeededIndexes": "0-2", "succeededCount": 2}, "0,2", True),
    ],
)
def test_success_policy_ends_the_job_early(run, rule, indexes, met):
    obj = job(
        completionMode="Indexed",
        completions=5,
        parallelism=5,
        successPolicy={"rules": [rule]},
        status={"completedIndexes": indexes},
    )
    result = plan(obj, [run("left", index=4)], NOW)
    reasons = [c["reason"] for c in result.status.get("conditions", [])]
    assert reasons == (["SuccessPolicy"] if met else [])
    assert bool(result.delete) == met
