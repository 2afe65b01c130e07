"""Rules of autoscalers, slices, ingresses and budgets that are easily got wrong."""

from datetime import UTC, datetime
from typing import Any

import pytest

NETWORKING, AUTOSCALING, POLICY, DISCOVERY = (
    "networking.k8s.io/v1",
    "autoscaling/v2",
    "policy/v1",
    "discovery.k8s.io/v1",
)
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
NOTHING = {"type": "AverageValue", "averageValue": "0"}
RAW = {"type": "AverageValue", "averageValue": "1"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def autoscaler(**more: Any) -> dict[str, Any]:
    return {"scaleTargetRef": DEPLOYMENT, "maxReplicas": 3, **more}


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ({"kind": "ReplicationController", "name": "r", "apiVersion": "v1"}, ""),
        ({"kind": "ReplicationController", "name": "r"}, ""),
        ({"kind": "Deployment", "name": "d", "apiVersion": "v1"}, "apiVersion must specify API group"),
        ({"kind": "Deployment", "name": "d", "apiVersion": "a/b/c"}, "unexpected GroupVersion string: a/b/c"),
    ],
)
def test_what_an_autoscaler_scales_has_a_group(post: Any, target: dict[str, str], complaint: str) -> None:
    errors = post(AUTOSCALING, "HorizontalPodAutoscaler", spec=autoscaler(scaleTargetRef=target)).errors
    shown = f'spec.scaleTargetRef.apiVersion: Invalid value: "{target.get("apiVersion")}": {complaint}'
    assert errors == [shown] * bool(complaint)


@pytest.mark.parametrize(
    ("metric", "complaints"),
    [
        (
            {"type": "Object", "object": {"describedObject": {"kind": "K", "name": "n", "apiVersion": "a/b/c"},
                                          "metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}},
            ['object.describedObject.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
        ),
        (
            {"type": "ContainerResource", "containerResource": {"name": "odd", "container": "A", "target": RAW}},
            [
                'containerResource.name: Invalid value: "odd": must be a standard resource type or fully qualified',
                'containerResource.name: Invalid value: "odd": must be a standard resource for containers',
                "containerResource.container: Invalid value: ",
            ],
        ),
        (
            {"type": "ContainerResource", "containerResource": {"target": RAW}},
            [
                "containerResource.name: Required value: must specify a resource name",
                "containerResource.container: Required value: must specify a container",
            ],
        ),
        (
            {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": NOTHING}},
            ['pods.target.averageValue: Invalid value: "0": must be positive'],
        ),
    ],
)  # fmt: skip
def test_wrong_metrics(post: Any, metric: dict[str, Any], complaints: list[str]) -> None:
    errors = post(AUTOSCALING, "HorizontalPodAutoscaler", spec=autoscaler(metrics=[metric])).errors
    assert len(errors) == len(complaints)
    for error, complaint in zip(errors, complaints, strict=True):
        assert error.startswith(f"spec.metrics[0].{complaint}")


def test_an_autoscaler_with_an_old_fault_may_still_be_updated(post: Any, put: Any) -> None:
    target = {"kind": "Deployment", "name": "d"}
    made = post(AUTOSCALING, "HorizontalPodAutoscaler", spec=autoscaler(scaleTargetRef=target))
    assert len(made.errors) == 1
    assert put(made, lambda new: new["spec"].update(maxReplicas=9)).errors == []


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("a.example.", ""),
        ("", "Required value"),
        ("example", 'Invalid value: "example": should be a domain with at least two segments separated by dots'),
        (f"{'a' * 64}.b", f'Invalid value: "{"a" * 64}": must be no more than 63 characters'),
    ],
)
def test_names_in_a_slice(post: Any, address: str, complaint: str) -> None:
    made = post(DISCOVERY, "EndpointSlice", addressType="FQDN", endpoints=[{"addresses": [address]}])
    assert made.errors == [f"endpoints[0].addresses[0]: {complaint}"] * bool(complaint)
    assert made.warnings == ["spec.addressType: FQDN endpoints are deprecated"]


@pytest.mark.parametrize(("manager", "warned"), [("me", 1), ("endpointslice-controller.k8s.io", 0)])
def test_addresses_written_by_hand_are_looked_at(post: Any, resource: Any, manager: str, warned: int) -> None:
    labels = {"endpointslice.kubernetes.io/managed-by": manager}
    endpoints = [{"addresses": ["fd00:0::1"]}]
    made = post(DISCOVERY, "EndpointSlice", metadata={"labels": labels}, addressType="IPv6", endpoints=endpoints)
    assert len(made.warnings) == warned
    changes = resource("EndpointSlice", DISCOVERY).strategy.generation_changes
    assert changes({**made, "metadata": {}}, made)
    assert not changes(made, made)


def test_the_default_class_is_marked(post: Any, resource: Any) -> None:
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"}
    made = post(NETWORKING, "IngressClass", metadata={"annotations": annotations}, spec={"controller": "a.b/c"})
    assert resource("IngressClass", NETWORKING).cells(made, NOW)[0] == "x (default)"


def test_odd_addresses_of_an_ingress_are_warned_of(post: Any, resource: Any) -> None:
    made = post(NETWORKING, "Ingress", spec={"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}})
    made["status"] = {"loadBalancer": {"ingress": [{"hostname": "a.b"}, {"ip": "fd00:0::1"}]}}
    door = resource("Ingress", NETWORKING).subresource("status")
    [warning] = door.strategy.warn(made, made)
    assert warning.startswith('status.loadBalancer.ingress[1]: IPv6 address "fd00:0::1" should be in RFC 5952')


def test_parameters_need_a_kind_and_a_name(post: Any) -> None:
    errors = post(NETWORKING, "IngressClass", spec={"controller": "a.b/c", "parameters": {}}).errors
    assert errors == [
        "spec.parameters.kind: Required value",
        "spec.parameters.name: Required value",
    ]


def test_budgets_may_have_names_no_pod_could_have(resource: Any) -> None:
    assert resource("PodDisruptionBudget", POLICY).strategy.name_errors("A_b", False) == []


def test_the_status_of_a_service_range_is_written_by_its_endpoint_only(post: Any, put: Any) -> None:
    condition = {"type": "Ready", "status": "True", "reason": "r", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    made = post(NETWORKING, "ServiceCIDR", spec={"cidrs": ["10.9.0.0/16"]}, status={"conditions": [condition]})
    assert made["status"] == {}
    assert put(made, lambda new: new.update(status={"conditions": [condition]}))["status"] == {}
    again = put(made, lambda new: new["metadata"].update(labels={"a": "b"}), "status")
    assert "labels" not in again["metadata"]
