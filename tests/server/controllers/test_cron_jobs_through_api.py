"""CronJobs in a whole server. No test waits for a minute: schedules name minutes that have just passed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.cluster import eventually
from harness.objects import Obj, Objects, Refused

SOON = {"within": 10.0, "every": 0.02}
FOR_EVER = {"minik.io/fake-run-seconds": "600"}


def create(objects: Objects, name: str, schedule: str = "0 0 1 1 *", *, pod: Obj | None = None, **spec: Any) -> Obj:
    template = {
        "metadata": {"annotations": FOR_EVER if pod is None else pod},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]},
    }
    job = {"metadata": {"labels": {"made": "by-cron"}, "annotations": {"a": "b"}}, "spec": {"template": template}}
    return objects.create("cronjobs", name, {"spec": {"schedule": schedule, "jobTemplate": job, **spec}})


def ago(**some: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**some)


def at(moment: datetime) -> str:
    """The schedule of its minute in every hour."""
    return f"{moment.minute} * * * *"


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def make_due(objects: Objects, name: str, minutes: int = 3) -> datetime:
    """Let a time have passed so many minutes ago for which nothing was started."""
    objects.set_status("cronjobs", name, lastScheduleTime=text(ago(minutes=10)))
    due = ago(minutes=minutes).replace(second=0)
    reschedule(objects, name, at(due))
    return due


def reschedule(objects: Objects, name: str, schedule: str, **spec: Any) -> None:
    """A new schedule alone counts from its next time; any other change has the controller look at once."""
    objects.patch("cronjobs", name, {"spec": {"schedule": schedule}})
    objects.patch("cronjobs", name, {"metadata": {"annotations": {"schedule": schedule}}, "spec": spec})


def active(objects: Objects, name: str) -> list[str]:
    return [job["name"] for job in objects.get("cronjobs", name).get("status", {}).get("active", [])]


def has_active(objects: Objects, name: str, *jobs: str) -> None:
    eventually(lambda: sorted(active(objects, name)) == sorted(jobs), what=f"{jobs} being active", **SOON)


def job_name(name: str, due: datetime) -> str:
    return f"{name}-{int(due.timestamp()) // 60}"


def test_time_that_has_come_starts_a_job(objects: Objects) -> None:
    create(objects, "c")
    due = make_due(objects, "c")
    has_active(objects, "c", job_name("c", due))
    job = objects.get("jobs", job_name("c", due))
    assert job["metadata"]["labels"]["made"] == "by-cron"
    assert job["metadata"]["annotations"] == {
        "a": "b",
        "batch.kubernetes.io/cronjob-scheduled-timestamp": text(due),
    }
    owner = job["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"], owner["blockOwnerDeletion"]) == ("CronJob", True, True)
    assert objects.get("cronjobs", "c")["status"]["lastScheduleTime"] == text(due)
    created = f"Created job {job_name('c', due)}"
    eventually(lambda: objects.has_event("c", "Normal", "SuccessfulCreate", created), **SOON)
    assert "UnexpectedJob" not in [reason for _, reason, _ in objects.events("c")]


def test_new_schedule_does_not_make_up_for_its_past(objects: Objects) -> None:
    create(objects, "c")
    create(objects, "other")
    objects.set_status("cronjobs", "c", lastScheduleTime=text(ago(minutes=10)))
    due = ago(minutes=3).replace(second=0)
    objects.patch("cronjobs", "c", {"spec": {"schedule": at(due)}})
    has_active(objects, "other", job_name("other", make_due(objects, "other")))
    assert active(objects, "c") == []


def test_jobs_may_run_side_by_side(objects: Objects) -> None:
    create(objects, "c", concurrencyPolicy="Allow")
    first = make_due(objects, "c", minutes=5)
    has_active(objects, "c", job_name("c", first))
    second = make_due(objects, "c", minutes=2)
    has_active(objects, "c", job_name("c", first), job_name("c", second))
    objects.delete("cronjobs", "c", policy="Background")
    eventually(lambda: objects.all("jobs") == [], **SOON)
    eventually(lambda: objects.all("pods") == [], **SOON)


def test_forbidden_company_is_told_and_made_up_for_later(objects: Objects) -> None:
    create(objects, "c", concurrencyPolicy="Forbid")
    first = make_due(objects, "c", minutes=5)
    has_active(objects, "c", job_name("c", first))
    second = make_due(objects, "c", minutes=2)
    why = "Not starting job because prior execution is running and concurrency policy is Forbid"
    eventually(lambda: objects.has_event("c", "Normal", "JobAlreadyActive", why), **SOON)
    assert active(objects, "c") == [job_name("c", first)]
    objects.delete("jobs", job_name("c", first), policy="Background")
    has_active(objects, "c", job_name("c", second))
    missing = f"Active job went missing: {job_name('c', first)}"
    eventually(lambda: objects.has_event("c", "Normal", "MissingJob", missing), **SOON)


def test_new_job_replaces_the_one_that_runs(objects: Objects) -> None:
    create(objects, "c", concurrencyPolicy="Replace")
    first = make_due(objects, "c", minutes=5)
    has_active(objects, "c", job_name("c", first))
    second = make_due(objects, "c", minutes=2)
    has_active(objects, "c", job_name("c", second))
    eventually(lambda: objects.is_gone("jobs", job_name("c", first)), **SOON)
    deleted = f"Deleted job {job_name('c', first)}"
    eventually(lambda: objects.has_event("c", "Normal", "SuccessfulDelete", deleted), **SOON)


def test_suspended_cron_job_starts_nothing_until_it_is_resumed(objects: Objects) -> None:
    create(objects, "c", suspend=True)
    create(objects, "other")
    due = make_due(objects, "c")
    has_active(objects, "other", job_name("other", make_due(objects, "other")))
    assert active(objects, "c") == []
    objects.patch("cronjobs", "c", {"spec": {"suspend": False}})
    has_active(objects, "c", job_name("c", due))


def test_time_beyond_the_starting_deadline_is_given_up(objects: Objects) -> None:
    create(objects, "late", startingDeadlineSeconds=20)
    create(objects, "early", startingDeadlineSeconds=600)
    make_due(objects, "late", minutes=5)
    has_active(objects, "early", job_name("early", make_due(objects, "early", minutes=5)))
    assert active(objects, "late") == []


def test_many_missed_times_are_told_and_the_last_is_run(objects: Objects) -> None:
    create(objects, "c", suspend=True, concurrencyPolicy="Forbid")
    objects.set_status("cronjobs", "c", lastScheduleTime=text(ago(days=98)))
    reschedule(objects, "c", "*/1 * * * ?", suspend=False)
    eventually(lambda: len(active(objects, "c")) == 1, **SOON)
    why = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
    eventually(lambda: objects.has_event("c", "Warning", "TooManyMissedTimes", why), **SOON)


def test_times_are_those_of_the_zone(objects: Objects) -> None:
    create(objects, "c", timeZone="Asia/Kolkata", suspend=True)  # half an hour beside others
    due = ago(minutes=3).replace(second=0)
    objects.set_status("cronjobs", "c", lastScheduleTime=text(ago(minutes=10)))
    reschedule(objects, "c", at(due + timedelta(minutes=30)), suspend=False)
    has_active(objects, "c", job_name("c", due))
    annotations = objects.get("jobs", job_name("c", due))["metadata"]["annotations"]
    told = annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert told.endswith("+05:30")
    assert datetime.fromisoformat(told) == due


def test_unknown_zone_is_refused(objects: Objects) -> None:
    with pytest.raises(
        Refused, match=r'spec.timeZone: Invalid value: "bad-time-zone": unknown time zone bad-time-zone'
    ):
        create(objects, "c", timeZone="bad-time-zone")


@pytest.mark.parametrize(("code", "how"), [("0", "Complete"), ("1", "Failed")])
def test_history_keeps_one_job(objects: Objects, code: str, how: str) -> None:
    limits = {"successfulJobsHistoryLimit": int(code == "0"), "failedJobsHistoryLimit": int(code == "1")}
    create(objects, "c", pod={"minik.io/fake-run-seconds": "0", "minik.io/fake-exit-code": code}, **limits)
    objects.patch("cronjobs", "c", {"spec": {"jobTemplate": {"spec": {"backoffLimit": 0}}}})
    names = []
    for minutes in (6, 4):
        due = make_due(objects, "c", minutes=minutes)
        names.append(job_name("c", due))
        done = f"Saw completed job: {names[-1]}, condition: {how}"
        eventually(lambda done=done: objects.has_event("c", "Normal", "SawCompletedJob", done), **SOON)
    eventually(lambda: [job["metadata"]["name"] for job in objects.all("jobs")] == names[1:], **SOON)
    status = objects.get("cronjobs", "c")["status"]
    assert ("lastSuccessfulTime" in status, "active" in status) == (code == "0", False)


def test_job_of_that_name_that_is_somebody_elses_is_left_alone(objects: Objects) -> None:
    due = ago(minutes=3).replace(second=0)
    pods = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}
    objects.create("jobs", job_name("c", due), {"spec": {"suspend": True, "template": pods}})
    create(objects, "c", suspend=True)
    create(objects, "other")
    objects.set_status("cronjobs", "c", lastScheduleTime=text(ago(minutes=10)))
    reschedule(objects, "c", at(due), suspend=False)
    has_active(objects, "other", job_name("other", make_due(objects, "other")))
    assert active(objects, "c") == []
    assert "ownerReferences" not in objects.get("jobs", job_name("c", due))["metadata"]


def test_job_that_was_started_and_not_noted_is_noted(objects: Objects) -> None:
    """As after a crash between the two writes."""
    create(objects, "c")
    due = make_due(objects, "c")
    has_active(objects, "c", job_name("c", due))
    forgotten = {"active": None, "lastScheduleTime": text(ago(minutes=10))}
    objects.set_status("cronjobs", "c", **forgotten)
    has_active(objects, "c", job_name("c", due))
    assert objects.get("cronjobs", "c")["status"]["lastScheduleTime"] == text(due)
    odd = f"Saw a job that the controller did not create or forgot: {job_name('c', due)}"
    eventually(lambda: objects.has_event("c", "Warning", "UnexpectedJob", odd), **SOON)


def test_api_of_cron_jobs(objects: Objects) -> None:
    made = create(
        objects, "test-api", "* */1 * * ?", suspend=True, successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0
    )
    assert objects.get("cronjobs", "test-api")["metadata"]["uid"] == made["metadata"]["uid"]
    objects.patch("cronjobs", "test-api", {"metadata": {"labels": {"special-label": objects.namespace}}})
    query = {"labelSelector": f"special-label={objects.namespace}"}
    assert len(objects.all("cronjobs", **query)) == 1
    assert len(objects.call("GET", "/apis/batch/v1/cronjobs", query=query)["items"]) == 1
    patched = objects.patch("cronjobs", "test-api", {"metadata": {"annotations": {"patched": "true"}}})
    assert patched["metadata"]["annotations"] == {"patched": "true"}

    def annotate(obj: Obj) -> None:
        obj["metadata"]["annotations"]["updated"] = "true"

    assert objects.edit("cronjobs", "test-api", annotate)["metadata"]["annotations"]["updated"] == "true"
    moment = text(ago(seconds=1))
    change = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"lastScheduleTime": moment}}
    patched = objects.patch("cronjobs", "test-api", change, subresource="status")
    assert patched["status"]["lastScheduleTime"] == moment
    assert patched["metadata"]["annotations"]["patchedstatus"] == "true"
    read = objects.call("GET", objects.path("cronjobs", "test-api", "status"))
    assert read["metadata"]["uid"] == made["metadata"]["uid"]
    read["status"]["lastScheduleTime"] = text(ago(seconds=0))
    replaced = objects.replace("cronjobs", read, subresource="status")
    assert replaced["status"]["lastScheduleTime"] == read["status"]["lastScheduleTime"]
    objects.delete("cronjobs", "test-api")
    assert objects.find("cronjobs", "test-api") is None
    create(objects, "for-removal")
    objects.delete("cronjobs")
    assert objects.all("cronjobs") == []
