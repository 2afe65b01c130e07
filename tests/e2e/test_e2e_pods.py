"""What a Pod's containers find around them, and how their lives go."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cluster import IMAGE, eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e

FOREVER = "trap 'exit 0' TERM; while :; do sleep 0.2; done"

CGROUP_LIMITS = """cd /sys/fs/cgroup
if [ -e memory.max ]; then cat memory.max cpu.max
else cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us; fi"""


def test_volumes_and_environment_reach_the_container(space: Space, tmp_path: Path) -> None:
    (tmp_path / "greeting").write_text("from the host\n")
    space.kubectl("create", "configmap", "settings", "--from-literal=colour=red", "--from-literal=size=small")
    space.kubectl("create", "secret", "generic", "password", "--from-literal=user=me", "--from-literal=key=hidden")
    volumes: list[dict[str, Any]] = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "password", "secret": {"secretName": "password", "defaultMode": 0o400}},
        {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
        {
            "name": "about",
            "downwardAPI": {
                "items": [
                    {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                    {"path": "memory", "resourceFieldRef": {"containerName": "main", "resource": "limits.memory"}},
                ]
            },
        },
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"configMap": {"name": "settings", "items": [{"key": "size", "path": "deep/size"}]}},
                    {"secret": {"name": "password"}},
                    {"serviceAccountToken": {"path": "token", "audience": "somebody", "expirationSeconds": 3600}},
                ]
            },
        },
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    mounts.append({"name": "settings", "mountPath": "/etc/colour", "subPath": "colour"})
    environment = [
        {"name": "PLAIN", "value": "value of $(USER_NAME)"},
        {"name": "USER_NAME", "valueFrom": {"secretKeyRef": {"name": "password", "key": "user"}}},
        {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "none", "optional": True}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "CPUS", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu", "divisor": "1m"}}},
        {"name": "LATE", "value": "$(COLOUR) and $$(COLOUR)"},
    ]
    environment.insert(0, environment.pop(1))
    space.apply(
        pod(
            "full",
            spec={"volumes": volumes},
            volumeMounts=mounts,
            env=environment,
            envFrom=[{"prefix": "ALL_", "configMapRef": {"name": "settings"}}],
            resources={"requests": {"cpu": "20m", "memory": "16Mi"}, "limits": {"memory": "32Mi", "cpu": "500m"}},
        )
    )
    space.ready("full")
    found = dict(line.split("=", 1) for line in space.exec("full", "env").splitlines())
    assert found["PLAIN"] == "value of me"
    assert found["LATE"] == "red and $(COLOUR)"
    assert (found["COLOUR"], found["ALL_size"], found["POD"], found["CPUS"]) == ("red", "small", "full", "20")
    assert found["ADDRESS"] == space.get("pod", "full")["status"]["podIP"]
    assert "ABSENT" not in found
    assert found["KUBERNETES_SERVICE_HOST"] == "10.43.0.1"

    read = (
        "cat /settings/colour; echo; cat /password/key; echo; cat /host/greeting /about/labels; echo; cat /about/memory"
    )
    assert space.exec("full", read).split("\n") == ["red", "hidden", "from the host", 'app="full"', "33554432"]
    assert space.exec("full", "cat /all/deep/size /all/user; cut -d. -f1 /all/token").startswith("smallmeey")
    assert space.exec("full", "stat -L -c %a /password/key; ls /settings").split() == ["400", "colour", "size"]
    assert "tmpfs" in space.exec("full", "grep ' /scratch ' /proc/mounts")
    space.exec("full", "echo back > /host/answer")
    assert (tmp_path / "answer").read_text() == "back\n"

    limits = space.exec("full", CGROUP_LIMITS)
    assert limits.split() == ["33554432", "50000", "100000"]
    assert space.get("pod", "full")["status"]["qosClass"] == "Burstable"

    space.kubectl("patch", "configmap", "settings", "-p", '{"data":{"colour":"green"}}')
    space.kubectl("label", "pod", "full", "app=renamed", "--overwrite")
    eventually(lambda: space.exec("full", "cat /settings/colour") == "green", within=90, what="the new colour")
    eventually(lambda: "renamed" in space.exec("full", "cat /about/labels"), within=90, what="the new label")
    assert space.exec("full", "cat /etc/colour") == "red"


def test_an_account_token_opens_the_api(space: Space) -> None:
    space.kubectl("create", "rolebinding", "view", "--clusterrole=view", f"--serviceaccount={space.name}:default")
    # The sample image has no program that checks certificates: borrow the host's curl.
    borrowed = ("usr", "lib", "lib64")
    tools = [{"name": name, "hostPath": {"path": f"/{name}"}} for name in borrowed]
    mounts = [{"name": name, "mountPath": f"/{name}", "readOnly": True} for name in borrowed]
    space.apply(
        [
            pod("inside", spec={"volumes": tools}, volumeMounts=mounts),
            pod("without", spec={"automountServiceAccountToken": False}),
        ]
    )
    space.ready("inside", "without")
    ask = (
        "cd /var/run/secrets/kubernetes.io/serviceaccount; /usr/bin/curl -sS --cacert ca.crt"
        ' -H "Authorization: Bearer $(cat token)" https://kubernetes.default.svc/api/v1'
    )
    pods = eventually(lambda: json.loads(space.exec("inside", f"{ask}/namespaces/$(cat namespace)/pods")))
    assert {item["metadata"]["name"] for item in pods["items"]} == {"inside", "without"}
    refused = json.loads(space.exec("inside", f"{ask}/nodes"))
    assert f'"system:serviceaccount:{space.name}:default" cannot list resource "nodes"' in refused["message"]
    assert space.exec("without", "ls /var/run/secrets 2>&1 || true").count("No such file") == 1


def test_containers_start_in_order_and_live_as_their_kind_says(space: Space) -> None:
    shared = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}

    def step(name: str, script: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "image": IMAGE, "command": ["sh", "-c", script], **shared, **more}

    ordered = pod("ordered", "echo main >>/shared/order; " + FOREVER, **shared)
    ordered["spec"] |= {
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [
            step("first", "sleep 0.3; echo first >>/shared/order"),
            step("side", "echo side >>/shared/order; " + FOREVER, restartPolicy="Always"),
            step("second", "echo second >>/shared/order"),
        ],
    }
    job = pod("job", "echo done; exit 0", spec={"restartPolicy": "Never"})
    failing = pod("failing", "echo bad >/dev/termination-log; exit 3", spec={"restartPolicy": "Never"})
    retried = pod(
        "retried",
        "if [ -e /keep/tried ]; then exit 0; fi; touch /keep/tried; exit 1",
        spec={"restartPolicy": "OnFailure", "volumes": [{"name": "keep", "emptyDir": {}}]},
        volumeMounts=[{"name": "keep", "mountPath": "/keep"}],
    )
    late = pod("late", FOREVER, spec={"activeDeadlineSeconds": 2})
    space.apply([ordered, job, failing, retried, late])

    space.ready("ordered")
    assert space.exec("ordered", "cat /shared/order").split() == ["first", "side", "second", "main"]
    statuses = {s["name"]: s for s in space.get("pod", "ordered")["status"]["initContainerStatuses"]}
    assert statuses["first"]["state"]["terminated"]["reason"] == "Completed"
    assert statuses["side"]["state"].get("running")
    assert "2/2" in space.kubectl("get", "pod", "ordered")

    space.wait("pod/job", "jsonpath={.status.phase}=Succeeded")
    assert space.kubectl("logs", "job") == "done\n"
    space.wait("pod/failing", "jsonpath={.status.phase}=Failed")
    ended = space.container("failing")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "bad\n")
    space.wait("pod/retried", "jsonpath={.status.phase}=Succeeded")
    assert space.container("retried")["restartCount"] == 1
    space.wait("pod/late", "jsonpath={.status.reason}=DeadlineExceeded")


def test_probes_gate_traffic_and_restart(space: Space) -> None:
    web: dict[str, Any] = {"periodSeconds": 1, "failureThreshold": 1}
    gated = pod(
        "gated",
        ports=[{"name": "http", "containerPort": 80}],
        readinessProbe={"exec": {"command": ["test", "-e", "/tmp/ready"]}, **web},
        livenessProbe={"httpGet": {"path": "/", "port": "http"}, **web, "failureThreshold": 5},
    )
    sick = pod(
        "sick",
        "touch /tmp/well; " + FOREVER,
        livenessProbe={"exec": {"command": ["test", "-e", "/tmp/well"]}, **web},
        startupProbe={"exec": {"command": ["true"]}, **web},
    )
    tcp = pod("tcp", readinessProbe={"tcpSocket": {"port": 80}, **web})
    space.apply([gated, sick, tcp])
    space.kubectl("expose", "pod", "gated", "--port=80")

    def endpoints() -> list[bool]:
        slices = space.get("endpointslices", "-l", "kubernetes.io/service-name=gated")["items"]
        return [endpoint["conditions"]["ready"] for item in slices for endpoint in item.get("endpoints") or ()]

    space.wait("pod/gated", "jsonpath={.status.phase}=Running")
    eventually(lambda: endpoints() == [False], what="an endpoint that is not ready")
    space.exec("gated", "touch /tmp/ready")
    space.ready("gated", "tcp")
    eventually(lambda: endpoints() == [True], what="a ready endpoint")
    address = space.get("service", "gated")["spec"]["clusterIP"]
    eventually(lambda: space.cluster.run("curl", "-sS", "-m", "2", address).stdout == "gated\n")
    space.exec("gated", "rm /tmp/ready")
    space.wait("pod/gated", "condition=Ready=false")
    eventually(lambda: endpoints() == [False], what="the endpoint unready again")
    refused = 7  # curl's "failed to connect"; at once, not after a timeout
    eventually(lambda: space.cluster.run("curl", "-sS", "-m", "5", address, check=False).returncode == refused)

    space.ready("sick")
    before = space.container("sick")["containerID"]
    space.exec("sick", "rm /tmp/well")
    eventually(lambda: space.container("sick")["restartCount"] == 1, what="a restart")
    assert space.container("sick")["lastState"]["terminated"]["containerID"] == before
    assert "Liveness probe failed" in space.event("sick", "Unhealthy")["message"]
    assert "failed liveness probe, will be restarted" in space.event("sick", "Killing")["message"]


def test_a_pod_ends_with_its_hooks_and_within_its_grace(space: Space, tmp_path: Path) -> None:
    host = {"volumes": [{"name": "host", "hostPath": {"path": str(tmp_path)}}]}
    mounts = {"volumeMounts": [{"name": "host", "mountPath": "/host"}]}
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo started >/host/started"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo stopping >/host/stopping"]}},
    }
    polite = "trap 'echo asked >/host/asked; exit 0' TERM; while :; do sleep 0.1; done"
    grace = {"terminationGracePeriodSeconds": 20, **host}
    stubborn = "trap '' TERM; while :; do sleep 0.1; done"
    space.apply(
        [
            pod("polite", polite, spec=grace, lifecycle=hooks, **mounts),
            pod("stubborn", stubborn, spec={"terminationGracePeriodSeconds": 3}),
        ]
    )
    space.ready("polite", "stubborn")
    assert (tmp_path / "started").read_text() == "started\n"

    def seconds_to_delete(name: str, *flags: str) -> float:
        started = time.monotonic()
        space.kubectl("delete", "pod", name, *flags)
        return time.monotonic() - started

    assert seconds_to_delete("polite") < 10
    assert (tmp_path / "stopping").exists()
    assert (tmp_path / "asked").exists()
    assert 2.5 < seconds_to_delete("stubborn") < 9


def test_security_settings_hold(space: Space) -> None:
    look = "id -u; id -g; id -G; touch /new 2>&1; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; " + FOREVER
    space.apply(
        [
            pod(
                "strict",
                look,
                spec={
                    "securityContext": {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 3000, "runAsNonRoot": True}
                },
                securityContext={
                    "readOnlyRootFilesystem": True,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            ),
            pod("able", look, securityContext={"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}),
            pod("mighty", look, securityContext={"privileged": True}),
            pod("rooted", FOREVER, securityContext={"runAsNonRoot": True}),
            pod("host", FOREVER, spec={"hostNetwork": True, "hostPID": True}),
            pod("port", ports=[{"containerPort": 80, "hostPort": 8088}]),
        ]
    )
    space.ready("strict", "able", "mighty", "host", "port")
    strict = eventually(lambda: "Seccomp" in (text := space.kubectl("logs", "strict")) and text)
    assert strict.split("\n")[:3] == ["1000", "2000", "2000 3000"]
    assert "Read-only file system" in strict
    assert "CapEff:\t0000000000000000" in strict
    assert "NoNewPrivs:\t1" in strict
    assert "Seccomp:\t2" in strict
    assert "CapEff:\t0000000000001000" in space.kubectl("logs", "able")
    assert int(space.kubectl("logs", "mighty").split("CapEff:\t")[1].split()[0], 16) > 1 << 30

    waiting = eventually(lambda: space.container("rooted")["state"].get("waiting"))
    eventually(lambda: space.container("rooted")["state"]["waiting"]["reason"] == "CreateContainerConfigError")
    assert waiting is not None
    assert "container has runAsNonRoot and image will run as root" in space.event("rooted", "Failed")["message"]

    assert space.get("pod", "host")["status"]["podIP"] == space.cluster.address
    assert "minik" in space.exec("host", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
    eventually(lambda: space.cluster.run("curl", "-sS", "-m", "2", "127.0.0.1:8088").stdout == "port\n")
    eventually(lambda: space.cluster.run("curl", "-sS", "-m", "2", f"{space.cluster.address}:8088").stdout == "port\n")


def test_too_much_memory_is_an_oom_kill(space: Space) -> None:
    eat = "x=a; while :; do x=$x$x; done"
    space.apply(pod("hungry", eat, spec={"restartPolicy": "Never"}, resources={"limits": {"memory": "24Mi"}}))
    space.wait("pod/hungry", "jsonpath={.status.phase}=Failed")
    ended = space.container("hungry")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_an_ephemeral_container_looks_into_a_running_pod(space: Space) -> None:
    space.apply(pod("target"))
    space.ready("target")
    space.kubectl(
        "debug", "target", f"--image={IMAGE}", "--target=main", "-c", "look", "--", "sh", "-c", "ps; hostname"
    )
    eventually(lambda: "target" in space.kubectl("logs", "target", "-c", "look"))
    assert "httpd" in space.kubectl("logs", "target", "-c", "look")
