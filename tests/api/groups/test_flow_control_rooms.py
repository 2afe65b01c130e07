"""What is wrong with FlowSchemas and PriorityLevelConfigurations, and how it is said."""

from typing import Any

import pytest

FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"


def schema(**rule: Any) -> dict[str, Any]:
    subjects = [{"kind": "User", "user": {"name": "u"}}]
    return {"priorityLevelConfiguration": {"name": "p"}, "rules": [{"subjects": subjects, **rule}]}


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("x", "must start with slash"),
        ("/a b", "must not contain white-space"),
        ("/a//b", "must not contain double slash"),
        ("/a*", "wildcard can only do suffix matching"),
        ("/*/*", "wildcard can only do suffix matching"),
    ],
)
def test_wrong_paths_are_refused(post: Any, url: str, complaint: str) -> None:
    rule = {"verbs": ["get"], "nonResourceURLs": [url]}
    [error] = post(FLOW_CONTROL, "FlowSchema", spec=schema(nonResourceRules=[rule])).errors
    assert error.endswith(complaint)


def test_wrong_namespaces_are_introduced(post: Any) -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["A"]}
    [error] = post(FLOW_CONTROL, "FlowSchema", spec=schema(resourceRules=[rule])).errors
    assert "each member of this list must be '*' or a DNS-1123 label; a lowercase RFC 1123 label" in error


def test_subjects_are_of_one_kind(post: Any) -> None:
    subject = {"kind": "User", "user": {"name": "u"}, "group": {"name": "g"}, "serviceAccount": {"name": "s"}}
    rule = {"verbs": ["get"], "nonResourceURLs": ["*"]}
    made = post(FLOW_CONTROL, "FlowSchema", spec=schema(subjects=[subject], nonResourceRules=[rule]))
    assert [error.partition(":")[0].rpartition(".")[2] for error in made.errors] == ["serviceAccount", "group"]


def test_hands_are_not_too_large(post: Any) -> None:
    queuing = {"queues": 1024, "handSize": 7, "queueLengthLimit": 1}
    limited = {"limitResponse": {"type": "Queue", "queuing": queuing}}
    [error] = post(FLOW_CONTROL, "PriorityLevelConfiguration", spec={"type": "Limited", "limited": limited}).errors
    assert error.endswith("required entropy bits of deckSize 1024 and handSize 7 should not be greater than 60")


def test_what_every_cluster_needs_stays_as_it_is(post: Any) -> None:
    named = {"metadata": {"name": "catch-all"}}
    limited = {"nominalConcurrencyShares": 9, "limitResponse": {"type": "Reject"}}
    [error] = post(
        FLOW_CONTROL, "PriorityLevelConfiguration", spec={"type": "Limited", "limited": limited}, **named
    ).errors
    assert error.endswith("spec of 'catch-all' must equal the fixed value")
    limited["nominalConcurrencyShares"] = 5
    spec = {"type": "Limited", "limited": limited}
    assert post(FLOW_CONTROL, "PriorityLevelConfiguration", spec=spec, **named).errors == []
    exempt = {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 7}}
    named = {"metadata": {"name": "exempt"}}
    assert post(FLOW_CONTROL, "PriorityLevelConfiguration", spec=exempt, **named).errors == []


def test_conditions_are_named_once(post: Any, put: Any) -> None:
    made = post(FLOW_CONTROL, "FlowSchema", spec=schema(nonResourceRules=[{"verbs": ["*"], "nonResourceURLs": ["*"]}]))
    conditions = [{"type": "A"}, {"type": "A"}, {"type": ""}]
    errors = put(made, lambda new: new.update(status={"conditions": conditions}), "status").errors
    assert errors == [
        'status.conditions[1].type: Duplicate value: "A"',
        "status.conditions[2].type: Required value: must not be empty",
    ]
