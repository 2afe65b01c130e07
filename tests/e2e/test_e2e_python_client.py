"""The official Python client against minik."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import portforward, stream

from harness.cluster import IMAGE, Cluster, eventually
from harness.space import Space, pod
from harness.terminal import Terminal

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[client.ApiClient]:
    settings = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
    settings.host = cluster.url
    with client.ApiClient(settings) as connection:
        yield connection


def test_objects_are_created_read_changed_watched_and_deleted(api: client.ApiClient, space: Space) -> None:
    core = client.CoreV1Api(api)
    seen: list[tuple[str, str, dict[str, str] | None]] = []

    def follow() -> None:
        changes = watch.Watch()
        for event in changes.stream(
            core.list_namespaced_config_map, space.name, label_selector="mine", timeout_seconds=30
        ):
            seen.append((event["type"], event["object"].metadata.name, event["object"].data))
            if event["type"] == "DELETED":
                return

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings", labels={"mine": "yes"}), data={"a": "1"})
    made = core.create_namespaced_config_map(space.name, body)
    assert made.metadata.uid
    with pytest.raises(ApiException, match="already exists") as conflict:
        core.create_namespaced_config_map(space.name, body)
    assert conflict.value.status == 409
    core.patch_namespaced_config_map("settings", space.name, {"data": {"b": "2"}})
    read = core.read_namespaced_config_map("settings", space.name)
    assert read.data == {"a": "1", "b": "2"}
    read.data = {"c": "3"}
    core.replace_namespaced_config_map("settings", space.name, read)
    with pytest.raises(ApiException, match="the object has been modified"):
        core.replace_namespaced_config_map("settings", space.name, read)
    listed = core.list_namespaced_config_map(space.name, limit=1)
    assert len(listed.items) == 1
    assert listed.metadata._continue
    rest = core.list_namespaced_config_map(space.name, limit=5, _continue=listed.metadata._continue)
    assert {item.metadata.name for item in (*listed.items, *rest.items)} == {"kube-root-ca.crt", "settings"}
    core.delete_namespaced_config_map("settings", space.name)
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("settings", space.name)
    assert gone.value.status == 404
    follower.join(20)
    assert [kind for kind, _, _ in seen] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert seen[2][2] == {"c": "3"}


def test_deployments_scale_through_their_subresource(api: client.ApiClient, space: Space) -> None:
    apps = client.AppsV1Api(api)
    labels = {"app": "web"}
    container = client.V1Container(name="web", image=IMAGE)
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1DeploymentSpec(selector=client.V1LabelSelector(match_labels=labels), template=template, replicas=1)
    apps.create_namespaced_deployment(
        space.name, client.V1Deployment(metadata=client.V1ObjectMeta(name="web"), spec=spec)
    )
    eventually(lambda: apps.read_namespaced_deployment("web", space.name).status.available_replicas == 1)
    apps.patch_namespaced_deployment_scale("web", space.name, {"spec": {"replicas": 2}})
    eventually(lambda: apps.read_namespaced_deployment_status("web", space.name).status.available_replicas == 2)
    assert apps.read_namespaced_deployment_scale("web", space.name).status.selector == "app=web"


def test_programs_run_in_containers_and_ports_come_forward(api: client.ApiClient, space: Space) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(space.name, pod("web"))
    space.ready("web")
    name = core.connect_get_namespaced_pod_exec

    said = stream(name, "web", space.name, command=["hostname"], stdout=True, stderr=True, stdin=False, tty=False)
    assert said == "web\n"

    shell: Any = stream(
        *(name, "web", space.name),
        command=["sh"],
        stdin=True,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )
    shell.write_stdin("echo to out; echo to err >&2; exit 5\n")
    shell.run_forever(timeout=20)
    assert shell.read_stdout() == "to out\n"
    assert shell.read_stderr() == "to err\n"
    assert shell.returncode == 5

    forward = portforward(core.connect_get_namespaced_pod_portforward, "web", space.name, ports="80")
    connection = forward.socket(80)
    connection.setblocking(True)
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while piece := connection.recv(4096):
        answer += piece
    connection.close()
    assert answer.endswith(b"web\n")
    assert forward.error(80) is None
    assert "response:200" in core.read_namespaced_pod_log("web", space.name)


def test_older_streaming_protocols_work(api: client.ApiClient, space: Space) -> None:
    """WebSocket v4 from older clients, SPDY from older kubectls."""
    space.apply(pod("web"))
    space.ready("web")
    with client.ApiClient(api.configuration) as older:
        older.set_default_header("sec-websocket-protocol", "v4.channel.k8s.io")
        shell: Any = stream(
            *(client.CoreV1Api(older).connect_get_namespaced_pod_exec, "web", space.name),
            command=["sh"],
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        assert shell.subprotocol == "v4.channel.k8s.io"
        shell.write_stdin("echo old; exit 4\n")
        shell.run_forever(timeout=20)
        assert (shell.read_stdout(timeout=1), shell.returncode) == ("old\n", 4)

    spdy = ("env", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false", "kubectl", "-n", space.name, "exec", "-i", "web", "--")
    done = space.cluster.run(*spdy, "sh", "-c", "cat; exit 6", stdin="over SPDY\n", check=False)
    assert (done.stdout, done.returncode) == ("over SPDY\n", 6)
    forward = [
        "env",
        "KUBECTL_PORT_FORWARD_WEBSOCKETS=false",
        "kubectl",
        "-n",
        space.name,
        "port-forward",
        "web",
        ":80",
    ]
    environment = {**os.environ, "KUBECONFIG": str(space.cluster.kubeconfig)}
    with Terminal(space.cluster.inside(forward), environment=environment) as forwarding:
        port = forwarding.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80").group(1)
        assert space.cluster.run("curl", "-sS", "-m", "5", f"http://127.0.0.1:{port}/").stdout == "web\n"


def test_any_kind_is_reached_dynamically_and_applied(api: client.ApiClient, space: Space) -> None:
    anything = dynamic.DynamicClient(api)
    maps = anything.resources.get(api_version="v1", kind="ConfigMap")
    roles = anything.resources.get(api_version="rbac.authorization.k8s.io/v1", kind="Role")

    def desired(**data: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": data}

    maps.server_side_apply(body=desired(a="1", b="1"), namespace=space.name, field_manager="first")
    maps.server_side_apply(body=desired(c="2"), namespace=space.name, field_manager="second")
    with pytest.raises(dynamic.exceptions.ConflictError, match=r"conflict with \\\"first\\\": .data.a"):
        maps.server_side_apply(body=desired(a="2"), namespace=space.name, field_manager="second")
    maps.server_side_apply(body=desired(a="2"), namespace=space.name, field_manager="second", force_conflicts=True)
    maps.server_side_apply(body=desired(b="3"), namespace=space.name, field_manager="first")
    shared = maps.get(name="shared", namespace=space.name)
    assert shared.data.to_dict() == {"a": "2", "b": "3"}
    assert {entry.manager: entry.operation for entry in shared.metadata.managedFields} == {
        "first": "Apply",
        "second": "Apply",
    }

    roles.create(
        namespace=space.name,
        body={"metadata": {"name": "look"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    )
    assert roles.get(name="look", namespace=space.name).rules[0].verbs == ["get"]
    roles.delete(name="look", namespace=space.name)
    assert not [item for item in roles.get(namespace=space.name).items if item.metadata.name == "look"]
