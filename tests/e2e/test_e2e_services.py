"""Services as Pods and the node reach them, and the names they have in the cluster's DNS."""

import pytest

from harness.cluster import IMAGE, eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e

WEB = {"app": "web"}
LOOK_UP = "trap 'exit 0' TERM; while :; do sleep 0.2; done"


def service(name: str, **spec: object) -> dict:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def test_names_and_addresses_lead_to_pods(space: Space) -> None:
    port = {"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}
    first, second = (
        pod(
            name,
            labels=WEB,
            spec={"hostname": name, "subdomain": "headless"},
            readinessProbe={"tcpSocket": {"port": 80}},
        )
        for name in ("one", "two")
    )
    space.apply(
        [
            first,
            second,
            pod("client", LOOK_UP),
            service("plain", selector=WEB, ports=[port]),
            service("sticky", selector=WEB, ports=[port], sessionAffinity="ClientIP"),
            service("headless", selector=WEB, ports=[port], clusterIP="None"),
            service("elsewhere", type="ExternalName", externalName=f"plain.{space.name}.svc.cluster.local"),
            service("fixed", ports=[port | {"targetPort": 80}]),
            service("nobody", selector={"app": "nobody"}, ports=[port]),
            service("local", selector=WEB, ports=[port], type="NodePort", externalTrafficPolicy="Local"),
        ]
    )
    space.ready("one", "two", "client")
    addresses = {name: space.get("pod", name)["status"]["podIP"] for name in ("one", "two", "client")}
    plain = space.get("service", "plain")["spec"]["clusterIP"]
    zone = f"{space.name}.svc.cluster.local"

    def wget(host: str, times: int = 1) -> list[str]:
        return space.exec("client", f"for i in $(seq {times}); do wget -qO- http://{host}/; done").split()

    def look_up(name: str, kind: str = "A") -> str:
        return space.exec("client", f"nslookup -type={kind} {name} 2>&1 || true")

    eventually(lambda: set(wget("plain", 20)) == {"one", "two"}, what="both Pods behind the Service")
    assert set(wget(f"plain.{space.name}")) | set(wget(zone.join(("plain.", "")))) <= {"one", "two"}
    assert len(set(eventually(lambda: wget("sticky", 12)))) == 1
    assert wget("one.headless") == ["one"]
    assert set(wget("elsewhere", 4)) <= {"one", "two"}
    node_port = space.get("service", "local")["spec"]["ports"][0]["nodePort"]
    eventually(lambda: set(wget(f"{space.cluster.address}:{node_port}", 12)) == {"one", "two"})

    assert plain in look_up(f"plain.{zone}")
    both = look_up(f"headless.{zone}")
    assert addresses["one"] in both
    assert addresses["two"] in both
    assert addresses["two"] in look_up(f"two.headless.{zone}")
    assert f"80 plain.{zone}" in look_up(f"_http._tcp.plain.{zone}", "SRV")
    assert f"80 one.headless.{zone}" in look_up(f"_http._tcp.headless.{zone}", "SRV")
    assert f"plain.{zone}" in look_up(f"elsewhere.{zone}", "CNAME")
    assert f"plain.{zone}" in space.exec("client", f"nslookup {plain}")
    assert "NXDOMAIN" in look_up(f"none.{zone}")
    assert addresses["one"] in look_up(f"{addresses['one'].replace('.', '-')}.{space.name}.pod.cluster.local")
    assert "10.43.0.1" in look_up("kubernetes.default.svc.cluster.local")
    assert "nameserver 10.43.0.10" in space.exec("client", "cat /etc/resolv.conf")

    refused = space.cluster.run(
        "curl", "-sS", "-m", "5", space.get("service", "nobody")["spec"]["clusterIP"], check=False
    )
    assert refused.returncode == 7

    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "fixed-1", "labels": {"kubernetes.io/service-name": "fixed"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": [addresses["two"]], "conditions": {"ready": True}}],
    }
    space.apply(endpoints)
    eventually(lambda: wget("fixed") == ["two"], what="the hand-made endpoint")

    space.kubectl("delete", "pod", "two")
    eventually(lambda: set(wget("plain", 12)) == {"one"}, what="only the Pod that is left")
    assert addresses["two"] not in eventually(lambda: look_up(f"headless.{zone}"))
    assert space.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=plain").count(addresses["one"]) == 1
    space.kubectl("delete", "service", "plain")
    eventually(lambda: "NXDOMAIN" in look_up(f"plain.{zone}"), what="the name being gone")
    assert space.cluster.run("curl", "-sS", "-m", "1", plain, check=False).returncode != 0


def test_a_pod_reaches_itself_through_its_service(space: Space) -> None:
    space.kubectl("run", "self", f"--image={IMAGE}", "--port=80", "--expose")
    space.ready("self")
    eventually(lambda: space.exec("self", "wget -qO- http://self/") == "self\n")


def test_node_ports_are_given_once(space: Space) -> None:
    space.kubectl("create", "service", "nodeport", "first", "--tcp=80", "--node-port=30999")
    refused = space.kubectl_fails("create", "service", "nodeport", "second", "--tcp=80", "--node-port=30999")
    assert "provided port is already allocated" in refused
    refused = space.kubectl_fails("create", "service", "nodeport", "third", "--tcp=80", "--node-port=80")
    assert "The range of valid ports is 30000-32767" in refused
    address = space.get("service", "first")["spec"]["clusterIP"]
    refused = space.kubectl_fails("create", "service", "clusterip", "second", "--tcp=80", f"--clusterip={address}")
    assert "provided IP is already allocated" in refused
    space.kubectl("delete", "service", "first")
    space.kubectl("create", "service", "nodeport", "second", "--tcp=80", "--node-port=30999")
