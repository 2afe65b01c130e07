"""Jobs in a whole server: on fake nodes, whose Pods succeed by themselves, or on a node whose Pods end as told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.objects import JSON_PATCH, Obj, Objects, conditions

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
LONG_AGO = "2026-01-02T03:04:05Z"
SOON = {"within": 10.0, "every": 0.02}


def template(*, restart: str = "Never", by_hand: bool = False, **annotations: str) -> Obj:
    spec: Obj = {"restartPolicy": restart, "containers": [{"name": "c", "image": "i"}]}
    if by_hand:
        spec["nodeName"] = "by-hand"
    return {"metadata": {"annotations": annotations, "labels": {"of": "job"}}, "spec": spec}


def run(objects: Objects, name: str, *, pod: Obj | None = None, labels: Obj | None = None, **spec: Any) -> Obj:
    return objects.create("jobs", name, {"spec": {"template": pod or template(), **spec}}, labels=labels or {})


def held(objects: Objects, name: str, *, restart: str = "Never", **spec: Any) -> Obj:
    """A Job whose Pods do nothing until the test says so."""
    return run(objects, name, pod=template(restart=restart, by_hand=True), **spec)


def pods_of(objects: Objects, job: str, *phases: str) -> list[Obj]:
    found = objects.all("pods", labelSelector=f"batch.kubernetes.io/job-name={job}")
    found.sort(key=lambda pod: int(pod["metadata"].get("annotations", {}).get(INDEX, 0)))
    return [pod for pod in found if not phases or pod["status"]["phase"] in phases]


def active(objects: Objects, job: str, count: int) -> list[Obj]:
    """As many Pods that have not ended, once there are."""

    def found() -> list[Obj]:
        pods = [pod for pod in pods_of(objects, job, "Pending", "Running") if not is_deleting(pod)]
        assert len(pods) == count, [pod["metadata"]["name"] for pod in pods]
        return pods or [{}]

    return [pod for pod in eventually(found, **SOON) if pod]


def is_deleting(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def end(objects: Objects, pod: Obj, code: int = 0, *, ended: str = LONG_AGO, **status: Any) -> None:
    """Its container exits; by default so long ago that no pause is left."""
    state = {"terminated": {"exitCode": code, "startedAt": ended, "finishedAt": ended}}
    container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    phase = "Failed" if code else "Succeeded"
    objects.set_status("pods", pod["metadata"]["name"], phase=phase, containerStatuses=[container], **status)


def status(objects: Objects, name: str) -> Obj:
    found: Obj = objects.get("jobs", name)["status"]
    return found


def reached(objects: Objects, name: str, **wanted: Any) -> Obj:
    """The status once it has these fields."""

    def check() -> Obj:
        now = status(objects, name)
        assert {field: now.get(field, 0) for field in wanted} == wanted, now
        return now

    found: Obj = eventually(check, **SOON)
    return found


def ended(objects: Objects, name: str, type: str) -> Obj:
    """The Job once it is over."""

    def check() -> Obj:
        job = objects.get("jobs", name)
        assert conditions(job).get(type, ("",))[0] == "True", job["status"]
        return job

    found: Obj = eventually(check, **SOON)
    return found


def why(job: Obj) -> list[tuple[str, str, str]]:
    """Conditions in order: type, reason, message."""
    return [(c["type"], c["reason"], c["message"]) for c in job["status"]["conditions"]]


COMPLETED = ("CompletionsReached", "Reached expected number of succeeded pods")
BACKOFF = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


def test_job_runs_to_completion_and_counts_each_pod_once(objects: Objects) -> None:
    run(objects, "j", parallelism=2, completions=4)
    job = ended(objects, "j", "Complete")
    assert why(job) == [("SuccessCriteriaMet", *COMPLETED), ("Complete", *COMPLETED)]
    assert (job["status"]["succeeded"], job["status"]["uncountedTerminatedPods"]) == (4, {})
    assert job["status"]["completionTime"] == job["status"]["conditions"][1]["lastTransitionTime"]
    pods = pods_of(objects, "j", "Succeeded")
    assert len(pods) == 4
    assert not any(pod["metadata"].get("finalizers") for pod in pods)
    eventually(lambda: objects.has_event("j", "Normal", "Completed", "Job completed"), **SOON)
    eventually(lambda: objects.has_event("j", "Normal", "SuccessfulCreate", f"Created pod: {name(pods[0])}"), **SOON)


def name(obj: Obj) -> str:
    return str(obj["metadata"]["name"])


def test_indexed_job_gives_each_pod_an_index_and_a_hostname(objects: Objects) -> None:
    run(objects, "indexed", parallelism=2, completions=4, completionMode="Indexed")
    job = ended(objects, "indexed", "Complete")
    assert job["status"]["completedIndexes"] == "0-3"
    pods = pods_of(objects, "indexed", "Succeeded")
    assert [pod["metadata"]["annotations"][INDEX] for pod in pods] == ["0", "1", "2", "3"]
    assert [pod["metadata"]["labels"][INDEX] for pod in pods] == ["0", "1", "2", "3"]
    assert [pod["spec"]["hostname"] for pod in pods] == [f"indexed-{index}" for index in range(4)]
    assert name(pods[1]).startswith("indexed-1-")
    variable = pods[1]["spec"]["containers"][0]["env"][0]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"


def test_job_created_suspended_lives_as_its_user_says(objects: Objects) -> None:
    labels = {"e2e-job-label": objects.namespace}
    run(objects, "j", labels=labels, parallelism=2, completions=4, suspend=True)
    reached(objects, "j", ready=0)
    assert conditions(eventually(lambda: objects.get("jobs", "j"), **SOON))["Suspended"][0] == "True"
    assert pods_of(objects, "j") == []
    patched = objects.patch("jobs", "j", {"metadata": {"labels": {"x": "patched"}}})
    assert patched["metadata"]["labels"]["x"] == "patched"

    def resume(job: Obj) -> None:
        job["metadata"].setdefault("annotations", {})["updated"] = "true"
        job["spec"]["suspend"] = False

    assert objects.edit("jobs", "j", resume)["metadata"]["annotations"]["updated"] == "true"
    everywhere = objects.call(
        "GET", "/apis/batch/v1/jobs", query={"labelSelector": f"e2e-job-label={labels['e2e-job-label']}"}
    )
    assert [name(job) for job in everywhere["items"]] == ["j"]
    ended(objects, "j", "Complete")
    eventually(lambda: objects.has_event("j", "Normal", "Suspended", "Job suspended"), **SOON)
    eventually(lambda: objects.has_event("j", "Normal", "Resumed", "Job resumed"), **SOON)
    objects.delete("jobs", policy="Background", labelSelector=f"e2e-job-label={labels['e2e-job-label']}")
    eventually(lambda: objects.is_gone("jobs", "j"), **SOON)
    eventually(lambda: pods_of(objects, "j") == [], **SOON)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_pods_go_with_their_job(objects: Objects, policy: str) -> None:
    run(objects, "j", pod=template(**{"minik.io/fake-run-seconds": "600"}), parallelism=2, completions=4)
    reached(objects, "j", active=2, ready=2)
    objects.delete("jobs", "j", policy=policy)
    eventually(lambda: objects.is_gone("jobs", "j"), **SOON)
    eventually(lambda: pods_of(objects, "j") == [], **SOON)


def test_orphaned_pods_lose_the_finalizer_and_stay(objects: Objects) -> None:
    held(objects, "j", parallelism=2, completions=2)
    active(objects, "j", 2)
    objects.delete("jobs", "j", policy="Orphan")
    eventually(lambda: objects.is_gone("jobs", "j"), **SOON)

    def are_free() -> bool:
        pods = pods_of(objects, "j")
        return len(pods) == 2 and not any({"ownerReferences", "finalizers"} & set(pod["metadata"]) for pod in pods)

    eventually(are_free, **SOON)


def test_orphans_are_adopted_and_strangers_released(objects: Objects) -> None:
    job = held(objects, "j", parallelism=2, completions=4)
    pod = name(active(objects, "j", 2)[0])
    objects.patch("pods", pod, {"metadata": {"ownerReferences": None}})

    def owner() -> Any:
        return (objects.get("pods", pod)["metadata"].get("ownerReferences") or [{}])[0].get("uid")

    eventually(lambda: owner() == job["metadata"]["uid"], **SOON)
    objects.patch("pods", pod, [{"op": "remove", "path": "/metadata/labels"}], media_type=JSON_PATCH)
    eventually(lambda: owner() is None, **SOON)
    eventually(lambda: FINALIZER not in objects.get("pods", pod)["metadata"].get("finalizers", []), **SOON)
    active(objects, "j", 2)


def test_status_can_be_patched_replaced_and_read(objects: Objects) -> None:
    held(objects, "j", parallelism=2, completions=4)
    reached(objects, "j", active=2)
    condition = {"type": "CustomConditionType", "status": "True", "lastTransitionTime": LONG_AGO}
    change = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [condition]}}
    patched = objects.patch("jobs", "j", change, subresource="status")
    assert patched["metadata"]["annotations"]["patchedstatus"] == "true"
    assert patched["status"]["conditions"][0]["lastTransitionTime"] == LONG_AGO
    later = objects.get("jobs", "j")
    later["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-02T03:04:06Z"
    replaced = objects.replace("jobs", later, subresource="status")
    assert replaced["status"]["conditions"][0]["lastTransitionTime"] == "2026-01-02T03:04:06Z"
    read = objects.call("GET", objects.path("jobs", "j", "status"))
    assert read["metadata"]["uid"] == replaced["metadata"]["uid"]


def test_containers_restarted_in_place_are_no_failures_until_the_limit(objects: Objects) -> None:
    held(objects, "j", restart="OnFailure", completions=1, backoffLimit=2)
    (pod,) = active(objects, "j", 1)
    container = {"name": "c", "image": "i", "imageID": "", "ready": True, "restartCount": 1, "state": {}}
    objects.set_status("pods", name(pod), phase="Running", containerStatuses=[container])
    reached(objects, "j", active=1, failed=0)
    objects.set_status("pods", name(pod), containerStatuses=[container | {"restartCount": 2}])
    eventually(lambda: conditions(objects.get("jobs", "j"))["FailureTarget"][1:] == BACKOFF, **SOON)
    objects.delete("pods", name(pod), gracePeriodSeconds="0")
    assert ended(objects, "j", "Failed")["status"]["failed"] == 1


def test_backoff_limit_ends_the_job_with_a_pod_more(objects: Objects) -> None:
    held(objects, "j", completions=1, backoffLimit=1)
    for _ in range(2):
        end(objects, active(objects, "j", 1)[0], 1)
    job = ended(objects, "j", "Failed")
    assert why(job) == [("FailureTarget", *BACKOFF), ("Failed", *BACKOFF)]
    assert "completionTime" not in job["status"]
    assert len(pods_of(objects, "j", "Failed")) == job["status"]["failed"] == 2
    eventually(lambda: objects.has_event("j", "Warning", *BACKOFF), **SOON)


def test_failed_pod_is_replaced_only_after_a_pause(objects: Objects) -> None:
    held(objects, "j", completions=1)
    end(objects, active(objects, "j", 1)[0], 1, ended=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    reached(objects, "j", active=0, failed=1, uncountedTerminatedPods={})
    assert len(pods_of(objects, "j")) == 1


def policy(*rules: Obj) -> Obj:
    return {"rules": [*rules]}


def on_exit(action: str, *codes: int) -> Obj:
    return {"action": action, "onExitCodes": {"operator": "In", "values": [*codes]}}


def on_condition(action: str, type: str) -> Obj:
    return {"action": action, "onPodConditions": [{"type": type, "status": "True"}]}


def test_exit_code_fails_the_job_early(objects: Objects) -> None:
    held(objects, "j", parallelism=2, completions=4, podFailurePolicy=policy(on_exit("FailJob", 1)))
    first, second = active(objects, "j", 2)
    end(objects, first, 1)
    pod = f"{objects.namespace}/{name(first)}"
    text = f"Container c for pod {pod} failed with exit code 1 matching FailJob rule at index 0"
    eventually(
        lambda: conditions(objects.get("jobs", "j")) == {"FailureTarget": ("True", "PodFailurePolicy", text)}, **SOON
    )
    eventually(lambda: is_deleting(objects.get("pods", name(second))), **SOON)
    reached(objects, "j", active=0, terminating=1)
    objects.delete("pods", name(second), gracePeriodSeconds="0")
    job = ended(objects, "j", "Failed")
    assert why(job) == [("FailureTarget", "PodFailurePolicy", text), ("Failed", "PodFailurePolicy", text)]
    assert job["status"]["failed"] == 2


def test_condition_fails_the_job_early(objects: Objects) -> None:
    held(objects, "j", podFailurePolicy=policy(on_condition("FailJob", "ConfigIssue")))
    (pod,) = active(objects, "j", 1)
    end(objects, pod, 1, conditions=[{"type": "ConfigIssue", "status": "True"}])
    text = f"Pod {objects.namespace}/{name(pod)} has condition ConfigIssue matching FailJob rule at index 0"
    assert conditions(ended(objects, "j", "Failed"))["Failed"][1:] == ("PodFailurePolicy", text)


def test_evicted_pods_are_ignored_by_their_condition(objects: Objects) -> None:
    rules = policy(on_exit("Ignore", 1), on_condition("Ignore", "DisruptionTarget"))
    spec: Obj = {"parallelism": 2, "completions": 2, "backoffLimit": 0, "completionMode": "Indexed"}
    held(objects, "j", podFailurePolicy=rules, **spec)
    for pod in active(objects, "j", 2):
        objects.set_status("pods", name(pod), phase="Running")
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name(pod)}}
        objects.call("POST", objects.path("pods", name(pod), "eviction"), eviction)
        assert conditions(objects.get("pods", name(pod)))["DisruptionTarget"][1] == "EvictionByEvictionAPI"
    reached(objects, "j", active=0, terminating=2, failed=0)  # not replaced before they have ended
    for pod in pods_of(objects, "j"):
        told = objects.get("pods", name(pod))["status"]["conditions"]
        end(objects, pod, 137, conditions=told)
        objects.delete("pods", name(pod), gracePeriodSeconds="0")
    for pod in active(objects, "j", 2):
        end(objects, pod)
    job = ended(objects, "j", "Complete")
    assert (job["status"].get("failed", 0), job["status"]["completedIndexes"]) == (0, "0,1")


def indexed(objects: Objects, name: str, **spec: Any) -> Obj:
    return held(objects, name, completionMode="Indexed", **spec)


def test_every_index_is_tried_with_a_limit_of_its_own(objects: Objects) -> None:
    indexed(objects, "j", parallelism=2, completions=4, backoffLimitPerIndex=1)

    def work() -> bool:
        for pod in pods_of(objects, "j", "Pending"):
            end(objects, pod, int(pod["metadata"]["annotations"][INDEX]) % 2)
        return "Failed" in conditions(objects.get("jobs", "j"))

    eventually(work, **SOON)
    job = objects.get("jobs", "j")
    text = ("FailedIndexes", "Job has failed indexes")
    assert why(job) == [("FailureTarget", *text), ("Failed", *text)]
    counts = {name: job["status"].get(name) for name in ("failedIndexes", "completedIndexes", "failed", "succeeded")}
    assert counts == {"failedIndexes": "1,3", "completedIndexes": "0,2", "failed": 4, "succeeded": 2}
    notes = [
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] for pod in pods_of(objects, "j")
    ]
    assert sorted(notes) == ["0", "0", "0", "0", "1", "1"]


def test_too_many_failed_indexes_end_the_job(objects: Objects) -> None:
    indexed(objects, "j", parallelism=1, completions=4, backoffLimitPerIndex=0, maxFailedIndexes=0)
    end(objects, active(objects, "j", 1)[0], 1)
    job = ended(objects, "j", "Failed")
    text = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
    assert conditions(job)["FailureTarget"][1:] == conditions(job)["Failed"][1:] == text
    assert (job["status"]["failedIndexes"], job["status"]["failed"]) == ("0", 1)
    assert len(pods_of(objects, "j")) == 1


def test_fail_index_needs_no_second_try(objects: Objects) -> None:
    rules = policy(on_exit("FailIndex", 1))
    indexed(objects, "j", parallelism=2, completions=2, backoffLimitPerIndex=1, podFailurePolicy=rules)
    for code, pod in enumerate(active(objects, "j", 2)):
        end(objects, pod, code)
    job = ended(objects, "j", "Failed")
    assert conditions(job)["Failed"][1] == "FailedIndexes"
    counts = {name: job["status"].get(name) for name in ("failedIndexes", "completedIndexes", "failed", "succeeded")}
    assert counts == {"failedIndexes": "1", "completedIndexes": "0", "failed": 1, "succeeded": 1}


@pytest.mark.parametrize(
    ("rules", "done", "indexes"),
    [
        ([{"succeededIndexes": "0-4"}], {0, 1, 2, 3, 4}, "0-4"),
        ([{"succeededIndexes": "1"}], {1}, "1"),
        ([{"succeededCount": 2}], {0, 3}, "0,3"),
        ([{"succeededIndexes": "4"}, {"succeededIndexes": "0-2", "succeededCount": 1}], {2}, "2"),
    ],
    ids=["all", "indexes", "count", "both"],
)
def test_success_policy_ends_the_job(objects: Objects, rules: list[Obj], done: set[int], indexes: str) -> None:
    indexed(objects, "j", parallelism=5, completions=5, successPolicy={"rules": rules})
    pods = active(objects, "j", 5)
    for index, pod in enumerate(pods):
        if index in done:
            end(objects, pod)
    eventually(lambda: conditions(objects.get("jobs", "j"))["SuccessCriteriaMet"][1] == "SuccessPolicy", **SOON)
    for index, pod in enumerate(pods):
        if index not in done:
            eventually(lambda pod=pod: is_deleting(objects.get("pods", name(pod))), **SOON)
            objects.delete("pods", name(pod), gracePeriodSeconds="0")
    job = ended(objects, "j", "Complete")
    text = f"Matched rules at index {len(rules) - 1}"
    assert why(job) == [("SuccessCriteriaMet", "SuccessPolicy", text), ("Complete", "SuccessPolicy", text)]
    found = job["status"]
    assert (found["completedIndexes"], found["succeeded"], found.get("failed", 0)) == (indexes, len(done), 0)
    assert (found.get("active", 0), found["ready"], found["terminating"]) == (0, 0, 0)


def test_suspending_and_shrinking_are_no_failures(objects: Objects) -> None:
    run(
        objects, "j", pod=template(**{"minik.io/fake-run-seconds": "600"}), parallelism=3, completions=4, backoffLimit=0
    )
    start = reached(objects, "j", active=3, ready=3)["startTime"]
    objects.patch("jobs", "j", {"spec": {"parallelism": 1}})
    assert reached(objects, "j", active=1, terminating=0, failed=0)["startTime"] == start
    objects.patch("jobs", "j", {"spec": {"suspend": True}})
    suspended = reached(objects, "j", active=0, terminating=0, failed=0)
    assert "startTime" not in suspended
    assert pods_of(objects, "j") == []
    objects.patch("jobs", "j", {"spec": {"suspend": False}})
    assert "startTime" in reached(objects, "j", active=1, ready=1, failed=0)
    assert conditions(objects.get("jobs", "j")) == {"Suspended": ("False", "JobResumed", "Job resumed")}


def test_elastic_indexed_job_keeps_the_lowest_indexes(objects: Objects) -> None:
    indexed(objects, "j", parallelism=4, completions=4)
    before = active(objects, "j", 4)
    end(objects, before[3])
    reached(objects, "j", completedIndexes="3", succeeded=1)
    objects.patch("jobs", "j", {"spec": {"parallelism": 2, "completions": 2}})
    assert [name(pod) for pod in active(objects, "j", 2)] == [name(pod) for pod in before[:2]]
    reached(objects, "j", succeeded=0, failed=0)
    objects.patch("jobs", "j", {"spec": {"parallelism": 3, "completions": 3}})
    assert [pod["metadata"]["annotations"][INDEX] for pod in active(objects, "j", 3)] == ["0", "1", "2"]
    for pod in pods_of(objects, "j", "Pending"):
        if not is_deleting(pod):
            end(objects, pod)
    for pod in pods_of(objects, "j", "Pending"):
        objects.delete("pods", name(pod), gracePeriodSeconds="0")
    assert ended(objects, "j", "Complete")["status"]["completedIndexes"] == "0-2"


@pytest.mark.parametrize(("replacement", "failed", "running"), [("Failed", 0, 0), ("TerminatingOrFailed", 1, 1)])
def test_replacement_policy_says_when_a_leaving_pod_is_replaced(
    objects: Objects, replacement: str, failed: int, running: int
) -> None:
    held(objects, "j", completions=1, backoffLimit=3, podReplacementPolicy=replacement)
    (pod,) = active(objects, "j", 1)
    objects.set_status("pods", name(pod), phase="Running", startTime=LONG_AGO)
    objects.patch("pods", name(pod), {"metadata": {"finalizers": ["example.com/kept", FINALIZER]}})
    objects.delete("pods", name(pod), gracePeriodSeconds="30")
    reached(objects, "j", terminating=1, failed=failed, active=0)
    objects.patch("pods", name(pod), {"metadata": {"finalizers": [FINALIZER] if not failed else None}})
    end(objects, pod, 143)
    objects.delete("pods", name(pod), gracePeriodSeconds="0")
    reached(objects, "j", terminating=0, failed=1)


def test_pod_that_was_never_placed_fails_when_it_is_deleted(objects: Objects) -> None:
    pod = template()
    pod["spec"]["nodeSelector"] = {"no": "where"}
    run(objects, "j", pod=pod, podReplacementPolicy="Failed")
    (waiting,) = active(objects, "j", 1)
    objects.delete("pods", name(waiting))
    reached(objects, "j", failed=1, terminating=0)


def test_deadline_ends_the_job(objects: Objects) -> None:
    run(objects, "j", pod=template(**{"minik.io/fake-run-seconds": "600"}), completions=1, activeDeadlineSeconds=1)
    job = ended(objects, "j", "Failed")
    text = ("DeadlineExceeded", "Job was active longer than specified deadline")
    assert why(job) == [("FailureTarget", *text), ("Failed", *text)]
    assert job["status"]["failed"] == 1


def test_finished_job_goes_after_its_time(objects: Objects) -> None:
    run(objects, "j", ttlSecondsAfterFinished=1)
    ended(objects, "j", "Complete")
    eventually(lambda: objects.is_gone("jobs", "j"), **SOON)
    eventually(lambda: pods_of(objects, "j") == [], **SOON)


def test_finished_job_kept_by_a_finalizer_shows_that_it_is_deleted(objects: Objects) -> None:
    spec = {"template": template(), "ttlSecondsAfterFinished": 0}
    objects.create("jobs", "j", {"spec": spec}, finalizers=["example.com/kept"])
    eventually(lambda: is_deleting(objects.get("jobs", "j")), **SOON)
    ended(objects, "j", "Complete")
    objects.patch("jobs", "j", {"metadata": {"finalizers": None}})
    eventually(lambda: objects.is_gone("jobs", "j"), **SOON)


def test_job_of_another_controller_is_left_alone(objects: Objects) -> None:
    run(objects, "theirs", managedBy="example.com/queue", completions=1)
    run(objects, "ours", managedBy="kubernetes.io/job-controller", completions=1)
    ended(objects, "ours", "Complete")
    assert objects.get("jobs", "theirs").get("status", {}) == {}
    assert pods_of(objects, "theirs") == []


def test_pods_deleted_right_after_their_end_are_counted_all_the_same(objects: Objects) -> None:
    held(objects, "j", parallelism=2, completions=2)
    for pod in active(objects, "j", 2):
        end(objects, pod)
        objects.delete("pods", name(pod), gracePeriodSeconds="0")
    assert ended(objects, "j", "Complete")["status"]["succeeded"] == 2
    eventually(lambda: pods_of(objects, "j") == [], **SOON)


def test_quota_keeps_pods_back_and_says_so(objects: Objects) -> None:
    objects.create("resourcequotas", "q", {"spec": {"hard": {"pods": "1"}}})
    eventually(lambda: objects.get("resourcequotas", "q").get("status", {}).get("used") == {"pods": "0"}, **SOON)
    held(objects, "j", parallelism=3, completions=3)
    reached(objects, "j", active=1)

    def told() -> bool:
        return any(
            kind == "Warning" and reason == "FailedCreate" and "exceeded quota: q, requested: pods=1" in message
            for kind, reason, message in objects.events("j")
        )

    eventually(told, **SOON)


def test_what_was_done_is_counted(fake_cluster: ApiServer, objects: Objects) -> None:
    held(objects, "j", completions=2, parallelism=2, podFailurePolicy=policy(on_exit("FailJob", 1)))
    first, second = active(objects, "j", 2)
    end(objects, first)
    end(objects, second, 1)
    ended(objects, "j", "Failed")
    counts = metrics(fake_cluster)
    for wanted in (
        'job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="PodFailurePolicy",result="failed"}',
        'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="failed"}',
        'job_controller_pod_failures_handled_by_failure_policy_total{action="FailJob"}',
        'job_controller_job_pods_creation_total{reason="new",status="succeeded"}',
        'job_controller_job_syncs_total{action="pods_created",completion_mode="NonIndexed",result="success"}',
        'job_controller_terminated_pods_tracking_finalizer_total{event="delete"}',
        "job_controller_job_sync_duration_seconds_bucket",
        "ttl_after_finished_controller_job_deletion_duration_seconds",
        "cronjob_controller_job_creation_skew_duration_seconds",
        "pod_gc_collector_force_delete_pods_total",
        "horizontal_pod_autoscaler_controller_reconciliations_total",
    ):
        assert wanted in counts


def metrics(server: ApiServer) -> str:
    with server.wire() as wire:
        return wire.request("GET", "/metrics").body.decode()
