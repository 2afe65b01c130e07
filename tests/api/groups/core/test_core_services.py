from typing import Any

import pytest

from minik.api.groups.core.service_fields import normalize_cluster_ips, patch_allocated_values
from minik.api.groups.core.service_ip_validation import validate_cluster_ips_related_fields
from minik.api.groups.core.service_warnings import service_warnings


def spec(**fields: Any) -> dict[str, Any]:
    return {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}], **fields}


def test_a_service_gets_its_defaults(create: Any) -> None:
    service = create("Service", spec=spec(), status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}})
    assert service.errors == []
    assert service["status"] == {"loadBalancer": {}}
    assert service["spec"] == {
        **spec(ports=[{"port": 80, "protocol": "TCP", "targetPort": 80}]),
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }


def test_an_external_name_stands_alone(create: Any) -> None:
    assert create("Service", spec={"type": "ExternalName", "externalName": "db.example.com."}).errors == []
    assert create("Service", spec=spec(type="ExternalName", externalName="a.b")).errors == [
        "spec.clusterIPs: Forbidden: may not be set for ExternalName services"
    ]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        (
            {"type": "Odd"},
            'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
            '"NodePort"',
        ),
        (
            {"ports": [{"port": 80, "targetPort": "80"}]},
            'spec.ports[0].targetPort: Invalid value: "80": must contain at least one letter (a-z)',
        ),
        (
            {"loadBalancerClass": "a/b"},
            "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            "spec.ports[1]: Duplicate value: "
            '{"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
        ),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 90000}}},
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and "
            "less than 86400",
        ),
        (
            {"externalIPs": ["127.0.0.1"]},
            'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        ),
    ],
)
def test_a_wrong_service_is_explained(create: Any, fields: Any, complaint: str) -> None:
    assert create("Service", spec=spec(**fields)).errors == [complaint]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"clusterIPs": ["10.0.0.2"]},
            'spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`',
        ),
        (
            {"ipFamilies": ["IPv6"]},
            'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
        ),
        ({"ipFamilies": ["IPv4", "IPv4"]}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
        (
            {"ipFamilyPolicy": "Odd"},
            'spec.ipFamilyPolicy: Unsupported value: "Odd": supported values: "PreferDualStack", '
            '"RequireDualStack", "SingleStack"',
        ),
    ],
)
def test_addresses_and_families_agree(fields: Any, complaint: str) -> None:
    service = {"spec": {"type": "ClusterIP", **spec(**fields)}}
    assert [str(error) for error in validate_cluster_ips_related_fields(service)] == [complaint]


def test_an_address_stays_once_set(create: Any, change: Any) -> None:
    service = create("Service", spec=spec())
    other = {"clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.2"]}
    assert change("Service", service, lambda new: new["spec"].update(other)) == [
        'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'
    ]


def test_a_change_of_type_drops_what_only_the_old_type_needed(create: Any, change: Any) -> None:
    service = create("Service", spec=spec(type="NodePort", ports=[{"port": 80, "nodePort": 30000}]))
    assert change("Service", service, lambda new: new["spec"].update(type="ClusterIP")) == []
    assert "nodePort" not in service["spec"]["ports"][0]
    assert "externalTrafficPolicy" not in service["spec"]
    external = {"type": "ExternalName", "externalName": "a.b"}
    assert change("Service", service, lambda new: new["spec"].update(external)) == []
    assert "clusterIP" not in service["spec"]


def test_what_was_allocated_is_kept_when_it_is_left_out() -> None:
    old = {"spec": spec(type="NodePort", ports=[{"port": 80, "name": "a", "nodePort": 30000}])}
    new = {"spec": {"type": "NodePort", "ports": [{"port": 81, "name": "a"}]}}
    patch_allocated_values(new, old)
    assert new["spec"]["clusterIPs"] == ["10.0.0.1"]
    assert new["spec"]["ports"][0]["nodePort"] == 30000


def test_old_clients_need_not_know_cluster_ips() -> None:
    new: dict[str, Any] = {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1"}}
    normalize_cluster_ips(new, None)
    assert new["spec"]["clusterIPs"] == ["10.0.0.1"]


def test_external_ips_are_deprecated() -> None:
    service = {"metadata": {}, "spec": spec(type="ClusterIP", externalIPs=["192.0.2.1"])}
    assert service_warnings(service) == [
        "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    ]
