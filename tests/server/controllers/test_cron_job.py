from datetime import UTC, datetime

import pytest
from fake_client import until

from minik.api.cron import parse
from minik.client.resources import CRON_JOBS, JOBS
from minik.server.controllers.cron_job import CronJobController
from minik.server.controllers.cron_job_plan import build_job, observe, outdated, plan, strangers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def cron_job(schedule: str = "*/5 * * * *", **spec) -> dict:
    return {
        "metadata": {"name": "c", "namespace": "ns", "uid": "c", "creationTimestamp": "2026-01-02T03:00:30Z"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": {}}}, **spec},
        "status": {},
    }


def job(name: str, how: str = "") -> dict:
    conditions = [{"type": how, "status": "True"}] if how else []
    status = {"conditions": conditions, "startTime": name, "completionTime": "2026-01-02T03:00:00Z"}
    return {"metadata": {"name": name, "namespace": "ns", "uid": name, "resourceVersion": "1"}, "status": status}


def due(obj: dict, *active: dict, now: datetime = NOW):
    return plan(obj, parse(obj["spec"]["schedule"]), UTC, active, now)


def test_nothing_is_due_before_its_time():
    result = due(cron_job())
    assert (result.start, result.again) == (None, datetime(2026, 1, 2, 3, 5, tzinfo=UTC))


def test_last_missed_time_is_made_up_for_once():
    late = datetime(2026, 1, 2, 3, 27, tzinfo=UTC)
    assert due(cron_job(), now=late).start == datetime(2026, 1, 2, 3, 25, tzinfo=UTC)
    done = cron_job()
    done["status"] = {"lastScheduleTime": "2026-01-02T03:25:00Z"}
    assert due(done, now=late).start is None


def test_time_beyond_the_starting_deadline_is_given_up():
    late = datetime(2026, 1, 2, 3, 6, tzinfo=UTC)
    assert due(cron_job(startingDeadlineSeconds=30), now=late).start is None
    assert due(cron_job(startingDeadlineSeconds=90), now=late).start is not None


def test_many_missed_times_are_told():
    much_later = datetime(2026, 1, 3, tzinfo=UTC)
    result = due(cron_job(), now=much_later)
    assert [event[1] for event in result.events] == ["TooManyMissedTimes"]
    assert result.start == much_later


def test_intervals_count_from_the_first():
    late = datetime(2026, 1, 2, 3, 28, tzinfo=UTC)
    assert due(cron_job("@every 7m"), now=late).start == datetime(2026, 1, 2, 3, 21, 30, tzinfo=UTC)


@pytest.mark.parametrize("asked", [3, 12])
def test_interval_goes_on_from_its_last_time_whenever_it_is_asked(asked):
    obj = cron_job("@every 10m")  # due at 03:10:30
    now = datetime(2026, 1, 2, 3, asked, tzinfo=UTC)
    assert due(obj, now=now).again == datetime(2026, 1, 2, 3, 10 if asked < 10 else 20, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "starts", "replaces"), [("Allow", True, 0), ("Forbid", False, 0), ("Replace", True, 1)]
)
def test_concurrency_policy(policy, starts, replaces):
    result = due(cron_job(concurrencyPolicy=policy), job("running"), now=datetime(2026, 1, 2, 3, 5, 1, tzinfo=UTC))
    assert (result.start is not None, len(result.replace)) == (starts, replaces)


def test_job_is_named_after_its_time():
    built = build_job(cron_job(), datetime(2026, 1, 2, 3, 5, tzinfo=UTC), UTC)
    assert built["metadata"]["name"] == "c-29455385"
    assert built["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-01-02T03:05:00Z"
    }


def test_status_follows_the_jobs():
    obj = cron_job()
    obj["status"] = {"active": [{"name": "a", "uid": "a"}, {"name": "gone", "uid": "gone"}]}
    status, events = observe(obj, [job("a", "Complete"), job("b")])
    assert "active" not in status
    assert status["lastSuccessfulTime"] == "2026-01-02T03:00:00Z"
    assert [event[1] for event in events] == ["SawCompletedJob", "MissingJob"]
    assert [stranger["metadata"]["name"] for stranger in strangers(obj["status"], [job("a"), job("b")])] == ["b"]


def test_history_keeps_the_newest():
    jobs = [job(f"ok-{n}", "Complete") for n in range(5)] + [job(f"bad-{n}", "Failed") for n in range(2)]
    assert [j["metadata"]["name"] for j in outdated(cron_job(), jobs)] == ["ok-0", "ok-1", "bad-0"]


async def test_jobs_start_by_the_clock(cluster):
    cluster.client.add(CRON_JOBS, cron_job())
    controller = cluster.start(CronJobController)
    await until(lambda: controller.reconciled)
    assert not cluster.client.all(JOBS)
    cluster.clock.advance(56)
    await until(lambda: cluster.client.all(JOBS))
    await until(lambda: cluster.client.find(CRON_JOBS, "c", "ns")["status"].get("active"))
    assert cluster.client.find(CRON_JOBS, "c", "ns")["status"]["lastScheduleTime"] == "2026-01-02T03:05:00Z"
    await until(lambda: "SuccessfulCreate" in cluster.reasons())


async def test_unreadable_schedule_is_told(cluster):
    cluster.client.add(CRON_JOBS, cron_job("often"))
    cluster.start(CronJobController)
    await until(lambda: "UnparseableSchedule" in cluster.reasons())
