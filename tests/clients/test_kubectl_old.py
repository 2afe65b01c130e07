"""kubectl 1.20, as Debian has it: five years older than the API it talks to."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import crds
from harness.api_server import ApiServer
from harness.cluster import CommandFailed, eventually
from harness.wire import Wire

PACKAGE = "kubernetes-client"
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"nodeSelector": {"no": "where"}, "containers": [{"name": "web", "image": "nginx:1"}]},
        },
    },
}


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Debian's kubectl, unpacked and not installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("not installed: apt-get or dpkg-deb")
    directory = tmp_path_factory.mktemp("kubectl")
    got = subprocess.run(
        ["apt-get", "-o", "APT::Sandbox::User=root", "download", PACKAGE],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    packages = list(directory.glob("*.deb"))
    if not packages:
        pytest.skip(f"apt-get cannot download {PACKAGE}: {got.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], directory / "root"], check=True, timeout=60)
    packages[0].unlink()
    yield directory / "root" / "usr" / "bin" / "kubectl"
    shutil.rmtree(directory)


class Kubectl:
    """The old kubectl in one namespace."""

    def __init__(self, binary: Path, server: ApiServer, namespace: str) -> None:
        self._binary, self._server, self._namespace = str(binary), server, namespace

    def __call__(self, *arguments: str, stdin: Any = None) -> str:
        text = None if stdin is None else json.dumps(stdin)
        return self._server.run(self._binary, "-n", self._namespace, *arguments, stdin=text).stdout

    def fails(self, *arguments: str, stdin: Any = None) -> str:
        with pytest.raises(CommandFailed) as failed:
            self(*arguments, stdin=stdin)
        return str(failed.value.stderr)


@pytest.fixture
def kubectl(binary: Path, api_server: ApiServer, namespace: str) -> Kubectl:
    return Kubectl(binary, api_server, namespace)


def test_versions_and_kinds(kubectl: Kubectl) -> None:
    versions = json.loads(kubectl("version", "-o", "json"))
    assert versions["clientVersion"]["minor"].startswith("20")
    assert versions["serverVersion"]["major"] == "1"
    listed = kubectl("api-resources", "-o", "wide")
    assert "deployments" in listed
    assert "apps/v1" in kubectl("api-versions").splitlines()
    assert "is running at" in kubectl("cluster-info")


def test_apply_is_validated_by_the_old_openapi_document(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", stdin=DEPLOYMENT) == "deployment.apps/web unchanged\n"
    changed = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 1}}
    assert kubectl("apply", "-f", "-", stdin=changed) == "deployment.apps/web configured\n"
    assert "serverside-applied" in kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=changed)
    wrong = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicaz": 1}}
    assert 'unknown field "replicaz"' in kubectl.fails("apply", "-f", "-", stdin=wrong)


def test_what_is_shown(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=DEPLOYMENT)
    header = kubectl("get", "deployments").splitlines()[0].split()
    assert header == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    eventually(lambda: kubectl("get", "pods", "-o", "name").count("pod/web-") == 2, what="two Pods")
    assert "Pending" in kubectl("get", "pods", "-o", "wide")
    described = kubectl("describe", "deployment", "web")
    assert "2 desired" in described
    eventually(lambda: "ScalingReplicaSet" in kubectl("describe", "deployment", "web"), what="an event")
    assert "Node-Selectors:" in kubectl("describe", "pods")
    for kind in ("namespace", "nodes", "services", "serviceaccounts", "roles", "configmaps", "secrets", "events"):
        kubectl("get", kind)
        kubectl("describe", kind)
    assert "replicas\t<integer>" in kubectl("explain", "deployment.spec")


def test_rollouts_and_scaling(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=DEPLOYMENT)
    assert kubectl("scale", "deployment", "web", "--replicas=0") == "deployment.apps/web scaled\n"
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    kubectl("set", "image", "deployment/web", "web=nginx:2", "--record")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    history = kubectl("rollout", "history", "deployment/web")
    assert "set image" in history
    kubectl("rollout", "undo", "deployment/web")
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={..image}") == "nginx:1"
    kubectl("rollout", "pause", "deployment/web")
    kubectl("rollout", "resume", "deployment/web")
    kubectl("rollout", "restart", "deployment/web")
    kubectl("autoscale", "deployment", "web", "--min=1", "--max=3")
    assert "web" in kubectl("get", "hpa", "-o", "name")
    assert kubectl("delete", "deployment", "web") == 'deployment.apps "web" deleted\n'


def test_generators(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "--from-literal=a=b")
    kubectl("create", "serviceaccount", "robot")
    kubectl("create", "quota", "q", "--hard=pods=10")
    kubectl("create", "job", "j", "--image=busybox")
    kubectl("run", "p", "--image=busybox", "--labels=a=b")
    kubectl("expose", "pod", "p", "--port=80")
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "rb", "--role=r", "--serviceaccount=default:robot")
    kubectl("label", "pod", "p", "x=y")
    kubectl("annotate", "pod", "p", "x=y")
    kubectl("patch", "configmap", "c", "-p", '{"data":{"c":"d"}}')
    assert kubectl("get", "configmap", "c", "-o", "jsonpath={.data}") == '{"a":"b","c":"d"}'
    kubectl("delete", "pod,service,job,configmap", "--all", "--wait=false")


def test_custom_kinds(kubectl: Kubectl, wire: Wire) -> None:
    with crds.served(wire, crds.definition("Relic", "old.example.com", crds.SIZED)):
        relic = {"apiVersion": "old.example.com/v1", "kind": "Relic", "metadata": {"name": "r"}, "spec": {"size": 1}}
        kubectl("apply", "-f", "-", stdin=relic)
        relic["spec"] = {"size": 2}
        assert kubectl("apply", "-f", "-", stdin=relic) == "relic.old.example.com/r configured\n"
        assert kubectl("get", "relics").split() == ["NAME", "SIZE", "r", "2"]
        assert "Size:  2" in kubectl("describe", "relic", "r")
        assert "How big it is." in eventually(lambda: kubectl("explain", "relic.spec"), within=20, what="the schema")
        kubectl("delete", "relic", "r")


def test_parts_of_long_lists(kubectl: Kubectl) -> None:
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{n}"}} for n in range(20)]
    kubectl("create", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
    assert len(kubectl("get", "configmaps", "--chunk-size=3", "-o", "name").splitlines()) >= 20
    kubectl("delete", "configmaps", "--all")
