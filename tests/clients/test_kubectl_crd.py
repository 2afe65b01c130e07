"""The machine's kubectl with a custom kind: every verb that takes objects."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clients import crds
from harness.api_server import ApiServer
from harness.cluster import CommandFailed, eventually
from harness.wire import Wire

GROUP = "kubectl.example.com"


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server, self._namespace = server, namespace

    def __call__(self, *arguments: str, stdin: Any = None) -> str:
        text = stdin if stdin is None or isinstance(stdin, str) else json.dumps(stdin)
        return self._server.run("kubectl", "-n", self._namespace, *arguments, stdin=text).stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def fails(self, *arguments: str, stdin: Any = None) -> str:
        with pytest.raises(CommandFailed) as failed:
            self(*arguments, stdin=stdin)
        return str(failed.value.stderr)


@pytest.fixture(scope="module")
def kind(wire: Wire) -> Iterator[None]:
    crd = crds.definition("Crate", GROUP, crds.SIZED, shortNames=["cr8"], categories=["all"])
    with crds.served(wire, crd):
        yield


@pytest.fixture
def kubectl(kind: None, api_server: ApiServer, namespace: str) -> Kubectl:
    return Kubectl(api_server, namespace)


def crate(name: str = "c", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Crate",
        "metadata": {"name": name, "labels": {"app": "crates"}},
        "spec": {"size": 1, **spec},
    }


def test_create_get_and_delete(kubectl: Kubectl) -> None:
    assert kubectl("create", "-f", "-", stdin=crate()) == f"crate.{GROUP}/c created\n"
    assert "already exists" in kubectl.fails("create", "-f", "-", stdin=crate())
    header, row = kubectl("get", "crates").splitlines()
    assert header.split() == ["NAME", "SIZE"]
    assert row.split() == ["c", "1"]
    for name in ("crate", "cr8", f"crates.{GROUP}", f"crates.v1.{GROUP}", "crate/c"):
        assert kubectl("get", name, "-o", "name") == f"crate.{GROUP}/c\n"
    assert f"crate.{GROUP}/c" in kubectl("get", "all", "-o", "name")
    assert kubectl("get", "crates", "-o", "jsonpath={.items[*].spec.size}") == "1"
    assert kubectl("get", "crates", "-o", "custom-columns=N:.metadata.name,S:.spec.size").split() == [
        "N",
        "S",
        "c",
        "1",
    ]
    assert kubectl("get", "crates", "-l", "app!=crates", "-o", "name") == ""
    assert kubectl("get", "crates", "--field-selector", "metadata.name=c", "-o", "name") == f"crate.{GROUP}/c\n"
    assert yaml.safe_load(kubectl("get", "crate", "c", "-o", "yaml"))["spec"] == {"size": 1}
    assert kubectl("delete", "crate", "c").startswith(f'crate.{GROUP} "c" deleted')
    assert "No resources found" in kubectl._server.run("kubectl", "-n", kubectl._namespace, "get", "crates").stderr


def test_bad_objects_are_refused_in_upstreams_words(kubectl: Kubectl) -> None:
    text = kubectl.fails("create", "-f", "-", stdin=crate(size=0))
    assert "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1" in text
    text = kubectl.fails("create", "-f", "-", stdin=crate(color="blue"))
    assert 'spec.color: Unsupported value: "blue": supported values: "red", "green"' in text
    assert 'unknown field "spec.weight"' in kubectl.fails("create", "-f", "-", stdin=crate(weight=3))
    assert "spec.size: Required value" in kubectl.fails(
        "create", "-f", "-", stdin={**crate(), "spec": {"color": "red"}}
    )


def test_apply_both_ways_and_diff(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=crate(tags=["a"])).endswith("created\n")
    assert kubectl("apply", "-f", "-", stdin=crate(tags=["a"])).endswith("unchanged\n")
    with pytest.raises(CommandFailed) as different:
        kubectl("diff", "-f", "-", stdin=crate(size=2))
    assert "+  size: 2" in different.value.output
    assert kubectl("apply", "-f", "-", stdin=crate(size=2)).endswith("configured\n")
    assert "size: 2" in kubectl("apply", "view-last-applied", "crate", "c")
    assert kubectl.json("get", "crate", "c")["spec"] == {"size": 2}
    assert kubectl("apply", "-f", "-", "--dry-run=server", stdin=crate(size=7)).endswith("(server dry run)\n")
    assert "conflict" in kubectl.fails("apply", "--server-side", "--field-manager=b", "-f", "-", stdin=crate(size=3))
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=b", "-f", "-", stdin=crate(size=3))
    assert kubectl.json("get", "crate", "c")["spec"]["size"] == 3


def test_prune(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=crate())
    kubectl("apply", "--prune", "--all", f"--prune-allowlist={GROUP}/v1/Crate", "-f", "-", stdin=crate("other"))
    assert kubectl("get", "crates", "-o", "name") == f"crate.{GROUP}/other\n"


def test_changes(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=crate(replicas=2))
    assert kubectl("label", "crate", "c", "team=blue") == f"crate.{GROUP}/c labeled\n"
    assert kubectl("annotate", "crate", "c", "why=because") == f"crate.{GROUP}/c annotated\n"
    kubectl("patch", "crate", "c", "--type=merge", "-p", '{"spec":{"size":5}}')
    kubectl("patch", "crate", "c", "--type=json", "-p", '[{"op":"add","path":"/spec/color","value":"red"}]')
    kubectl("patch", "crate", "c", "--subresource=status", "--type=merge", "-p", '{"status":{"replicas":1}}')
    assert kubectl("scale", "crate", "c", "--replicas=4", "--current-replicas=2") == f"crate.{GROUP}/c scaled\n"
    found = kubectl.json("get", "crate", "c")
    assert found["spec"] == {"size": 5, "color": "red", "replicas": 4}
    assert found["status"] == {"replicas": 1}
    assert found["metadata"]["labels"] == {"app": "crates", "team": "blue"}
    assert kubectl.json("get", "crate", "c", "--subresource=scale")["kind"] == "Scale"
    found["spec"]["size"] = 6
    assert kubectl("replace", "-f", "-", stdin=found) == f"crate.{GROUP}/c replaced\n"
    assert "object has been modified" in kubectl.fails("replace", "-f", "-", stdin=found)
    editor = "sed -i s/size:.6/size:\\ 8/"
    environment = ["env", f"KUBE_EDITOR={editor}"]
    edited = kubectl._server.run(*environment, "kubectl", "-n", kubectl._namespace, "edit", "crate", "c")
    assert edited.stdout == f"crate.{GROUP}/c edited\n"
    assert kubectl.json("get", "crate", "c")["spec"]["size"] == 8


def test_descriptions_and_explanations(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=crate())
    described = kubectl("describe", "crate", "c")
    assert "Name:         c" in described
    assert "Size:  1" in described
    explained = eventually(lambda: kubectl("explain", "crate.spec"), within=20, what="the schema")
    assert "What is wanted." in explained
    assert "How big it is." in explained
    assert "FIELD: size <integer>" in kubectl("explain", "crates.spec.size")
    assert "recursive" not in kubectl("explain", "--recursive", "crate")
    listed = kubectl("api-resources", f"--api-group={GROUP}", "--no-headers").split()
    assert listed == ["crates", "cr8", f"{GROUP}/v1", "true", "Crate"]
    assert f"{GROUP}/v1" in kubectl("api-versions").splitlines()


def test_rights_to_custom_objects(kubectl: Kubectl) -> None:
    kubectl("create", "role", "reader", "--verb=get,list", f"--resource=crates.{GROUP}")
    kubectl("create", "rolebinding", "reader", "--role=reader", "--user=ann")
    assert kubectl("auth", "can-i", "list", f"crates.{GROUP}", "--as=ann") == "yes\n"
    assert (
        "no"
        in kubectl._server.run(
            "kubectl", "-n", kubectl._namespace, "auth", "can-i", "create", "crates", "--as=ann", check=False
        ).stdout
    )
    kubectl("create", "-f", "-", stdin=crate())
    assert kubectl("get", "crates", "-o", "name", "--as=ann") == f"crate.{GROUP}/c\n"
    text = kubectl.fails("delete", "crate", "c", "--as=ann")
    assert f'User "ann" cannot delete resource "crates" in API group "{GROUP}"' in text


def test_waiting_and_watching(kubectl: Kubectl, api_server: ApiServer) -> None:
    kubectl("create", "-f", "-", stdin=crate())
    command = ["kubectl", f"--kubeconfig={api_server.kubeconfig}", "-n", kubectl._namespace]
    waiting = subprocess.Popen(
        [*command, "wait", "crate/c", "--for=condition=Ready", "--timeout=30s"], stdout=subprocess.PIPE, text=True
    )
    watching = subprocess.Popen(
        [*command, "get", "crates", "--watch", "--output-watch-events", "--no-headers"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split() == ["ADDED", "c", "1"]
        status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
        kubectl("patch", "crate", "c", "--subresource=status", "--type=merge", "-p", status)
        assert watching.stdout.readline().split()[0] == "MODIFIED"
        assert waiting.communicate(timeout=30)[0] == f"crate.{GROUP}/c condition met\n"
        kubectl("delete", "crate", "c")
        assert watching.stdout.readline().split()[0] == "DELETED"
    finally:
        for process in (waiting, watching):
            process.kill()
            process.communicate()
    assert "not found" in kubectl.fails("get", "crate", "c")
    assert kubectl("wait", "crate/c", "--for=delete", "--timeout=5s") == ""


def test_finalizers_and_cascades(kubectl: Kubectl) -> None:
    kept = crate()
    kept["metadata"]["finalizers"] = [f"{GROUP}/wait"]
    owner = json.loads(kubectl("create", "-o", "json", "-f", "-", stdin=kept))
    reference = {"apiVersion": f"{GROUP}/v1", "kind": "Crate", "name": "c", "uid": owner["metadata"]["uid"]}
    child = {"metadata": {"name": "child", "ownerReferences": [reference]}, "apiVersion": "v1", "kind": "ConfigMap"}
    kubectl("create", "-f", "-", stdin=child)
    kubectl("delete", "crate", "c", "--wait=false")
    assert kubectl.json("get", "crate", "c")["metadata"]["deletionTimestamp"]
    kubectl("patch", "crate", "c", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert "not found" in kubectl.fails("get", "crate", "c")
    eventually(
        lambda: "child" not in kubectl("get", "configmaps", "-o", "name"), within=30, what="the end of the child"
    )
