"""What may be reported of a Job: the rules of its status subresource."""

from typing import Any

import pytest

BATCH = "batch/v1"
TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x:1"}]}}
START, LATER, BEFORE = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2025-12-31T00:00:00Z"
DONE = {"startTime": START, "completionTime": LATER}
INDEXED = {"completionMode": "Indexed", "completions": 5, "parallelism": 2}
PER_INDEX = {**INDEXED, "backoffLimitPerIndex": 1}


def met(*kinds: str, value: str = "True") -> list[dict[str, str]]:
    return [{"type": kind, "status": value} for kind in kinds]


COMPLETE, FAILED = met("SuccessCriteriaMet", "Complete"), met("FailureTarget", "Failed")


def _report(post: Any, put: Any, spec: dict[str, Any], before: dict[str, Any], status: dict[str, Any]) -> list[str]:
    made = post(BATCH, "Job", spec={"template": TEMPLATE, **spec})
    made["status"] = before
    found: list[str] = put(made, lambda new: new.update(status=status), "status").errors
    return found


CONDITIONS = "status.conditions: Invalid value: "


@pytest.mark.parametrize(
    ("spec", "status", "complaints"),
    [
        ({}, {"active": 2, "ready": 1, "startTime": START}, []),
        ({}, {**DONE, "conditions": COMPLETE, "succeeded": 1}, []),
        ({}, {"startTime": START, "conditions": FAILED}, []),
        ({}, {"active": -1}, ["status.active: Invalid value: -1: must be greater than or equal to 0"]),
        (
            {},
            {"uncountedTerminatedPods": {"succeeded": ["a", "a"], "failed": ["", "a"]}},
            [
                'status.uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"',
                'status.uncountedTerminatedPods.failed[0]: Invalid value: "": must not be empty',
                'status.uncountedTerminatedPods.failed[1]: Duplicate value: "a"',
            ],
        ),
        (
            {},
            {**DONE, "conditions": COMPLETE + FAILED},
            [
                CONDITIONS + "cannot set Complete=True and Failed=true conditions",
                CONDITIONS + "cannot set Complete=True and FailureTarget=true conditions",
                CONDITIONS + "cannot set SuccessCriteriaMet=True and Failed=true conditions",
                CONDITIONS + "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
            ],
        ),
        (
            {},
            {"startTime": START, "completionTime": LATER},
            [
                f'status.completionTime: Invalid value: "{LATER}": cannot set completionTime when there is no '
                "Complete=True condition"
            ],
        ),
        (
            {},
            {"startTime": START, "conditions": COMPLETE},
            ["status.completionTime: Required value: completionTime is required for Complete jobs"],
        ),
        (
            {},
            {"startTime": START, "completionTime": BEFORE, "conditions": COMPLETE},
            [f'status.completionTime: Invalid value: "{BEFORE}": must be equal to or after `startTime`'],
        ),
        (
            {},
            {"conditions": met("Failed")},
            [
                CONDITIONS + "cannot set Failed=True condition without the FailureTarget=true condition",
                "status.startTime: Required value: startTime is required for finished job",
            ],
        ),
        (
            {},
            {**DONE, "conditions": met("Complete")},
            [CONDITIONS + "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"],
        ),
        (
            {},
            {
                "startTime": START,
                "conditions": FAILED,
                "active": 1,
                "terminating": 2,
                "uncountedTerminatedPods": {"failed": ["a"]},
            },
            [
                "status.active: Invalid value: 1: active>0 is invalid for finished job",
                'status.uncountedTerminatedPods: Invalid value: {"failed":["a"]}: must be empty for finished job',
                "status.terminating: Invalid value: 2: terminating>0 is invalid for finished job",
            ],
        ),
        ({"suspend": True, "completions": 0}, {"completionTime": LATER, "conditions": COMPLETE}, []),
        (
            {},
            {"ready": 2, "active": 1},
            ["status.ready: Invalid value: 2: cannot set more ready pods than active"],
        ),
        (
            {},
            {"completedIndexes": "0", "failedIndexes": "1"},
            [
                'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed '
                "completion mode",
                'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when '
                "backoffLimitPerIndex is null",
            ],
        ),
        (
            INDEXED,
            {"completedIndexes": "0-7"},
            ['status.completedIndexes: Invalid value: "0-7": error parsing completedIndexes: too large index: "7"'],
        ),
        (PER_INDEX, {"completedIndexes": "0-1,4", "failedIndexes": "2-3"}, []),
        (
            PER_INDEX,
            {"completedIndexes": "0-2", "failedIndexes": "1,3"},
            [
                'status.failedIndexes: Invalid value: "1,3": failedIndexes and completedIndexes overlap at index: 1',
            ],
        ),
        (
            {**INDEXED, "successPolicy": {"rules": [{"succeededCount": 1}]}},
            {**DONE, "conditions": met("Complete")},
            [
                CONDITIONS + "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
                CONDITIONS + "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
            ],
        ),
    ],
)
def test_what_may_be_reported(
    post: Any, put: Any, spec: dict[str, Any], status: dict[str, Any], complaints: list[str]
) -> None:
    assert _report(post, put, spec, {}, status) == complaints


@pytest.mark.parametrize(
    ("spec", "before", "status", "complaints"),
    [
        (
            {},
            {**DONE, "conditions": COMPLETE},
            {**DONE, "conditions": met("SuccessCriteriaMet")},
            [
                f'status.completionTime: Invalid value: "{LATER}": cannot set completionTime when there is no '
                "Complete=True condition",
                CONDITIONS + "cannot disable the terminal Complete=True condition",
            ],
        ),
        (
            {},
            {"failed": 2, "succeeded": 2},
            {"failed": 1, "succeeded": 1},
            [
                "status.failed: Invalid value: 1: cannot decrease the failed counter",
                "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter",
            ],
        ),
        ({**INDEXED, "parallelism": 5}, {"succeeded": 2}, {"succeeded": 1}, []),
        (
            {},
            {**DONE, "conditions": COMPLETE},
            {"startTime": START, "completionTime": START, "conditions": COMPLETE},
            [f'status.completionTime: Invalid value: "{START}": field is immutable'],
        ),
        (
            {},
            {"startTime": START},
            {},
            ["status.startTime: Invalid value: null: field is immutable for unsuspended job once set"],
        ),
        ({"suspend": True}, {"startTime": START}, {}, []),
        (
            {},
            {"startTime": START, "conditions": met("Suspended")},
            {"startTime": LATER, "conditions": met("Suspended", value="False")},
            [],
        ),
        (
            {},
            {"conditions": met("SuccessCriteriaMet")},
            {},
            [CONDITIONS + "cannot disable the SuccessCriteriaMet=True condition"],
        ),
        (
            {},
            {**DONE, "conditions": met("Complete")},
            {**DONE, "conditions": COMPLETE},
            [CONDITIONS + "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"],
        ),
        ({}, {"ready": 3}, {"ready": 3, "failed": 1}, []),
    ],
)
def test_what_has_been_reported_stays(
    post: Any, put: Any, spec: dict[str, Any], before: dict[str, Any], status: dict[str, Any], complaints: list[str]
) -> None:
    assert _report(post, put, spec, before, status) == complaints
