"""kubernetes-asyncio: typed and dynamic clients, and watches over aiohttp."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes_asyncio import client, config, dynamic, watch
from kubernetes_asyncio.client.exceptions import ApiException

from harness.api_server import ApiServer


@pytest.fixture
async def api(api_server: ApiServer) -> AsyncIterator[client.ApiClient]:
    settings = client.Configuration()
    await config.load_kube_config(str(api_server.kubeconfig), client_configuration=settings)
    async with client.ApiClient(settings) as connection:
        yield connection


async def test_many_requests_at_once(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    bodies = [{"metadata": {"name": f"c{n}", "labels": {"many": "yes"}}, "data": {"n": str(n)}} for n in range(60)]
    await asyncio.gather(*(core.create_namespaced_config_map(namespace, body) for body in bodies))
    listed = await core.list_namespaced_config_map(namespace, label_selector="many=yes")
    assert {item.data["n"] for item in listed.items} == {str(n) for n in range(60)}
    await core.delete_collection_namespaced_config_map(namespace, label_selector="many=yes")
    assert (await core.list_namespaced_config_map(namespace, label_selector="many=yes")).items == []


async def test_watches_tell_all_changes_in_order(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    await core.create_namespaced_secret(namespace, {"metadata": {"name": "s"}, "stringData": {"n": "0"}})
    seen: list[tuple[str, Any]] = []
    async with asyncio.timeout(20), watch.Watch().stream(core.list_namespaced_secret, namespace) as events:
        async for event in events:
            seen.append((event["type"], event["object"].data["n"]))
            if event["type"] == "ADDED":
                await core.patch_namespaced_secret("s", namespace, {"stringData": {"n": "1"}})
            elif event["type"] == "MODIFIED":
                await core.delete_namespaced_secret("s", namespace)
            else:
                break
    assert seen == [("ADDED", "MA=="), ("MODIFIED", "MQ=="), ("DELETED", "MQ==")]


async def test_only_one_of_many_updates_of_the_same_version_wins(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    made = await core.create_namespaced_config_map(namespace, {"metadata": {"name": "c"}})

    async def update(n: int) -> bool:
        body = {"metadata": {"name": "c", "resourceVersion": made.metadata.resource_version}, "data": {"n": str(n)}}
        try:
            await core.replace_namespaced_config_map("c", namespace, body)
        except ApiException as error:
            return error.status != 409
        return True

    assert sum(await asyncio.gather(*(update(n) for n in range(20)))) == 1


async def test_the_dynamic_client(api: client.ApiClient, namespace: str) -> None:
    objects = await dynamic.DynamicClient(api)
    deployments = await objects.resources.get(api_version="apps/v1", kind="Deployment")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template},
    }
    await deployments.create(body=body, namespace=namespace)
    found = await deployments.get(name="d", namespace=namespace)
    assert found.spec.strategy.type == "RollingUpdate"
    gone = await deployments.delete(name="d", namespace=namespace, body={})
    assert gone.status == "Success"
