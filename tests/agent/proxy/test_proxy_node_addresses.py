"""Load balancers at addresses that NAT takes off packets before they arrive."""

import pytest

from minik.agent.proxy.backends import service_ports
from minik.agent.proxy.node_addresses import serve_behind_nat

NODE = {
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "InternalIP", "address": "fd00::1"},
            {"type": "ExternalIP", "address": "203.0.113.1"},
        ]
    }
}


@pytest.mark.parametrize(
    ("ingress", "node", "expected"),
    [
        ("203.0.113.1", NODE, ("203.0.113.1", "10.0.0.1")),
        ("203.0.113.2", NODE, ("203.0.113.2",)),
        ("203.0.113.1", None, ("203.0.113.1",)),
        ("203.0.113.1", {"status": {"addresses": NODE["status"]["addresses"][:1]}}, ("203.0.113.1",)),
    ],
)
def test_a_node_answers_at_its_internal_address_for_its_external_one(ingress, node, expected):
    service = {
        "metadata": {"name": "s", "namespace": "ns"},
        "spec": {"type": "LoadBalancer", "clusterIPs": ["10.43.0.9"], "ports": [{"port": 80, "protocol": "TCP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": ingress, "ipMode": "VIP"}]}},
    }
    (port,) = serve_behind_nat(service_ports([service], [], family="ip", node_name="n"), node, "ip")
    assert port.load_balancer_ips == expected
