"""The cluster's names, after the Kubernetes DNS specification 1.1.0."""

from typing import Any

import pytest

from minik.agent.dns.records import Answer, Record, Zone
from minik.api.types import Obj


def service(name: str, cluster_ip: str, **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": ports, **spec},
    }


SERVICES = [
    service("web", "10.43.0.5"),
    service("db", "None"),
    service("none", "None"),
    service("far", "", type="ExternalName", externalName="Far.Example."),
]
SLICE = {
    "metadata": {"name": "db-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}},
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    "endpoints": [
        {"addresses": ["10.42.0.2"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.42.0.3"], "conditions": {}},
        {"addresses": ["10.42.0.4"], "hostname": "db-2", "conditions": {"ready": False}},
    ],
}
ZONE = Zone(
    "cluster.local",
    service=lambda name, namespace: next(
        (s for s in SERVICES if s["metadata"]["name"] == name and namespace == "shop"), None
    ),
    slices=lambda name, namespace: [SLICE] if (name, namespace) == ("db", "shop") else [],
    has_namespace=lambda name: name == "shop",
    service_by_ip=lambda ip: SERVICES[0] if ip == "10.43.0.5" else None,
    slices_by_ip=lambda ip: [SLICE] if ip in ("10.42.0.2", "10.42.0.3") else [],
)
SVC = "shop.svc.cluster.local"


def data(name: str, kind: str) -> list[str] | str:
    """The answer's data, or NXDOMAIN / OUTSIDE."""
    answer = ZONE.resolve(name, kind)
    if answer is None:
        return "OUTSIDE"
    return [record.data for record in answer.records] if answer.exists else "NXDOMAIN"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        (f"web.{SVC}", "A", ["10.43.0.5"]),
        (f"web.{SVC}", "AAAA", []),
        (f"web.{SVC}", "MX", []),
        (f"x.web.{SVC}", "A", "NXDOMAIN"),
        (f"nobody.{SVC}", "A", "NXDOMAIN"),
        (f"_http._tcp.web.{SVC}", "SRV", [f"0 100 80 web.{SVC}"]),
        (f"_http._udp.web.{SVC}", "SRV", "NXDOMAIN"),
        (f"_http.web.{SVC}", "SRV", "NXDOMAIN"),
        (f"_http._tcp.web.{SVC}", "A", []),
        (f"db.{SVC}", "A", ["10.42.0.2", "10.42.0.3"]),
        (f"db-0.db.{SVC}", "A", ["10.42.0.2"]),
        (f"10-42-0-3.db.{SVC}", "A", ["10.42.0.3"]),
        (f"db-2.db.{SVC}", "A", "NXDOMAIN"),
        (f"none.{SVC}", "A", "NXDOMAIN"),
        (f"_http._tcp.db.{SVC}", "SRV", [f"0 100 8080 10-42-0-3.db.{SVC}", f"0 100 8080 db-0.db.{SVC}"]),
        (f"far.{SVC}", "A", ["far.example"]),
        ("10-42-0-9.shop.pod.cluster.local", "A", ["10.42.0.9"]),
        ("10-42-0-9.nowhere.pod.cluster.local", "A", "NXDOMAIN"),
        ("not-an-address.shop.pod.cluster.local", "A", "NXDOMAIN"),
        (SVC, "A", []),
        ("nowhere.svc.cluster.local", "A", "NXDOMAIN"),
        ("svc.cluster.local", "A", []),
        ("cluster.local", "A", []),
        ("other.cluster.local", "A", "NXDOMAIN"),
        ("dns-version.cluster.local", "TXT", ["1.1.0"]),
        ("5.0.43.10.in-addr.arpa", "PTR", [f"web.{SVC}"]),
        ("2.0.42.10.in-addr.arpa", "PTR", [f"db-0.db.{SVC}"]),
        ("3.0.42.10.in-addr.arpa", "PTR", [f"10-42-0-3.db.{SVC}"]),
        ("9.9.9.9.in-addr.arpa", "PTR", "OUTSIDE"),
        ("42.10.in-addr.arpa", "PTR", "OUTSIDE"),
        ("example.com", "A", "OUTSIDE"),
        ("notcluster.local", "A", "OUTSIDE"),
    ],
)
def test_names_resolve_as_specified(name: str, kind: str, expected: list[str] | str) -> None:
    assert data(name, kind) == expected


def test_an_external_name_is_an_alias_to_follow() -> None:
    expected = Answer([Record(f"far.{SVC}", "CNAME", "far.example")], external="far.example")
    assert ZONE.resolve(f"far.{SVC}", "A") == expected
