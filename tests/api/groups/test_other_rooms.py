import copy
from datetime import UTC, datetime
from typing import Any

import pytest

NETWORKING, RBAC, AUTOSCALING = "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "autoscaling/v2"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fields(errors: list[str]) -> list[str]:
    return [error.partition(": ")[0] for error in errors]


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [({}, ["Ingress"]), ({"egress": [{}]}, ["Ingress", "Egress"]), ({"policyTypes": ["Egress"]}, ["Egress"])],
)
def test_a_network_policy_is_about_what_it_has_rules_for(post: Any, spec: dict[str, Any], kinds: list[str]) -> None:
    assert post(NETWORKING, "NetworkPolicy", spec={"podSelector": {}, **spec})["spec"]["policyTypes"] == kinds


@pytest.mark.parametrize(
    ("peer", "complaint"),
    [
        ({}, "Required value: must specify a peer"),
        ({"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}, "may not specify both ipBlock and another peer"),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}, "must be a strict subset of `cidr`"),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.1/16"]}}, "bits set beyond the prefix length"),
    ],
)
def test_wrong_peers_are_refused(post: Any, peer: dict[str, Any], complaint: str) -> None:
    [error] = post(NETWORKING, "NetworkPolicy", spec={"podSelector": {}, "ingress": [{"from": [peer]}]}).errors
    assert error.endswith(complaint)


def test_exceptions_from_an_unclean_block_are_looked_at_all_the_same(post: Any) -> None:
    block = {"cidr": "10.1.1.1/8", "except": ["11.0.0.0/16"]}
    spec = {"podSelector": {}, "egress": [{"to": [{"ipBlock": block}]}]}
    path = "spec.egress[0].to[0].ipBlock"
    assert post(NETWORKING, "NetworkPolicy", spec=spec).errors == [
        f'{path}.cidr: Invalid value: "10.1.1.1/8": must not have bits set beyond the prefix length',
        f'{path}.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
    ]


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ({"path": "/"}, "pathType must be specified"),
        ({"path": "x", "pathType": "Prefix"}, "must be an absolute path"),
        ({"path": "/a//b", "pathType": "Exact"}, "must not contain '//'"),
        ({"path": "/", "pathType": "Odd"}, 'supported values: "Exact", "ImplementationSpecific", "Prefix"'),
    ],
)
def test_wrong_ingress_paths_are_refused(post: Any, path: dict[str, Any], complaint: str) -> None:
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    rule = {"http": {"paths": [{"backend": backend, **path}]}}
    [error] = post(NETWORKING, "Ingress", spec={"rules": [rule]}).errors
    assert error.endswith(complaint)


def test_a_backend_that_is_an_object_is_named(post: Any) -> None:
    assert post(NETWORKING, "Ingress", spec={"defaultBackend": {"resource": {}}}).errors == [
        "spec.defaultBackend.resource.kind: Required value",
        "spec.defaultBackend.resource.name: Required value",
    ]


def test_hosts_of_an_ingress_are_shortened(post: Any, resource: Any) -> None:
    made = post(NETWORKING, "Ingress", spec={"rules": [{"host": f"{name}.test"} for name in "abcd"]})
    assert resource("Ingress", NETWORKING).cells(made, NOW)[2] == "a.test,b.test,c.test + 1 more..."


def test_subjects_know_their_group(post: Any) -> None:
    subjects = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}]
    made = post(RBAC, "RoleBinding", roleRef={"kind": "Role", "name": "r"}, subjects=subjects)
    assert made.errors == []
    assert made["subjects"][0]["apiGroup"] == made["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    assert "apiGroup" not in made["subjects"][1]


def test_a_binding_keeps_its_role(post: Any, put: Any) -> None:
    made = post(RBAC, "ClusterRoleBinding", roleRef={"kind": "ClusterRole", "name": "r"})
    [error] = put(made, lambda new: new["roleRef"].update(name="other")).errors
    assert error.endswith("cannot change roleRef")


def test_system_names_are_fine_for_roles(resource: Any) -> None:
    assert resource("ClusterRole", RBAC).strategy.name_errors("system:x", False) == []
    assert resource("ClusterRole", RBAC).strategy.name_errors("a/b", False) == ["may not contain '/'"]


@pytest.mark.parametrize("kind", ["minAvailable", "maxUnavailable"])
def test_a_budget_takes_numbers_and_percentages(post: Any, kind: str) -> None:
    assert post("policy/v1", "PodDisruptionBudget", spec={kind: "30%"}).errors == []
    [error] = post("policy/v1", "PodDisruptionBudget", spec={kind: "130%"}).errors
    assert error.endswith("must not be greater than 100%")


TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}


def test_an_autoscaler_follows_cpu_by_default(post: Any, resource: Any) -> None:
    made = post(AUTOSCALING, "HorizontalPodAutoscaler", spec={"scaleTargetRef": TARGET, "maxReplicas": 3})
    assert made.errors == []
    cells = resource("HorizontalPodAutoscaler", AUTOSCALING).cells(made, NOW)
    assert cells[1:6] == ["Deployment/d", "cpu: <unknown>/80%", "1", 3, 0]


def test_v1_autoscalers_carry_what_only_v2_knows_in_annotations(resource: Any) -> None:
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    metrics = [{"type": "Resource", "resource": memory}, {"type": "Resource", "resource": cpu}]
    behavior = {"scaleUp": {"selectPolicy": "Max"}}
    stored = {
        "apiVersion": AUTOSCALING,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, "metrics": metrics, "behavior": behavior},
        "status": {"desiredReplicas": 2, "currentMetrics": None},
    }
    v1 = resource("HorizontalPodAutoscaler", "autoscaling/v1")
    served = v1.from_storage({**stored, "metadata": {"name": "h"}, "spec": dict(stored["spec"])})
    assert served["spec"]["targetCPUUtilizationPercentage"] == 50
    assert set(served["metadata"]["annotations"]) == {
        "autoscaling.alpha.kubernetes.io/metrics",
        "autoscaling.alpha.kubernetes.io/behavior",
    }
    assert v1.to_storage(served) == stored


def test_events_are_one_object_with_two_faces(resource: Any) -> None:
    room = resource("Event", "events.k8s.io/v1")
    stored = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p"},
        "reason": "R",
        "message": "m",
        "source": {"component": "kubelet"},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    served = room.from_storage(dict(stored))
    assert (served["note"], served["regarding"]["name"]) == ("m", "p")
    assert served["deprecatedSource"] == {"component": "kubelet"}
    assert room.to_storage(served) == stored


def test_requests_for_devices_moved_between_versions(post: Any, resource: Any) -> None:
    request = {"name": "r", "deviceClassName": "gpu"}
    made = post("resource.k8s.io/v1beta1", "ResourceClaim", spec={"devices": {"requests": [request]}})
    assert made.errors == []
    assert made["spec"]["devices"]["requests"][0]["count"] == 1
    old = resource("ResourceClaim", "resource.k8s.io/v1beta1")
    stored = old.to_storage(dict(made))
    assert stored["spec"]["devices"]["requests"][0]["exactly"]["deviceClassName"] == "gpu"


def test_one_request_for_a_device_must_say_what(post: Any) -> None:
    made = post("resource.k8s.io/v1", "ResourceClaim", spec={"devices": {"requests": [{"name": "r"}]}})
    text = "Required value: exactly one of `exactly` or `firstAvailable` is required"
    assert made.errors == [f"spec.devices.requests[0]: {text}"]


WEBHOOK = {
    "name": "w.example.com",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"url": "https://x"},
}


def test_a_webhook_fails_closed_by_default(post: Any) -> None:
    made = post("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[WEBHOOK])
    assert made.errors == []
    [hook] = made["webhooks"]
    assert (hook["failurePolicy"], hook["matchPolicy"], hook["timeoutSeconds"]) == ("Fail", "Equivalent", 10)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": "short"}, "webhooks[0].name"),
        ({"timeoutSeconds": 99}, "webhooks[0].timeoutSeconds"),
        ({"clientConfig": {}}, "webhooks[0].clientConfig"),
        ({"clientConfig": {"url": "http://x"}}, "webhooks[0].clientConfig.url"),
        ({"sideEffects": "Some"}, "webhooks[0].sideEffects"),
        ({"admissionReviewVersions": ["v0"]}, "webhooks[0].admissionReviewVersions"),
    ],
)
def test_wrong_webhooks_are_refused(post: Any, change: dict[str, Any], where: str) -> None:
    hooks = [{**WEBHOOK, **change}]
    made = post("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", webhooks=hooks)
    assert fields(made.errors) == [where]


def _decided(kind: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "reason": "R"}]}


def test_only_approval_decides_about_a_certificate(post: Any, put: Any) -> None:
    made = post("certificates.k8s.io/v1", "CertificateSigningRequest", spec={"request": "", "signerName": "a.b/c"})
    assert put(made, lambda new: new.update(status=_decided("Approved")))["status"] == {}
    through_status = put(made, lambda new: new.update(status=_decided("Approved")), "status")
    assert through_status.errors == ['status.conditions: Forbidden: updates may not add a condition of type "Approved"']
    approved = put(made, lambda new: new.update(status=_decided("Approved")), "approval")
    assert approved.errors == []
    assert approved["status"]["conditions"][0]["lastTransitionTime"]


@pytest.mark.parametrize(
    ("kind", "spec", "where"),
    [
        ("FlowSchema", {"priorityLevelConfiguration": {"name": ""}}, ["spec.priorityLevelConfiguration.name"]),
        ("PriorityLevelConfiguration", {"type": "Exempt"}, ["spec.type"]),
        ("PriorityLevelConfiguration", {"type": "Limited"}, ["spec.limited"]),
    ],
)
def test_wrong_flow_control_is_refused(post: Any, kind: str, spec: dict[str, Any], where: list[str]) -> None:
    assert fields(post("flowcontrol.apiserver.k8s.io/v1", kind, spec=spec).errors) == where


def test_a_csi_driver_counts_changes_only(post: Any, put: Any) -> None:
    made = post("storage.k8s.io/v1", "CSIDriver", spec={})
    assert made.errors == []
    assert "generation" not in made["metadata"]
    assert put(made, lambda new: new["spec"].update(podInfoOnMount=True))["metadata"]["generation"] == 1
    [error] = put(made, lambda new: new["spec"].update(attachRequired=False)).errors
    assert error == "spec.attachedRequired: Invalid value: false: field is immutable"


def test_priorities_belong_to_the_system_from_a_billion_on(post: Any) -> None:
    assert fields(post("scheduling.k8s.io/v1", "PriorityClass", value=1_000_000_001).errors) == ["value"]
    own = post("scheduling.k8s.io/v1", "PriorityClass", metadata={"name": "system-mine"}, value=1)
    assert own.errors[0].endswith("error: system-mine is not a known system priority class")


def test_every_port_of_a_slice_has_a_name_and_a_protocol(post: Any) -> None:
    made = post("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[], ports=[{"port": 80}])
    assert made.errors == []
    assert made["ports"] == [{"name": "", "protocol": "TCP", "port": 80}]
    wrong = post("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[{"addresses": ["::1"]}])
    assert fields(wrong.errors) == ["endpoints[0].addresses[0]"] * 2


def test_unusual_cidrs_of_a_policy_are_warned_of(post: Any) -> None:
    block = {"cidr": "2001:DB8::/64", "except": ["2001:DB8::/96"]}
    made = post(NETWORKING, "NetworkPolicy", spec={"podSelector": {}, "ingress": [{"from": [{"ipBlock": block}]}]})
    assert [warning.partition(": ")[0] for warning in made.warnings] == [
        "spec.ingress[0].from[0].ipBlock.cidr",
        "spec.ingress[0].from[0].ipBlock.except[0]",
    ]


def test_service_cidrs_are_canonical(post: Any) -> None:
    [error] = post(NETWORKING, "ServiceCIDR", spec={"cidrs": ["2001:DB8::/64"]}).errors
    assert error.endswith('must be in canonical form ("2001:db8::/64")')


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("foo", 'ParseAddr("foo"): unable to parse IP'),
        ("10.0.0", 'ParseAddr("10.0.0"): IPv4 address too short'),
        ("10.0.0.256", 'ParseAddr("10.0.0.256"): IPv4 field has value >255'),
        ("10.0.0.x", 'ParseAddr("10.0.0.x"): unexpected character (at "x")'),
        ("2001:DB8::1", "not a valid IP address in canonical format"),
    ],
)
def test_addresses_are_named_canonically(resource: Any, name: str, complaint: str) -> None:
    assert resource("IPAddress", NETWORKING).strategy.name_errors(name, False) == [complaint]


def test_what_is_off_is_forgotten(post: Any) -> None:
    lease = post("coordination.k8s.io/v1", "Lease", spec={"holderIdentity": "h", "strategy": "OldestEmulationVersion"})
    assert lease["spec"] == {"holderIdentity": "h"}
    endpoint = {"addresses": ["10.0.0.1"], "deprecatedTopology": {"a": "b"}}
    made = post("discovery.k8s.io/v1", "EndpointSlice", addressType="IPv4", endpoints=[endpoint])
    assert "deprecatedTopology" not in made["endpoints"][0]


@pytest.mark.parametrize(
    ("cidrs", "complaints"),
    [
        (["10.0.0.0/16", "fd00::/112"], []),
        (["10.1.0.0/16"], ["spec.cidrs[0]"]),
        (["10.1.0.0/16", "fd00::/112"], ["spec.cidrs[0]"]),
        ([], ["spec.cidrs"]),
    ],
)
def test_service_cidrs_gain_a_second_family_only(post: Any, put: Any, cidrs: list[str], complaints: list[str]) -> None:
    made = post(NETWORKING, "ServiceCIDR", spec={"cidrs": ["10.0.0.0/16"]})
    assert fields(put(made, lambda new: new["spec"].update(cidrs=cidrs)).errors) == complaints


def test_behavior_travels_in_go_names(resource: Any) -> None:
    v1 = resource("HorizontalPodAutoscaler", "autoscaling/v1")
    policy = {"type": "Pods", "value": 4, "periodSeconds": 15}
    external = {"metric": {"name": "e"}, "current": {"averageValue": "3"}}
    stored = {
        "apiVersion": AUTOSCALING,
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "behavior": {"scaleUp": {"policies": [policy]}}},
        "status": {
            "currentMetrics": [{"type": "External", "external": external}],
        },
    }
    shown = v1.from_storage(copy.deepcopy(stored))
    annotations = shown["metadata"]["annotations"]
    policies = '[{"Type":"Pods","Value":4,"PeriodSeconds":15}]'
    rules = f'{{"StabilizationWindowSeconds":null,"SelectPolicy":null,"Policies":{policies},"Tolerance":null}}'
    assert annotations["autoscaling.alpha.kubernetes.io/behavior"] == f'{{"ScaleUp":{rules},"ScaleDown":null}}'
    current = '{"metricName":"e","currentValue":"0","currentAverageValue":"3"}'
    assert (
        annotations["autoscaling.alpha.kubernetes.io/current-metrics"]
        == f'[{{"type":"External","external":{current}}}]'
    )
    assert v1.to_storage(shown)["spec"]["behavior"] == stored["spec"]["behavior"]


def test_annotations_that_mean_nothing_are_lost(post: Any) -> None:
    reference = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    annotations = {"a": "b", "autoscaling.alpha.kubernetes.io/behavior": "nope"}
    spec = {"maxReplicas": 3, "scaleTargetRef": reference}
    made = post("autoscaling/v1", "HorizontalPodAutoscaler", metadata={"annotations": annotations}, spec=spec)
    assert made.errors == []
    assert made["metadata"]["annotations"] == {"a": "b"}
