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


def _indexed(**more: Any) -> dict[str, Any]:
    return job(completionMode="Indexed", completions=5, **more)


@pytest.mark.parametrize(
    ("indexes", "count", "complaints"),
    [
        ("0,2-4", 4, []),
        ("", 1, ["must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)"]),
        ("5", None, ['error parsing succeededIndexes: too large index: "5"']),
        ("1-2-3", None, ['error parsing succeededIndexes: the fragment "1-2-3" violates the requirement that an index '
                         "interval can have at most two parts separated by '-'"]),
        ("-1", None, ['error parsing succeededIndexes: cannot convert string to integer for index: ""']),
        ("3,1", None, ["error parsing succeededIndexes: non-increasing order, previous: 3, current: 1"]),
        ("3-3", None, ["error parsing succeededIndexes: non-increasing order, previous: 3, current: 3"]),
        ("x", 1, ['error parsing succeededIndexes: cannot convert string to integer for index: "x"',
                  "must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)"]),
        (None, 6, ["must be less than or equal to 5 (the number of specified completions)"]),
        (None, None, ["at least one of succeededCount or succeededIndexes must be specified"]),
    ],
)  # fmt: skip
def test_lists_of_indexes(post: Any, indexes: str | None, count: int | None, complaints: list[str]) -> None:
    rule = {"succeededIndexes": indexes, "succeededCount": count}
    policy = {"rules": [{key: value for key, value in rule.items() if value is not None}]}
    errors = post(BATCH, "Job", spec=_indexed(successPolicy=policy)).errors
    assert [error.split(": ", 3 if "Invalid" in error else 2)[-1] for error in errors] == complaints


def test_labels_that_name_another_job_are_refused(post: Any) -> None:
    template = {"metadata": {"labels": {"job-name": "other"}}, **TEMPLATE}
    made = post(BATCH, "Job", metadata={"name": "j", "uid": "1"}, spec=job(template=template))
    labels = (
        '{"batch.kubernetes.io/controller-uid":"1","batch.kubernetes.io/job-name":"j",'
        '"controller-uid":"1","job-name":"other"}'
    )
    assert made.errors == [f"spec.template.metadata.labels[job-name]: Invalid value: {labels}: must be 'j'"]


def test_a_huge_indexed_job_is_warned_of(post: Any) -> None:
    spec = job(completionMode="Indexed", completions=100_001, parallelism=10_001)
    [warning] = post(BATCH, "Job", spec=spec).warnings
    assert warning.startswith("spec: In Indexed Jobs with a number of completions higher than 10^5")
    [warning] = post(BATCH, "CronJob", spec=cron_job(jobTemplate={"spec": spec})).warnings
    assert warning.startswith("spec.jobTemplate.spec: In Indexed Jobs")


def test_completions_of_an_indexed_job_follow_parallelism(post: Any, put: Any) -> None:
    made = post(BATCH, "Job", spec=_indexed(parallelism=5))
    assert put(made, lambda new: new["spec"].update(completions=3, parallelism=3)).errors == []
    assert put(made, lambda new: new["spec"].update(completions=3)).errors == [
        "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"
    ]


def test_what_is_wrong_with_an_updated_job_is_told_twice(post: Any, put: Any) -> None:
    text = "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"
    assert put(post(BATCH, "Job", spec=job()), lambda new: new["spec"].update(parallelism=-1)).errors == [text, text]


def _node_selector(new: dict[str, Any]) -> None:
    new["spec"]["template"]["spec"]["nodeSelector"] = {"a": "b"}


def test_a_suspended_job_may_be_sent_elsewhere(post: Any, put: Any) -> None:
    assert put(post(BATCH, "Job", spec=job(suspend=True)), _node_selector).errors == []
    [error] = put(post(BATCH, "Job", spec=job()), _node_selector).errors
    assert error.startswith("spec.template: Invalid value: ")
    assert error.endswith(": field is immutable")


def _more_memory(new: dict[str, Any]) -> None:
    new["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"memory": "1Gi"}}


def _other_image(new: dict[str, Any]) -> None:
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "y:2"


SUSPENDED = {"type": "Suspended", "status": "True"}


@pytest.mark.parametrize(
    ("status", "edit", "refused"),
    [
        ({}, _more_memory, ""),
        ({}, _other_image, "spec.template.spec"),
        ({"startTime": "2026-01-01T00:00:00Z"}, _more_memory, "spec.template"),
        ({"startTime": "2026-01-01T00:00:00Z", "conditions": [SUSPENDED]}, _node_selector, ""),
        (
            {"startTime": "2026-01-01T00:00:00Z", "conditions": [SUSPENDED], "active": 1},
            _node_selector,
            "spec.template",
        ),
    ],
)
def test_what_a_suspended_job_may_change(post: Any, put: Any, status: dict[str, Any], edit: Any, refused: str) -> None:
    made = post(BATCH, "Job", spec=job(suspend=True))
    made["status"] = status
    errors = put(made, edit).errors
    assert [error.partition(": ")[0] for error in errors] == [refused] * bool(refused)


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
            {"schedule": "TZ=No/Where 0 * * * *"},
            [
                'spec.schedule: Invalid value: "TZ=No/Where 0 * * * *": provided bad location No/Where: unknown time '
                "zone No/Where",
                'spec.schedule: Invalid value: "TZ=No/Where 0 * * * *": cannot use TZ or CRON_TZ in schedule, use '
                "timeZone field instead",
            ],
        ),
        ({"timeZone": "Etc/../UTC"}, ['spec.timeZone: Invalid value: "Etc/../UTC": unknown time zone Etc/../UTC']),
        (
            {"timeZone": "Local"},
            [
                'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in '
                "https://www.iana.org/time-zones"
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


def test_a_zone_in_a_stored_schedule_stays_legal(post: Any, put: Any, resource: Any) -> None:
    made = post(BATCH, "CronJob", spec=cron_job(schedule="TZ=UTC 0 * * * *", timeZone="No/Where"))
    made["spec"].pop("timeZone")
    assert put(made, lambda new: new["spec"].update(suspend=True)).errors == []
    assert put(made, lambda new: new["spec"].update(timeZone="UTC")).errors == [
        'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use both timeZone field and TZ or CRON_TZ in schedule'
    ]
    [warning] = resource("CronJob", BATCH).strategy.warn(made, made)
    assert warning.startswith("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead")
