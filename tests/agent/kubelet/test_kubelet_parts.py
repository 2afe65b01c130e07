import base64

import orjson
import pytest

from minik.agent.kubelet.admission import check
from minik.agent.kubelet.backoff import Backoff, go_duration
from minik.agent.kubelet.cgroups import Limits, pod_limits, shares_to_weight
from minik.agent.kubelet.config import duration, settings_for
from minik.agent.kubelet.etc_files import DNS, hosts_file, parse_resolv_conf, pod_dns
from minik.agent.kubelet.images import credentials_for, default_policy, with_default_tag
from minik.agent.kubelet.quantities import cpu_quota, cpu_shares, oom_score_adj, qos_class
from minik.agent.kubelet.runtime_events import RuntimeEvent, parse_envelope
from minik.agent.kubelet.security import NonRootError, check_non_root, effective_context, forbidden_sysctl
from minik.agent.kubelet.systemd_slices import properties_for
from minik.config import AgentConfig, StartupError


def pod(*resources, **spec):
    containers = [{"name": f"c{i}", "resources": r} for i, r in enumerate(resources or [{}])]
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {"containers": containers, **spec},
    }


BOTH = {"cpu": "500m", "memory": "64Mi"}


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"requests": BOTH, "limits": BOTH}], "Guaranteed"),
        ([{"limits": BOTH}], "Guaranteed"),
        ([{"limits": BOTH}, {}], "Burstable"),
        ([{"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": BOTH}], "Burstable"),
    ],
)
def test_qos_class(resources, qos):
    assert qos_class(pod(*resources)) == qos


def test_cpu_becomes_shares_quota_and_weight():
    assert [cpu_shares(m) for m in (0, 1, 100, 1000, 10**9)] == [2, 2, 102, 1024, 262144]
    assert [cpu_quota(m) for m in (0, 1, 500)] == [0, 1000, 50000]
    assert [shares_to_weight(s) for s in (2, 1024, 262144)] == [1, 39, 10000]


def test_oom_score_follows_the_request():
    score = oom_score_adj(pod({"requests": {"memory": "1Gi"}}), {"resources": {"requests": {"memory": "1Gi"}}}, 4 << 30)
    assert score == 750
    assert oom_score_adj(pod({}), {}, 1 << 30) == 1000
    assert oom_score_adj(pod({"limits": BOTH}), {"resources": {"limits": BOTH}}, 1 << 30) == -997


def test_a_pod_is_limited_only_when_every_container_is():
    assert pod_limits(pod({"limits": BOTH}, {"limits": BOTH}), cpu_cfs_quota=True, pids=-1) == Limits(
        2, 100000, 128 << 20, 0
    )
    half = pod({"requests": {"cpu": "100m"}, "limits": BOTH}, {})
    assert pod_limits(half, cpu_cfs_quota=True, pids=64) == Limits(102, 0, 0, 64)


def test_backoff_doubles_and_forgets():
    backoff = Backoff()
    assert backoff.remaining("k", 0, 0) == 0
    backoff.next("k", 0, 0)
    assert backoff.remaining("k", 5, 8) == 7
    for moment in (20, 60, 120, 240, 480):
        backoff.next("k", moment, moment)
    assert backoff.delay("k") == 300
    assert backoff.remaining("k", 2000, 2000) == 0


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (80, "1m20s"), (300, "5m0s"), (3661, "1h1m1s")])
def test_durations_print_as_in_go(seconds, text):
    assert go_duration(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("10s", 10), ("1m30s", 90), ("1.5h", 5400), ("100ms", 0.1)])
def test_durations_parse_as_in_go(text, seconds):
    assert duration(text) == pytest.approx(seconds)


def test_kubelet_arguments_become_settings(tmp_path):
    args = ("max-pods=5", "eviction-hard=memory.available<1Gi", "kube-reserved=cpu=100m,memory=64Mi", "no-such=1")
    settings = settings_for(AgentConfig(data_dir=tmp_path, kubelet_arg=args, node_taint=("k=v:NoSchedule",)))
    assert settings.max_pods == 5
    assert settings.eviction_hard == {"memory.available": "1Gi"}
    assert settings.kube_reserved == {"cpu": "100m", "memory": "64Mi"}
    assert settings.register_with_taints == [{"key": "k", "value": "v", "effect": "NoSchedule"}]
    assert settings.root_dir == tmp_path / "agent/kubelet"
    with pytest.raises(StartupError, match="max-pods"):
        settings_for(AgentConfig(data_dir=tmp_path, kubelet_arg=("max-pods=many",)))


HOST = DNS(["192.168.1.1"], ["lan"], [])


@pytest.mark.parametrize(
    ("spec", "servers", "first_search"),
    [
        ({"dnsPolicy": "ClusterFirst"}, ["10.43.0.10"], "ns.svc.cluster.local"),
        ({"dnsPolicy": "ClusterFirst", "hostNetwork": True}, ["192.168.1.1"], "lan"),
        ({"dnsPolicy": "ClusterFirstWithHostNet", "hostNetwork": True}, ["10.43.0.10"], "ns.svc.cluster.local"),
        ({"dnsPolicy": "Default"}, ["192.168.1.1"], "lan"),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["x"]}}, ["1.1.1.1"], "x"),
    ],
)
def test_dns_policy(spec, servers, first_search):
    dns = pod_dns(pod(**spec), cluster_dns=["10.43.0.10"], cluster_domain="cluster.local", host=HOST)
    assert (dns.servers, dns.searches[0]) == (servers, first_search)


def test_dns_options_override_by_name():
    options = [{"name": "ndots", "value": "2"}, {"name": "edns0"}]
    dns = pod_dns(pod(dnsConfig={"options": options}), cluster_dns=["x"], cluster_domain="c", host=HOST)
    assert dns.options == ("ndots:2", "edns0")
    assert parse_resolv_conf("search a b.\nnameserver 1.2.3.4 # x\noptions ndots:1\n") == DNS(
        ["1.2.3.4"], ["a", "b"], ["ndots:1"]
    )


def test_hosts_file_names_the_pod_and_its_aliases():
    named = pod(hostname="web-0", subdomain="web", hostAliases=[{"ip": "9.9.9.9", "hostnames": ["a", "b"]}])
    text = hosts_file(named, ["10.42.0.5"], "cluster.local", "")
    assert "10.42.0.5\tweb-0.web.ns.svc.cluster.local\tweb-0\n" in text
    assert text.endswith("\n# Entries added by HostAliases.\n9.9.9.9\ta\tb\n")
    on_host = hosts_file(pod(hostNetwork=True), [], "c", "HOST")
    assert on_host == "# Kubernetes-managed hosts file (host network).\nHOST"


def test_image_names_and_policies():
    assert with_default_tag("nginx") == "nginx:latest"
    assert with_default_tag("r:5000/x") == "r:5000/x:latest"
    assert with_default_tag("x@sha256:1") == "x@sha256:1"
    assert [default_policy(image) for image in ("a", "a:latest", "a:1")] == ["Always", "Always", "IfNotPresent"]


def test_pull_secrets_match_their_registry():
    def secret(**auths):
        config = {"auths": {server.replace("_", "."): {"username": user} for server, user in auths.items()}}
        data = {".dockerconfigjson": base64.b64encode(orjson.dumps(config)).decode()}
        return {"metadata": {"name": "s", "namespace": "ns"}, "data": data}

    secrets = [secret(reg_io="one", other_io="two", docker_io="hub")]
    assert [c.username for c in credentials_for("reg.io/app:1", secrets)] == ["one"]
    assert [c.username for c in credentials_for("library/app:1", secrets)] == ["hub"]
    assert credentials_for("third.io/app:1", secrets) == []


def test_run_as_non_root_is_enforced():
    strict = pod(securityContext={"runAsNonRoot": True})
    with pytest.raises(NonRootError, match="breaks non-root policy"):
        check_non_root(strict, {"name": "c", "securityContext": {"runAsUser": 0}}, None)
    check_non_root(strict, {"name": "c", "securityContext": {"runAsUser": 5}}, None)
    outer = pod(securityContext={"runAsUser": 1, "fsGroup": 3})
    assert effective_context(outer, {"securityContext": {"runAsUser": 2}}) == {"runAsUser": 2}


def test_only_safe_sysctls_are_allowed():
    unsafe = pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})
    assert forbidden_sysctl(unsafe, ()) == "kernel.msgmax"
    assert forbidden_sysctl(unsafe, ("kernel.msg*",)) == ""


CAPACITY = {"cpu": "2", "memory": "1Gi", "pods": "2"}


@pytest.mark.parametrize(
    ("candidate", "others", "reason"),
    [
        (pod({"requests": {"cpu": "1"}}), [], None),
        (pod({"requests": {"cpu": "2"}}), [pod({"requests": {"cpu": "1"}})], "OutOfcpu"),
        (pod(), [pod(), pod()], "OutOfpods"),
        (pod(nodeSelector={"disk": "ssd"}), [], "NodeAffinity"),
    ],
)
def test_admission(candidate, others, reason):
    found = check(candidate, {"metadata": {"name": "n", "labels": {}}}, others, allocatable=CAPACITY)
    assert (found[0] if found else None) == reason


def test_host_ports_must_not_clash():
    def with_port(ip=""):
        made = pod()
        made["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080, "hostIP": ip}]
        return made

    assert check(with_port(), {}, [with_port("10.0.0.1")], allocatable=CAPACITY)[0] == "NodePorts"
    assert check(with_port("10.0.0.2"), {}, [with_port("10.0.0.1")], allocatable=CAPACITY) is None


def test_containerd_events_are_read_from_the_wire():
    def field(number, value):
        return bytes([number << 3 | 2, len(value)]) + value

    def envelope(topic, payload):
        return field(2, b"k8s.io") + field(3, topic) + field(4, field(1, b"type") + field(2, payload))

    exit_of = field(1, b"abc") + field(2, b"abc") + bytes([3 << 3, 7, 4 << 3, 137, 1])
    assert parse_envelope(envelope(b"/tasks/exit", exit_of)) == RuntimeEvent("/tasks/exit", "abc")
    of_exec = field(1, b"abc") + field(2, b"exec1")
    assert parse_envelope(envelope(b"/tasks/exit", of_exec)) == RuntimeEvent("/tasks/exit", "abc", "exec1")
    assert parse_envelope(envelope(b"/tasks/oom", field(1, b"abc"))) == RuntimeEvent("/tasks/oom", "abc")
    assert parse_envelope(envelope(b"/images/create", b"")) is None


def test_limits_become_properties_of_a_slice():
    def properties(v2):
        return properties_for(v2=v2, cpu_shares=1024, cpu_quota=50000, memory=0, pids=5)

    assert properties(True) == ["CPUWeight=39", "CPUQuota=50.00%", "MemoryMax=infinity", "TasksMax=5"]
    assert properties(False) == ["CPUShares=1024", "CPUQuota=50.00%", "MemoryLimit=infinity", "TasksMax=5"]
