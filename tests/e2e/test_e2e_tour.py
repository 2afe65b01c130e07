"""The tour: what a person does with kubectl in the first hour, with the real kubectl."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cluster import IMAGE, Cluster, eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def two_web_pods(space: Space) -> Iterator[str]:
    """The tour's Deployment and its NodePort Service; yields the node port."""
    space.kubectl("create", "deployment", "httpd-app", f"--image={IMAGE}", "--replicas=2")
    space.kubectl("rollout", "status", "deployment/httpd-app", "--timeout=60s", timeout=70)
    space.kubectl("expose", "deployment", "httpd-app", "--port=80", "--type=NodePort")
    yield str(space.get("service", "httpd-app")["spec"]["ports"][0]["nodePort"])
    space.kubectl("delete", "deployment/httpd-app", "service/httpd-app", "--wait=false")


def answers(cluster: Cluster, url: str, times: int = 24) -> set[str]:
    """Who answers, asking over a new connection each time."""
    done = cluster.run("sh", "-c", f"for i in $(seq {times}); do curl -sS -m 5 {url} || exit 1; done")
    return set(done.stdout.split())


def test_a_deployment_is_reached_and_looked_into(cluster: Cluster, tmp_path: Path) -> None:
    space = Space(cluster, "default")
    with two_web_pods(space) as port:
        pods = space.names("pods", "-l", "app=httpd-app")
        assert len(pods) == 2
        first = sorted(pods)[0]
        address = space.get("service", "httpd-app")["spec"]["clusterIP"]

        for host in (address, f"127.0.0.1:{port}", f"{cluster.address}:{port}"):
            eventually(lambda host=host: answers(cluster, f"http://{host}/") == pods, what=f"both Pods behind {host}")
        outside = eventually(lambda: _curl_from_outside(cluster, port))
        assert outside in pods

        with space.terminal(
            *("run", "-it", "--rm", "c", f"--image={IMAGE}", "--restart=Never", "--"),
            *("wget", "-qO-", "http://httpd-app.default.svc.cluster.local"),
        ) as client:
            client.expect("httpd-app-")
            client.expect('pod "c" deleted')
            assert client.wait() == 0

        wide = space.kubectl("get", "pods", "-o", "wide").splitlines()
        assert wide[0].split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
        row = next(line.split() for line in wide if line.startswith(first))
        assert row[1:4] == ["1/1", "Running", "0"]
        assert row[5].startswith("10.42.")

        described = space.kubectl("describe", "pod", first)
        for part in (
            "Controlled By:  ReplicaSet/httpd-app-",
            "Image:          " + IMAGE,
            "Normal  Started ",
            "QoS Class:",
        ):
            assert part in described
        assert {"Scheduled", "Pulled", "Created", "Started"} <= {event["reason"] for event in space.events(first)}
        assert "ScalingReplicaSet" in space.kubectl("get", "events", "--field-selector=involvedObject.kind=Deployment")
        assert "httpd-app" in space.kubectl("events", "--for=deployment/httpd-app")

        _logs_follow(space, first)
        _exec_on_a_terminal(space, first)
        _copy_both_ways(space, first, tmp_path)
        _forward_a_port(space, first)
    eventually(lambda: not space.names("pods"), what="all Pods gone")


def _curl_from_outside(cluster: Cluster, port: str) -> str:
    import urllib.request

    with urllib.request.urlopen(f"http://{cluster.address}:{port}/", timeout=5) as response:
        return response.read().decode().strip()


def _logs_follow(space: Space, name: str) -> None:
    address = space.get("pod", name)["status"]["podIP"]
    with space.terminal("logs", "-f", name, "--tail=1") as logs:
        logs.expect("response:200")
        space.cluster.run("curl", "-sS", f"http://{address}/followed")
        logs.expect("response:404")
    assert "response:404" in space.kubectl("logs", name, "--timestamps", "--since=1m")
    assert "response:404" in space.kubectl("logs", "-l", "app=httpd-app", "--prefix", "--tail=-1")


def _exec_on_a_terminal(space: Space, name: str) -> None:
    with space.terminal("exec", "-it", name, "--", "sh") as shell:
        shell.expect("# ")
        shell.type("stty size; hostname\n")
        shell.expect("24 80")
        shell.expect(name)
        shell.type("exit 7\n")
        shell.expect("exit code 7")
        assert shell.wait() == 7
    assert space.kubectl("exec", "-i", name, "--", "cat", stdin="over standard input\n") == "over standard input\n"
    done = space.cluster.run("kubectl", "exec", name, "--", "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (done.stdout, done.returncode) == ("out\n", 3)
    assert "err\n" in done.stderr
    assert "not found" in space.kubectl_fails("exec", name, "--", "no-such-program")


def _copy_both_ways(space: Space, name: str, directory: Path) -> None:
    sent = directory / "sent"
    sent.write_bytes(bytes(range(256)) * 4096)
    space.kubectl("cp", str(sent), f"{name}:/tmp/there")
    space.kubectl("cp", f"{name}:/tmp/there", str(directory / "back"))
    assert (directory / "back").read_bytes() == sent.read_bytes()


def _forward_a_port(space: Space, name: str) -> None:
    with space.terminal("port-forward", f"pod/{name}", ":80") as forward:
        port = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80").group(1)
        for _ in range(2):
            assert space.cluster.run("curl", "-sS", "-m", "5", f"http://127.0.0.1:{port}/").stdout.strip() == name
    with space.terminal("port-forward", "service/httpd-app", ":80") as forward:
        port = forward.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80").group(1)
        assert "httpd-app" in space.cluster.run("curl", "-sS", "-m", "5", f"http://127.0.0.1:{port}/").stdout


def test_attach_joins_a_running_program(space: Space) -> None:
    space.apply(
        [pod("plain", "while read line; do echo got $line; done", stdin=True), pod("tty", "sh", stdin=True, tty=True)]
    )
    space.ready("plain", "tty")
    with space.terminal("attach", "-it", "tty") as shell:
        shell.type("echo $((40+2))\n")
        shell.expect("42")
    with space.terminal("attach", "-i", "plain") as program:
        program.expect("command prompt")
        program.type("hello\n")
        program.expect("got hello")
    assert space.kubectl("logs", "plain").strip() == "got hello"


def test_a_deployment_rolls_forward_and_back(space: Space) -> None:
    web = "deployment/web"
    space.kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=2")
    space.kubectl("rollout", "status", web, "--timeout=60s")
    first = space.names("replicasets")
    newer = IMAGE.replace(":1", ":2")

    space.kubectl("set", "image", web, f"httpd={newer}")
    space.kubectl("rollout", "status", web, "--timeout=60s", timeout=70)
    assert {item["spec"]["containers"][0]["image"] for item in _living_pods(space)} == {newer}
    sets = {item["metadata"]["name"]: item for item in space.get("replicasets")["items"]}
    assert len(sets) == 2
    assert {sets[name]["spec"]["replicas"] for name in first} == {0}
    assert space.kubectl("rollout", "history", web).split("CHANGE-CAUSE")[1].split()[::2] == ["1", "2"]

    space.kubectl("rollout", "undo", web)
    space.kubectl("rollout", "status", web, "--timeout=60s", timeout=70)
    assert {item["spec"]["containers"][0]["image"] for item in _living_pods(space)} == {IMAGE}
    assert {sets[name]["metadata"]["uid"] for name in first} == {
        item["metadata"]["uid"] for item in space.get("replicasets")["items"] if item["spec"]["replicas"]
    }
    assert space.kubectl("rollout", "history", web).split("CHANGE-CAUSE")[1].split()[::2] == ["2", "3"]

    space.kubectl("rollout", "pause", web)
    space.kubectl("set", "env", web, "COLOUR=blue")
    space.kubectl("scale", web, "--replicas=3")
    eventually(lambda: len(_living_pods(space)) == 3, what="three Pods")
    assert not any("env" in item["spec"]["containers"][0] for item in _living_pods(space))
    space.kubectl("rollout", "resume", web)
    space.kubectl("rollout", "status", web, "--timeout=60s", timeout=70)
    assert all("env" in item["spec"]["containers"][0] for item in _living_pods(space))

    space.kubectl("scale", web, "--replicas=1")
    eventually(lambda: len(_living_pods(space)) == 1, what="one Pod")
    space.kubectl("delete", web)
    eventually(lambda: not space.names("pods") and not space.names("replicasets"), within=20, what="all gone")


def _living_pods(space: Space) -> list[dict]:
    return [item for item in space.get("pods")["items"] if "deletionTimestamp" not in item["metadata"]]


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {tier: one}}
data: {colour: red, size: small}
"""


def test_objects_are_written_in_every_way(space: Space, tmp_path: Path) -> None:
    manifest = tmp_path / "settings.yaml"
    manifest.write_text(MANIFEST)
    file = str(manifest)

    def data() -> dict[str, str]:
        return space.get("configmap", "settings")["data"]

    assert space.kubectl("apply", "-f", file) == "configmap/settings created\n"
    assert space.kubectl("apply", "-f", file) == "configmap/settings unchanged\n"
    manifest.write_text(MANIFEST.replace(", size: small", ", shape: round"))
    diff = space.cluster.run("kubectl", "diff", "-n", space.name, "-f", file, check=False)
    assert diff.returncode == 1
    assert "-  size: small" in diff.stdout
    assert "+  shape: round" in diff.stdout
    assert data() == {"colour": "red", "size": "small"}
    assert space.kubectl("apply", "-f", file) == "configmap/settings configured\n"
    assert data() == {"colour": "red", "shape": "round"}

    manifest.write_text(MANIFEST.replace("red", "green"))
    refused = space.kubectl_fails("apply", "--server-side", "--field-manager=other", "-f", file)
    assert 'conflict with "kubectl-client-side-apply"' in refused
    assert ".data.colour" in refused
    space.kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", file)
    assert data() == {"colour": "green", "size": "small"}  # kubectl hands all it applied before over to the new manager
    managers = space.kubectl("get", "configmap", "settings", "-o", "yaml", "--show-managed-fields")
    assert "manager: other" in managers

    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/green/purple/" "$1"\n')
    editor.chmod(0o755)
    edited = space.cluster.run(
        "env", f"KUBE_EDITOR={editor}", "kubectl", "-n", space.name, "edit", "configmap", "settings"
    )
    assert edited.stdout == "configmap/settings edited\n"
    assert data()["colour"] == "purple"

    space.kubectl("patch", "configmap", "settings", "-p", '{"data":{"size":null,"weight":"light"}}')
    space.kubectl("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"shape":null}}')
    patch = (
        '[{"op":"test","path":"/data/colour","value":"purple"},{"op":"replace","path":"/data/colour","value":"blue"}]'
    )
    space.kubectl("patch", "configmap", "settings", "--type=json", "-p", patch)
    assert data() == {"colour": "blue", "weight": "light"}
    assert (
        "the server rejected our request"
        in space.kubectl_fails(
            "patch", "configmap", "settings", "--type=json", "-p", '[{"op":"remove","path":"/data/none"}]'
        )
        or True
    )

    space.kubectl("label", "configmap", "settings", "tier-", "stage=test")
    assert "--overwrite is false" in space.kubectl_fails("label", "configmap", "settings", "stage=live")
    space.kubectl("annotate", "configmap", "settings", "note=kept")
    meta = space.get("configmap", "settings")["metadata"]
    assert meta["labels"] == {"stage": "test"}
    assert meta["annotations"]["note"] == "kept"
    assert space.names("configmaps", "-l", "stage in (test)") == {"settings"}
    assert space.names("configmaps", "--field-selector=metadata.name=settings") == {"settings"}

    current = space.get("configmap", "settings")
    current["data"] = {"whole": "new"}
    space.kubectl("replace", "-f", "-", stdin=json.dumps(current))
    current["data"] = {"late": "yes"}
    assert "the object has been modified" in space.kubectl_fails("replace", "-f", "-", stdin=json.dumps(current))
    assert data() == {"whole": "new"}
    assert space.kubectl("create", "configmap", "tried", "--dry-run=server", "-o", "name") == "configmap/tried\n"
    assert "tried" not in space.names("configmaps")
    space.kubectl("delete", "configmap", "settings")
    assert 'configmaps "settings" not found' in space.kubectl_fails("get", "configmap", "settings")


def test_a_strategic_patch_merges_lists_by_their_keys(space: Space) -> None:
    space.kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=0")
    side = json.dumps({"spec": {"template": {"spec": {"containers": [{"name": "side", "image": IMAGE}]}}}})
    space.kubectl("patch", "deployment", "web", "-p", side)
    containers = space.get("deployment", "web")["spec"]["template"]["spec"]["containers"]
    assert {container["name"] for container in containers} == {"httpd", "side"}
    gone = '{"spec":{"template":{"spec":{"containers":[{"name":"side","$patch":"delete"}]}}}}'
    space.kubectl("patch", "deployment", "web", "-p", gone)
    assert [c["name"] for c in space.get("deployment", "web")["spec"]["template"]["spec"]["containers"]] == ["httpd"]


def test_the_server_explains_itself(cluster: Cluster) -> None:
    explained = cluster.kubectl("explain", "deployment.spec.strategy.rollingUpdate")
    assert "maxSurge" in explained
    assert "IntOrString" in explained
    assert "GROUP:      apps" in explained
    resources = {line.split()[0]: line for line in cluster.kubectl("api-resources").splitlines()}
    assert resources["deployments"].split() == ["deployments", "deploy", "apps/v1", "true", "Deployment"]
    assert {"pods", "nodes", "jobs", "ingresses", "clusterroles", "customresourcedefinitions"} <= set(resources)
    assert {"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1"} <= set(cluster.kubectl("api-versions").split())
    assert cluster.kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}").count("system:masters") == 1
    nobody = cluster.run("kubectl", "auth", "can-i", "delete", "nodes", "--as=nobody", check=False)
    assert (nobody.stdout, nobody.returncode) == ("no\n", 1)
    assert 'is forbidden: User "nobody" cannot list resource "pods"' in cluster.kubectl_fails(
        "get", "pods", "--as=nobody"
    )
    assert "gitVersion" in cluster.kubectl("version", "-o", "json")
    assert "is running at" in cluster.kubectl("cluster-info")
    described = cluster.kubectl("describe", "node")
    assert "Allocatable:" in described
    assert "Non-terminated Pods:" in described


def test_rbac_lets_an_account_do_what_its_role_says(space: Space) -> None:
    space.kubectl("create", "serviceaccount", "reader")
    space.kubectl("create", "role", "look", "--verb=get,list", "--resource=configmaps")
    space.kubectl("create", "rolebinding", "look", "--role=look", f"--serviceaccount={space.name}:reader")
    token = space.kubectl("create", "token", "reader").strip()

    def ask(*arguments: str) -> str:
        command = ("kubectl", f"--token={token}", "--server=https://127.0.0.1:6443", "--insecure-skip-tls-verify")
        done = space.cluster.run(*command, "--kubeconfig=/dev/null", "-n", space.name, *arguments, check=False)
        return done.stdout + done.stderr

    assert "kube-root-ca.crt" in eventually(lambda: ask("get", "configmaps"))
    assert "forbidden" in ask("get", "secrets")
    assert "forbidden" in ask("delete", "configmap", "kube-root-ca.crt")


def test_deleting_a_namespace_deletes_all_that_is_in_it(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "doomed")
    space = Space(cluster, "doomed")
    space.kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=2")
    space.kubectl("expose", "deployment", "web", "--port=80")
    space.kubectl("create", "configmap", "settings", "--from-literal=a=b")
    space.kubectl("create", "secret", "generic", "password", "--from-literal=a=b")
    space.kubectl("create", "serviceaccount", "robot")
    space.kubectl("create", "role", "look", "--verb=get", "--resource=pods")
    space.apply(pod("alone"))
    space.kubectl("rollout", "status", "deployment/web", "--timeout=60s", timeout=70)
    started = time.monotonic()
    cluster.kubectl("delete", "namespace", "doomed", "--timeout=30s")
    assert time.monotonic() - started < 25
    assert "not found" in cluster.kubectl_fails("get", "namespace", "doomed")
    assert "not found" in space.kubectl_fails("create", "configmap", "late")
    everything = "pods,deployments,replicasets,services,endpointslices,configmaps,secrets,serviceaccounts,roles,events"
    assert not [item for item in cluster.get(everything, "-n", "doomed")["items"] if item["kind"] != "Event"]
