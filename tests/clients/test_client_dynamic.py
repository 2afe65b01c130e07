"""The official Python client: dynamic client, discovery, watch, server-side apply, custom kinds."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, UnprocessibleEntityError

from clients import crds
from harness.wire import Wire


@pytest.fixture(scope="module")
def api(api_server: Any) -> Iterator[client.ApiClient]:
    settings = client.Configuration()
    config.load_kube_config(str(api_server.kubeconfig), client_configuration=settings)
    with client.ApiClient(settings) as connection:
        yield connection


@pytest.fixture
def dynamic_client(api: client.ApiClient, tmp_path: Path) -> dynamic.DynamicClient:
    return dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery"))


def test_every_discovered_kind_can_be_found(dynamic_client: dynamic.DynamicClient) -> None:
    for api_version, kind in (("v1", "Pod"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob"), ("v1", "Namespace")):
        found = dynamic_client.resources.get(api_version=api_version, kind=kind)
        assert found.kind == kind
    assert dynamic_client.resources.get(api_version="apps/v1", kind="Deployment").subresources.keys() == {
        "scale",
        "status",
    }


def test_custom_objects_live_their_whole_life(
    dynamic_client: dynamic.DynamicClient, wire: Wire, namespace: str
) -> None:
    with crds.served(wire, crds.definition("Widget", "dynamic.example.com", crds.SIZED, shortNames=["wd"])):
        dynamic_client.resources.invalidate_cache()
        widgets = dynamic_client.resources.get(api_version="dynamic.example.com/v1", kind="Widget")
        body = {
            "apiVersion": "dynamic.example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "w"},
            "spec": {"size": 1, "replicas": 2},
        }
        made = widgets.create(body=body, namespace=namespace)
        assert made.metadata.generation == 1
        with pytest.raises(ConflictError):
            widgets.create(body=body, namespace=namespace)
        with pytest.raises(UnprocessibleEntityError, match=r"spec\.size"):
            widgets.patch(
                name="w", namespace=namespace, body={"spec": {"size": 0}}, content_type="application/merge-patch+json"
            )
        applied = widgets.server_side_apply(
            body={**body, "spec": {"size": 5}}, name="w", namespace=namespace, field_manager="me", force_conflicts=True
        )
        assert applied.spec.to_dict() == {"size": 5, "replicas": 2}
        assert applied.metadata.generation == 2
        status = widgets.status.patch(
            body={"status": {"ready": "yes"}, "spec": {"size": 9}},
            name="w",
            namespace=namespace,
            content_type="application/merge-patch+json",
        )
        assert (status.status.ready, status.spec.size, status.metadata.generation) == ("yes", 5, 2)
        assert widgets.subresources["scale"].get(name="w", namespace=namespace).spec.replicas == 2
        assert [item.metadata.name for item in widgets.get(namespace=namespace).items] == ["w"]
        assert widgets.delete(name="w", namespace=namespace).status == "Success"
        with pytest.raises(NotFoundError):
            widgets.get(name="w", namespace=namespace)


def test_watches_go_on_where_a_list_ended(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a", labels={"mine": "yes"}), data={"n": "0"})
    core.create_namespaced_config_map(namespace, body)
    listed = core.list_namespaced_config_map(namespace, label_selector="mine=yes")
    seen: list[tuple[str, Any]] = []

    def follow() -> None:
        events = watch.Watch().stream(
            core.list_namespaced_config_map,
            namespace,
            label_selector="mine=yes",
            resource_version=listed.metadata.resource_version,
            timeout_seconds=20,
        )
        for event in events:
            seen.append((event["type"], event["object"].data["n"]))
            if event["type"] == "DELETED":
                return

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    for n in ("1", "2"):
        core.patch_namespaced_config_map("a", namespace, {"data": {"n": n}})
    core.patch_namespaced_config_map("a", namespace, {"metadata": {"labels": {"mine": "no"}}})
    follower.join(20)
    assert seen == [("MODIFIED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_yaml_files_are_created(api: client.ApiClient, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: b}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: two}\nspec:\n  replicas: 0\n"
        "  selector: {matchLabels: {app: two}}\n  template:\n    metadata: {labels: {app: two}}\n"
        "    spec: {containers: [{name: c, image: i}]}\n"
    )
    made = utils.create_from_yaml(api, str(file), namespace=namespace)
    assert [item.kind for group in made for item in group] == ["ConfigMap", "Deployment"]


def test_workloads_become_what_their_controllers_make_of_them(api: client.ApiClient, namespace: str) -> None:
    apps, scaling = client.AppsV1Api(api), client.AutoscalingV2Api(api)
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"app": "web"}),
        spec=client.V1PodSpec(
            containers=[client.V1Container(name="web", image="nginx")], node_selector={"no": "where"}
        ),
    )
    spec = client.V1DeploymentSpec(selector={"matchLabels": {"app": "web"}}, template=template, replicas=2)
    apps.create_namespaced_deployment(namespace, client.V1Deployment(metadata={"name": "web"}, spec=spec))
    for event in watch.Watch().stream(apps.list_namespaced_deployment, namespace, timeout_seconds=20):
        if (event["object"].status.unavailable_replicas or 0) == 2:
            break
    else:
        pytest.fail("the Deployment got no Pods")
    scale = apps.read_namespaced_deployment_scale("web", namespace)
    scale.spec.replicas = 0
    scale.metadata.resource_version = None  # whatever the controller writes meanwhile
    apps.replace_namespaced_deployment_scale("web", namespace, scale)
    assert apps.read_namespaced_deployment("web", namespace).spec.replicas == 0
    assert scaling.list_namespaced_horizontal_pod_autoscaler(namespace).items == []
