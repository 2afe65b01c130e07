from typing import Any

import pytest

BATCH = "batch/v1"
TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x:1"}]}}


def job(**more: Any) -> dict[str, Any]:
    return {"template": TEMPLATE, **more}


def cron_job(**more: Any) -> dict[str, Any]:
    return {"schedule": "*/5 * * * *", "jobTemplate": {"spec": job()}, **more}


def test_a_job_gets_a_selector_of_its_own(post: Any) -> None:
    made = post(BATCH, "Job", metadata={"name": "j", "uid": "1"}, spec=job())
    assert made.errors == []
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "1"}}
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels == made["metadata"]["labels"]
    assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "j"


def test_a_manual_selector_is_left_alone(post: Any) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, **TEMPLATE}
    made = post(BATCH, "Job", spec=job(manualSelector=True, selector={"matchLabels": {"a": "b"}}, template=template))
    assert made.errors == []
    assert made["spec"]["template"]["metadata"]["labels"] == {"a": "b"}


def test_completions_default_only_where_parallelism_is_not_given(post: Any) -> None:
    assert "completions" not in post(BATCH, "Job", spec=job(parallelism=3))["spec"]
    assert post(BATCH, "Job", spec=job())["spec"]["completions"] == 1


def test_failures_per_index_do_not_end_the_job(post: Any) -> None:
    made = post(BATCH, "Job", spec=job(completionMode="Indexed", completions=2, backoffLimitPerIndex=1))
    assert made.errors == []
    assert made["spec"]["backoffLimit"] == 2**31 - 1


@pytest.mark.parametrize(
    ("more", "complaints"),
    [
        ({"parallelism": -1}, ["spec.parallelism: Invalid value: -1: must be greater than or equal to 0"]),
        ({"completionMode": "Indexed"}, []),
        (
            {"completionMode": "Indexed", "parallelism": 1, "completions": None},
            ["spec.completions: Required value: when completion mode is Indexed"],
        ),
        (
            {"podFailurePolicy": {"rules": [{"action": "FailJob"}]}},
            [
                "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions "
                "is required"
            ],
        ),
        (
            {"successPolicy": {"rules": [{}]}},
            [
                'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":null}]}: '
                "requires indexed completion mode"
            ],
        ),
        (
            {
                "completionMode": "Indexed",
                "completions": 5,
                "successPolicy": {"rules": [{"succeededIndexes": "1,3-4", "succeededCount": 4}]},
            },
            [
                "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 "
                "(the number of indexes in the specified succeededIndexes field)"
            ],
        ),
        (
            {"managedBy": "x"},
            ['spec.managedBy: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")'],
        ),
    ],
)
def test_what_is_said_of_jobs(post: Any, more: dict[str, Any], complaints: list[str]) -> None:
    assert post(BATCH, "Job", spec=job(**more)).errors == complaints


def test_the_pods_of_a_job_must_end(post: Any) -> None:
    endless = {"spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    made = post(BATCH, "Job", spec={"template": endless})
    assert made.errors == ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']


def _node_selector(new: dict[str, Any]) -> None:
    new["spec"]["template"]["spec"]["nodeSelector"] = {"a": "b"}


def test_a_suspended_job_may_be_sent_elsewhere(post: Any, put: Any) -> None:
    assert put(post(BATCH, "Job", spec=job(suspend=True)), _node_selector).errors == []
    [error] = put(post(BATCH, "Job", spec=job()), _node_selector).errors
    assert error.startswith("spec.template: Invalid value: ")
    assert error.endswith(": field is immutable")


@pytest.mark.parametrize(
    ("more", "complaints"),
    [
        ({}, []),
        ({"schedule": "@hourly", "timeZone": "Europe/Madrid"}, []),
        ({"schedule": "* *"}, ['spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]']),
        ({"timeZone": "No/Where"}, ['spec.timeZone: Invalid value: "No/Where": unknown time zone No/Where']),
        (
            {"schedule": "TZ=UTC 0 * * * *"},
            [
                'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use '
                "timeZone field instead"
            ],
        ),
        (
            {"concurrencyPolicy": "Odd"},
            ['spec.concurrencyPolicy: Unsupported value: "Odd": supported values: "Allow", "Forbid", "Replace"'],
        ),
    ],
)
def test_what_is_said_of_cron_jobs(post: Any, more: dict[str, Any], complaints: list[str]) -> None:
    assert post(BATCH, "CronJob", spec=cron_job(**more)).errors == complaints


def test_names_that_no_pod_can_have_are_refused_or_warned_of(post: Any) -> None:
    long = post(BATCH, "CronJob", metadata={"name": "c" * 53}, spec=cron_job())
    assert long.errors == [f'metadata.name: Invalid value: "{"c" * 53}": must be no more than 52 characters']
    dotted = post(BATCH, "Job", metadata={"name": "a.b"}, spec=job())
    assert dotted.warnings[0].startswith("metadata.name: this is used in Pod names and hostnames")
