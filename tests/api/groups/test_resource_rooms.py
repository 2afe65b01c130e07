"""What is wrong with claims, slices and device classes, and how it is said."""

from typing import Any

import pytest

RESOURCE = "resource.k8s.io/v1"
LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start"


def claim(**devices: Any) -> dict[str, Any]:
    return {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}], **devices}}


@pytest.mark.parametrize(
    ("devices", "complaint"),
    [
        ({"requests": [{"name": "", "exactly": {"deviceClassName": "c"}}]}, f'[0].name: Invalid value: "": {LABEL}'),
        ({"requests": [{"name": "r"}]}, "exactly one of `exactly` or `firstAvailable` is required"),
        ({"constraints": [{}]}, "constraints[0]: Required value: exactly one of"),
        (
            {"constraints": [{"matchAttribute": "a.b/c", "requests": ["x"]}]},
            "must be the name of a request in",
        ),
        ({"config": [{"opaque": {"driver": "d", "parameters": None}}]}, "config[0].opaque.parameters: Required value"),
        ({"config": [{"opaque": {"driver": "d" * 64, "parameters": {}}}]}, "driver: Too long: may not be more than 63"),
    ],
)
def test_wrong_claims_are_refused(post: Any, devices: dict[str, Any], complaint: str) -> None:
    errors = post(RESOURCE, "ResourceClaim", spec=claim(**devices)).errors
    assert any(complaint in error for error in errors), errors


@pytest.mark.parametrize(
    ("toleration", "complaint"),
    [
        ({"key": "k", "operator": "Exists", "value": "v"}, "must be empty for operator `Exists`"),
        ({"key": "k", "operator": "In"}, 'supported values: "Equal", "Exists"'),
        ({"key": "k", "effect": "Odd"}, 'supported values: "NoExecute", "NoSchedule", "None"'),
    ],
)
def test_wrong_tolerations_of_devices_are_refused(post: Any, toleration: dict[str, Any], complaint: str) -> None:
    exactly = {"deviceClassName": "c", "tolerations": [toleration]}
    [error] = post(RESOURCE, "ResourceClaim", spec=claim(requests=[{"name": "r", "exactly": exactly}])).errors
    assert error.endswith(complaint)


@pytest.mark.parametrize(
    ("status", "complaint"),
    [
        (
            {"reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]},
            "may not be specified when `allocated`",
        ),
        ({"reservedFor": [{}], "allocation": {}}, "status.reservedFor[0].resource: Required value"),
        ({"devices": [{"driver": "d", "pool": "p", "device": "x"}]}, "d/p/x: must be an allocated device in"),
        (
            {"allocation": {"devices": {"results": [{"request": "z", "driver": "d", "pool": "p", "device": "x"}]}}},
            "status.allocation.devices.results[0].request: Invalid value",
        ),
    ],
)
def test_wrong_statuses_of_claims_are_refused(post: Any, put: Any, status: dict[str, Any], complaint: str) -> None:
    made = post(RESOURCE, "ResourceClaim", spec=claim())
    errors = put(made, lambda new: new.update(status=status), "status").errors
    assert any(complaint in error for error in errors), errors


def test_what_a_driver_said_of_a_device_goes_with_the_device(post: Any, put: Any) -> None:
    made = post(RESOURCE, "ResourceClaim", spec=claim())
    device = {"driver": "d", "pool": "p", "device": "x"}
    allocation = {"devices": {"results": [{"request": "r", **device}]}}
    given = put(made, lambda new: new.update(status={"allocation": allocation, "devices": [device]}), "status")
    assert given.errors == []
    freed = put(given, lambda new: new["status"].pop("allocation"), "status")
    assert freed.errors == []
    assert "devices" not in freed["status"]


def pool_slice(**fields: Any) -> dict[str, Any]:
    return {"driver": "d", "pool": {"name": "p", "resourceSliceCount": 1}, "nodeName": "n", **fields}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"nodeName": ""}, 'spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string'),
        (
            {"nodeName": None, "allNodes": False},
            "spec.allNodes: Invalid value: false: must be either unset",
        ),
        ({"devices": [{"name": "a"}, {"name": "a"}]}, 'spec.devices[1]: Duplicate value: "a"'),
        ({"devices": [{"name": "a", "nodeName": "n"}]}, "can only be set if `perDeviceNodeSelection`"),
        (
            {"nodeName": None, "perDeviceNodeSelection": True, "devices": [{"name": "a"}]},
            "or `allNodes` is required when",
        ),
        ({"devices": [{"name": "a", "attributes": {"v": {"version": "1"}}}]}, "compatible with semver.org spec 2.0.0"),
        ({"devices": [{"name": "a", "attributes": {"s": {"string": "x" * 65}}}]}, "may not be more than 64 bytes"),
        ({"devices": [{"name": "a", "consumesCounters": [{"counterSet": "c"}]}]}, "counters: Required value"),
        ({"devices": [{"name": "a", "taints": [{"key": "k", "effect": ""}]}]}, "taints[0].effect: Required value"),
        ({"devices": [{"name": "a", "bindingConditions": ["x"]}]}, "bindingFailureConditions are required to use"),
        (
            {"devices": [{"name": "a", "capacity": {"m": {"value": "1", "requestPolicy": {"default": "1"}}}}]},
            "allowMultipleAllocations must be true",
        ),
        (
            {"devices": [{"name": "a"}], "sharedCounters": [{"name": "c", "counters": {"m": {"value": "1"}}}]},
            "only one of `sharedCounters` or `devices` is allowed",
        ),
    ],
)
def test_wrong_slices_are_refused(post: Any, fields: dict[str, Any], complaint: str) -> None:
    spec = {key: value for key, value in pool_slice(**fields).items() if value is not None}
    errors = post(RESOURCE, "ResourceSlice", spec=spec).errors
    assert any(complaint in error for error in errors), errors


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"default": "1", "validValues": ["2", "1"]}, "values must be sorted in ascending order"),
        ({"default": "3", "validValues": ["1", "2"]}, "default value is not valid according to the requestPolicy"),
        ({"default": "1", "validRange": {}}, "validRange.min: Required value: required when validRange is defined"),
        (
            {"default": "4", "validRange": {"min": "1", "step": "2"}},
            "not a multiple of a given step (2) from (1)",
        ),
        ({"default": "11", "validRange": {"min": "1", "max": "11"}}, "max is larger than capacity value: 10"),
    ],
)
def test_wrong_policies_of_capacities_are_refused(post: Any, policy: dict[str, Any], complaint: str) -> None:
    capacity = {"m": {"value": "10", "requestPolicy": policy}}
    device = {"name": "a", "allowMultipleAllocations": True, "capacity": capacity}
    [error] = post(RESOURCE, "ResourceSlice", spec=pool_slice(devices=[device])).errors
    assert complaint in error


def test_a_slice_stays_with_its_driver_pool_and_node(post: Any, put: Any) -> None:
    made, other = post(RESOURCE, "ResourceSlice", spec=pool_slice()), {"name": "q", "resourceSliceCount": 1}
    moved = put(made, lambda new: new.update(spec=pool_slice(driver="e", nodeName="m", pool=other)))
    assert [error.partition(":")[0] for error in moved.errors] == ["spec.pool.name", "spec.driver", "spec.nodeName"]


def test_attributes_with_several_values_are_off(post: Any) -> None:
    device = {"name": "a", "attributes": {"x": {"ints": [1], "string": "s"}}}
    made = post(RESOURCE, "ResourceSlice", spec=pool_slice(devices=[device]))
    assert made.errors == []
    assert made["spec"]["devices"][0]["attributes"] == {"x": {"string": "s"}}


def test_a_class_stands_for_an_extended_resource(post: Any) -> None:
    assert post(RESOURCE, "DeviceClass", spec={"extendedResourceName": "example.com/gpu"}).errors == []
    [error] = post(RESOURCE, "DeviceClass", spec={"extendedResourceName": "gpu"}).errors
    assert error.endswith("must be a valid extended resource name")


def test_taints_know_since_when(post: Any) -> None:
    device = {"name": "a", "taints": [{"key": "k", "effect": "NoSchedule"}]}
    made = post(RESOURCE, "ResourceSlice", spec=pool_slice(devices=[device]))
    assert made.errors == []
    assert made["spec"]["devices"][0]["taints"][0]["timeAdded"].endswith("Z")
