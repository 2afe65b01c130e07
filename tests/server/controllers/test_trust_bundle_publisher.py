from typing import Any

from fake_client import until

from minik.client.resources import CLUSTER_TRUST_BUNDLES
from minik.server.controllers.trust_bundle_publisher import SIGNER, TrustBundlePublisher


def bundle(name: str, text: str, signer: str = SIGNER) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"signerName": signer, "trustBundle": text}}


async def test_the_signer_has_one_bundle_with_the_cluster_s_ca(cluster: Any) -> None:
    cluster.client.add(CLUSTER_TRUST_BUNDLES, bundle("kubernetes.io:kube-apiserver-serving:old", "OLD"))
    cluster.client.add(CLUSTER_TRUST_BUNDLES, bundle("other", "OTHER", "example.org/signer"))

    def published() -> dict[str, str]:
        return {b["metadata"]["name"]: b["spec"]["trustBundle"] for b in cluster.client.all(CLUSTER_TRUST_BUNDLES)}

    name = "kubernetes.io:kube-apiserver-serving:384fb9a44fabe158be2757b9"
    cluster.start(TrustBundlePublisher)
    await until(lambda: published() == {name: "PEM", "other": "OTHER"})
    cluster.client.remove(CLUSTER_TRUST_BUNDLES, name)
    await until(lambda: name in published())
    cluster.client.add(CLUSTER_TRUST_BUNDLES, bundle("kubernetes.io:kube-apiserver-serving:more", "MORE"))
    await until(lambda: len(published()) == 2)
