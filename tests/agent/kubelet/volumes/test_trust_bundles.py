import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "client"))

from fake_client import FakeClient, until

from minik.agent.kubelet.object_cache import ObjectCache
from minik.agent.kubelet.volumes import projected
from minik.agent.kubelet.volumes.volume import PayloadFile, VolumeContext, VolumeError
from minik.client.resources import CLUSTER_TRUST_BUNDLES

Obj = dict[str, Any]
SIGNER = "example.org/signer"


def certificate(name: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n"


def bundle(name: str, *certificates: str, signer: str = SIGNER, **labels: str) -> Obj:
    spec = {"signerName": signer, "trustBundle": "".join(map(certificate, certificates))}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


async def projection(client: FakeClient, source: Obj, pod_spec: Obj | None = None, changed: Any = print) -> PayloadFile:
    pod = {"metadata": {"uid": "u", "namespace": "ns"}, "spec": {"containers": [{"name": "c"}], **(pod_spec or {})}}
    volume = {"sources": [{"clusterTrustBundle": {"path": "ca.pem", **source}}]}
    async with asyncio.TaskGroup() as group:
        cache = ObjectCache(client, group, changed)  # type: ignore[arg-type]
        context = VolumeContext(pod, Path(), *(None, cache, None, client, None, None))  # type: ignore[arg-type]
        try:
            found = await projected.payload(volume, context, 0o644)
        finally:
            cache.release("u")
        return found.files["ca.pem"]


@pytest.fixture
async def client() -> FakeClient:
    client = FakeClient()
    for obj in (
        bundle("a", "one", "two", tier="live"),
        bundle("b", "two", "three", tier="test"),
        bundle("c", "four", signer="example.org/other", tier="live"),
    ):
        client.add(CLUSTER_TRUST_BUNDLES, obj)
    return client


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ({"name": "a"}, ["one", "two"]),
        ({"name": "none", "optional": True}, []),
        ({"signerName": SIGNER, "labelSelector": {}}, ["one", "two", "three"]),
        ({"signerName": SIGNER, "labelSelector": {"matchLabels": {"tier": "test"}}}, ["two", "three"]),
        ({"signerName": SIGNER, "optional": True}, []),
    ],
)
async def test_each_certificate_of_the_bundles_comes_once(client: FakeClient, source: Obj, names: list[str]) -> None:
    content = "".join(map(certificate, names)).encode()
    assert await projection(client, source) == PayloadFile(content, 0o644)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"name": "none"}, 'clustertrustbundle.certificates.k8s.io "none" not found'),
        ({"signerName": SIGNER}, "combination of signerName and labelSelector matched zero ClusterTrustBundles"),
    ],
)
async def test_bundles_must_be_there(client: FakeClient, source: Obj, text: str) -> None:
    with pytest.raises(BaseExceptionGroup) as found:
        await projection(client, source)
    assert found.group_contains(VolumeError, match=text)


async def test_the_file_is_for_whom_the_pod_runs_as(client: FakeClient) -> None:
    found = await projection(client, {"name": "c"}, {"securityContext": {"runAsUser": 1000}})
    assert found == PayloadFile(certificate("four").encode(), 0o600, 1000)


async def test_who_uses_a_signer_hears_of_its_new_bundles(client: FakeClient) -> None:
    told: list[str] = []
    async with asyncio.TaskGroup() as group:
        cache = ObjectCache(client, group, told.append)  # type: ignore[arg-type]
        await cache.select("u", CLUSTER_TRUST_BUNDLES, f"spec.signerName={SIGNER}")
        told.clear()
        client.add(CLUSTER_TRUST_BUNDLES, bundle("d", "five"))
        await until(lambda: told == ["u"])
        cache.release("u")
