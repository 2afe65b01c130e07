"""What Pods and their claims have to do with each other: one row a rule."""

from typing import Any

import pytest

from minik.server.scheduler.dynamic_resources import claims as rules

Obj = dict[str, Any]
POD: Obj = {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": {}}
ME = {"resource": "pods", "name": "p", "uid": "u"}
OTHER = {"resource": "pods", "name": "o", "uid": "v"}


def claim(status: Obj | None = None, **metadata: Any) -> Obj:
    return {"metadata": {"name": "c", "namespace": "ns", "uid": "cu", **metadata}, "spec": {}, "status": status or {}}


@pytest.mark.parametrize(
    ("entries", "statuses", "expected"),
    [
        ([{"name": "a", "resourceClaimName": "c"}], [], [("a", "c", False)]),
        ([{"name": "a", "resourceClaimTemplateName": "t"}], [], [("a", "", True)]),
        (
            [{"name": "a", "resourceClaimTemplateName": "t"}],
            [{"name": "a", "resourceClaimName": "p-a-x"}],
            [("a", "p-a-x", True)],
        ),
        ([{"name": "a", "resourceClaimTemplateName": "t"}], [{"name": "a"}], []),  # it turned out to need none
    ],
)
def test_claims_a_pod_refers_to(entries: list[Obj], statuses: list[Obj], expected: list[tuple[str, str, bool]]) -> None:
    pod = {**POD, "spec": {"resourceClaims": entries}, "status": {"resourceClaimStatuses": statuses}}
    assert [(each.reference, each.name, each.from_template) for each in rules.wanted_claims(pod)] == expected


@pytest.mark.parametrize(
    ("found", "from_template", "expected"),
    [
        (claim(), False, ""),
        (claim(deletionTimestamp="x"), False, 'resourceclaim "c" is being deleted'),
        (claim(), True, "ResourceClaim ns/c was not created for pod p (pod is not owner)"),
        (claim(ownerReferences=[{"uid": "u", "controller": True}]), True, ""),
        (claim({"reservedFor": [OTHER] * 256}), False, "resourceclaim in use"),
        (claim({"reservedFor": [*([OTHER] * 255), ME]}), False, ""),
    ],
)
def test_claims_that_keep_a_pod_from_every_node(found: Obj, from_template: bool, expected: str) -> None:
    assert rules.problem(POD, rules.Wanted("a", "c", from_template), found) == expected


def test_an_allocation_is_written_once_and_reservations_add_up() -> None:
    given = {"devices": {"results": []}}
    first = rules.reserved(claim(), POD, given, "now")
    assert first is not None
    assert first["status"] == {"allocation": {**given, "allocationTimestamp": "now"}, "reservedFor": [ME]}
    assert rules.reserved(first, POD, None, "later") is None
    shared = rules.reserved(claim({"allocation": given, "reservedFor": [OTHER]}), POD, {"other": 1}, "now")
    assert shared is not None
    assert shared["status"] == {"allocation": given, "reservedFor": [OTHER, ME]}
    left = rules.released(shared, POD)
    assert left is not None
    assert left["status"]["reservedFor"] == [OTHER]
    assert rules.released(left, POD) is None


def test_only_claims_that_nobody_else_holds_are_freed() -> None:
    allocated = claim({"allocation": {}, "devices": [], "reservedFor": [ME]})
    assert rules.is_idle(allocated, POD)
    assert not rules.is_idle(claim({"reservedFor": [ME, OTHER]}), POD)
    assert rules.deallocated(allocated)["status"] == {}


RESULT = {"driver": "d", "pool": "p", "device": "a", "request": "r"}


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ([], (False, "")),
        ([{"type": "Ready", "status": "True"}], (True, "")),
        ([{"type": "Ready", "status": "False"}], (False, "")),
        (
            [{"type": "Ready", "status": "True"}, {"type": "Broken", "status": "True"}],
            (False, "binding failed: Broken"),
        ),
    ],
)
def test_devices_may_have_to_get_ready_before_binding(reported: list[Obj], expected: tuple[bool, str]) -> None:
    wanting = {**RESULT, "bindingConditions": ["Ready"], "bindingFailureConditions": ["Broken"]}
    devices = [{"driver": "d", "pool": "p", "device": "a", "conditions": reported}]
    ready, failure = rules.binding_state(claim({"allocation": {"devices": {"results": [wanting]}}, "devices": devices}))
    assert (ready, failure.removeprefix("claim c ")) == expected
    assert rules.binding_state(claim({"allocation": {"devices": {"results": [RESULT]}}})) == (True, "")
