"""kr8s: its objects, its waiting, its own discovery and kinds of custom objects."""

import asyncio
from typing import Any

import kr8s
import kr8s.asyncio
import kr8s.asyncio.objects as objects
import pytest

from clients import crds
from harness.api_server import ApiServer
from harness.wire import Wire


@pytest.fixture
async def api(api_server: ApiServer, namespace: str) -> Any:
    return await kr8s.asyncio.api(kubeconfig=str(api_server.kubeconfig), namespace=namespace)


async def test_the_version_and_the_kinds_are_discovered(api: Any) -> None:
    assert (await api.version())["major"] == "1"
    kinds = {resource["kind"] for resource in await api.api_resources()}
    assert {"Pod", "Deployment", "CustomResourceDefinition", "Role", "Lease"} <= kinds


async def test_deployments_scale_and_go(api: Any, namespace: str) -> None:
    template = {
        "metadata": {"labels": {"app": "d"}},
        "spec": {"nodeSelector": {"no": "where"}, "containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    deployment = await objects.Deployment({"metadata": {"name": "d"}, "spec": spec}, namespace=namespace, api=api)
    await deployment.create()
    await deployment.wait("condition=Progressing", timeout=20)
    async with asyncio.timeout(20):
        async for event, pod in api.watch("pods", namespace=namespace):
            assert (event, pod.labels["app"]) == ("ADDED", "d")
            break
    assert len(await deployment.pods()) == 1
    await deployment.scale(0)
    await deployment.refresh()
    assert deployment.replicas == 0
    await deployment.label(team="blue")
    await deployment.annotate({"a/b": "c"})
    assert (await objects.Deployment.get("d", namespace=namespace, api=api)).labels["team"] == "blue"
    await deployment.delete(propagation_policy="Foreground")
    await deployment.wait("delete", timeout=20)
    assert [pod async for pod in api.get("pods", namespace=namespace)] == []


async def test_custom_kinds(api: Any, wire: Wire, namespace: str) -> None:
    with crds.served(wire, crds.definition("Shelf", "kr8s.example.com", crds.SIZED)):
        shelf_class = kr8s.objects.new_class(
            "Shelf", "kr8s.example.com/v1", namespaced=True, asyncio=True, plural="shelfs"
        )
        shelf = await shelf_class({"metadata": {"name": "s"}, "spec": {"size": 1}}, namespace=namespace, api=api)
        await shelf.create()
        await shelf.patch({"spec": {"size": 3}})
        await shelf.patch({"status": {"ready": True}}, subresource="status")
        await shelf.refresh()
        assert (shelf.spec.size, shelf.status.ready) == (3, True)
        with pytest.raises(kr8s.ServerError, match="Unsupported value"):
            await shelf.patch({"spec": {"color": "blue"}})
        assert [found.name async for found in api.get("shelfs.kr8s.example.com", namespace=namespace)] == ["s"]
        await shelf.delete()


async def test_watches(api: Any, namespace: str) -> None:
    seen = []
    first = await objects.ConfigMap({"metadata": {"name": "w"}, "data": {"a": "1"}}, namespace=namespace, api=api)
    await first.create()
    async with asyncio.timeout(20):
        async for event, found in api.watch("configmaps", namespace=namespace, field_selector="metadata.name=w"):
            seen.append((event, found.raw["data"]["a"]))
            if event == "ADDED":
                await first.patch({"data": {"a": "2"}})
            elif event == "MODIFIED":
                await first.delete()
            else:
                break
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]
