"""The Service rules: what is built, what difference is applied, and what the kernel then does with connections."""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from minik.agent.proxy.backends import Backend, service_ports
from minik.agent.proxy.proxy import host_ports
from minik.agent.proxy.rules import Network, build
from minik.agent.proxy.ruleset import Chain, Ruleset, Set, difference, replace
from minik.api.types import Obj

NETWORK = Network("ip", "10.42.0.0/16", "10.43.0.0/16", answered_here=("10.43.0.10",))


def service(name: str = "web", ip: str = "10.43.0.5", **spec: Any) -> Obj:
    ports = spec.pop("ports", [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}])
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec},
    }


def endpoint(address: str, node: str = "here", **conditions: bool) -> Obj:
    return {"addresses": [address], "nodeName": node, "conditions": {"ready": True, **conditions}}


def endpoint_slice(*endpoints: Obj, name: str = "web", port: int = 8080, protocol: str = "TCP") -> Obj:
    return {
        "metadata": {"name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": protocol}],
        "endpoints": list(endpoints),
    }


def backends(*endpoints: Obj, **spec: Any) -> tuple[list[str], list[str]]:
    port = service_ports([service(**spec)], [endpoint_slice(*endpoints)], family="ip", node_name="here")[0]
    return [b.address for b in port.backends], [b.address for b in port.local_backends]


def test_ready_endpoints_answer_and_those_of_this_node_are_known() -> None:
    everywhere, local = backends(
        endpoint("10.42.0.2"), endpoint("10.42.1.3", "there"), endpoint("10.42.0.9", ready=False)
    )
    assert everywhere == ["10.42.0.2", "10.42.1.3"]
    assert local == ["10.42.0.2"]


def test_terminating_endpoints_answer_only_when_no_other_is_left() -> None:
    going = endpoint("10.42.0.4", ready=False, serving=True, terminating=True)
    assert backends(going) == (["10.42.0.4"], ["10.42.0.4"])
    assert backends(going, endpoint("10.42.1.2", "there")) == (["10.42.1.2"], ["10.42.0.4"])


def test_headless_and_external_name_services_and_those_of_others_have_no_rules() -> None:
    services = [service(clusterIP="None", clusterIPs=["None"]), service(type="ExternalName", externalName="a.example")]
    for label in ("headless", "service-proxy-name"):
        labelled = service()
        labelled["metadata"]["labels"] = {f"service.kubernetes.io/{label}": ""}
        services.append(labelled)
    assert service_ports(services, [], family="ip", node_name="here") == []


def test_zone_hints_keep_traffic_in_the_zone() -> None:
    near = endpoint("10.42.0.2") | {"hints": {"forZones": [{"name": "a"}]}}
    far = endpoint("10.42.1.2", "there") | {"hints": {"forZones": [{"name": "b"}]}}
    port = service_ports([service()], [endpoint_slice(near, far)], family="ip", node_name="here", zone="b")[0]
    assert port.backends == (Backend("10.42.1.2", 8080, local=False),)


def test_host_ports_of_running_pods_are_published() -> None:
    pod = {
        "spec": {"containers": [{"ports": [{"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}]}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.42.0.7"}]},
    }
    published = host_ports([pod], "ip")
    assert [(p.protocol, p.host_port, p.address, p.port) for p in published] == [("udp", 8080, "10.42.0.7", 80)]
    assert host_ports([pod | {"status": {"phase": "Failed", "podIPs": [{"ip": "10.42.0.7"}]}}], "ip") == []


def test_the_difference_of_equal_rulesets_is_nothing() -> None:
    ports = service_ports([service()], [endpoint_slice(endpoint("10.42.0.2"))], family="ip", node_name="here")
    assert difference(build(ports, [], NETWORK), build(ports, [], NETWORK)) == []


def test_a_changed_endpoint_touches_only_its_own_chain() -> None:
    def table(address: str) -> Ruleset:
        slices = [endpoint_slice(endpoint(address)), endpoint_slice(endpoint("10.42.0.8"), name="other")]
        services = [service(), service("other", "10.43.0.6")]
        return build(service_ports(services, slices, family="ip", node_name="here"), [], NETWORK)

    commands = difference(table("10.42.0.2"), table("10.42.0.3"))
    assert all("other" not in command for command in commands)
    assert any(command.startswith("flush chain ip minik service-") for command in commands)
    assert "delete element ip minik hairpin { 10.42.0.2 . 10.42.0.2 }" in commands


def test_a_set_whose_declaration_changed_is_made_anew_with_its_table() -> None:
    old = Ruleset("ip", "t", {"c": Chain(())}, {"s": Set("type ipv4_addr; timeout 1s;", dynamic=True)})
    new = Ruleset("ip", "t", {"c": Chain(())}, {"s": Set("type ipv4_addr; timeout 2s;", dynamic=True)})
    assert difference(old, new) == replace(new)


in_kernel = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")

TRIAL = """
import collections, json, socket, subprocess, sys, threading
from minik.agent.proxy.nft import Nft
from minik.agent.proxy.proxy import set_sysctls

def run(command): subprocess.run(command.split(), check=True, capture_output=True)
run("ip link set lo up")
for address in ("10.42.0.2/32", "10.42.0.3/32", "192.168.7.1/32"): run(f"ip addr add {address} dev lo")
run("ip route add 10.43.0.0/16 dev lo")
set_sysctls()

def serve(address, protocol):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    listener = socket.socket(socket.AF_INET, kind)
    listener.bind((address, 8080))
    def streams():
        listener.listen()
        while True:
            connection, _ = listener.accept()
            connection.sendall(address.encode()); connection.close()
    def datagrams():
        while True:
            _, peer = listener.recvfrom(100)
            listener.sendto(address.encode(), peer)
    threading.Thread(target=streams if protocol == "tcp" else datagrams, daemon=True).start()
for protocol in ("tcp", "udp"):
    for address in ("10.42.0.2", "10.42.0.3"): serve(address, protocol)

def ask(address, port, protocol="tcp", source=None):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        if source: s.bind((source, 0))
        try:
            s.connect((address, port))
            if protocol == "udp": s.send(b"x")
            return s.recv(100).decode()
        except OSError as error:
            return type(error).__name__

nft = Nft()
answers = []
for step in json.load(sys.stdin):
    nft.apply_now(step["commands"])
    answers.append([collections.Counter(ask(*a) for _ in range(step["times"])) for a in step["ask"]])
print(json.dumps(answers))
"""


def trial(steps: list[Obj]) -> list[list[dict[str, int]]]:
    """Apply transactions in a fresh network namespace and connect through them; counts of who answered."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", textwrap.dedent(TRIAL)],
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: list[list[dict[str, int]]] = json.loads(done.stdout)
    return result


@in_kernel
def test_connections_are_balanced_refused_and_follow_changes() -> None:
    both = endpoint_slice(endpoint("10.42.0.2"), endpoint("10.42.0.3"))
    datagrams = endpoint_slice(endpoint("10.42.0.2"), name="dns", protocol="UDP")
    node_port = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
    services = [
        service(ports=node_port, type="NodePort", externalIPs=["192.168.7.1"]),
        service("sticky", "10.43.0.6", sessionAffinity="ClientIP"),
        service("empty", "10.43.0.7"),
        service("dns", "10.43.0.8", ports=[{"name": "http", "port": 53, "protocol": "UDP"}]),
    ]
    sticky = endpoint_slice(endpoint("10.42.0.2"), endpoint("10.42.0.3"), name="sticky")

    def table(*slices: Obj) -> Ruleset:
        return build(service_ports(services, slices, family="ip", node_name="here"), [], NETWORK)

    first = table(both, sticky, datagrams)
    second = table(endpoint_slice(endpoint("10.42.0.3")), sticky, datagrams)
    answers = trial(
        [
            {
                "commands": replace(first),
                "times": 40,
                "ask": [
                    ["10.43.0.5", 80],
                    ["127.0.0.1", 30080],
                    ["192.168.7.1", 80],
                    ["10.43.0.6", 80],
                    ["10.43.0.7", 80],
                    ["10.43.0.8", 53, "udp"],
                    ["10.43.0.5", 81],
                ],
            },
            {"commands": difference(first, second), "times": 10, "ask": [["10.43.0.5", 80], ["10.43.0.6", 80]]},
            {"commands": difference(second, table()), "times": 2, "ask": [["10.43.0.5", 80], ["127.0.0.1", 30080]]},
        ]
    )
    cluster_ip, loopback, external, affine, empty, udp, other_port = answers[0]
    for balanced in (cluster_ip, loopback, external):
        assert set(balanced) == {"10.42.0.2", "10.42.0.3"}
    assert len(affine) == 1
    assert set(empty) == set(other_port) == {"ConnectionRefusedError"}
    assert set(udp) == {"10.42.0.2"}
    assert set(answers[1][0]) == {"10.42.0.3"}
    assert set(answers[1][1]) == set(affine)  # stickiness survives changes elsewhere
    assert set(answers[2][0]) == set(answers[2][1]) == {"ConnectionRefusedError"}


@in_kernel
def test_traffic_policies_and_host_ports_are_accepted_by_the_kernel() -> None:
    slices = [endpoint_slice(endpoint("10.42.0.2"), endpoint("10.42.1.3", "there"))]
    node_port = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30081}]
    services = [
        service(
            ports=node_port,
            type="LoadBalancer",
            externalTrafficPolicy="Local",
            internalTrafficPolicy="Local",
            loadBalancerSourceRanges=["192.168.7.0/24"],
        )
        | {"status": {"loadBalancer": {"ingress": [{"ip": "192.168.7.1"}]}}},
    ]
    pod = {
        "spec": {"containers": [{"ports": [{"containerPort": 8080, "hostPort": 8088}]}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.42.0.3"}]},
    }
    ports = service_ports(services, slices, family="ip", node_name="here")
    table = build(ports, host_ports([pod], "ip"), NETWORK)
    answers = trial(
        [
            {
                "commands": replace(table),
                "times": 5,
                "ask": [["10.43.0.5", 80], ["192.168.7.1", 80, "tcp", "192.168.7.1"], ["127.0.0.1", 8088]],
            }
        ]
    )
    assert answers[0][0] == {"10.42.0.2": 5}
    assert answers[0][2] == {"10.42.0.3": 5}
