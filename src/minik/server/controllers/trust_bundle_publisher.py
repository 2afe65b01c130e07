"""Publishes the CA that verifies the API server as ClusterTrustBundle of `kubernetes.io/kube-apiserver-serving`.

Its name tells its content; bundles of that signer with other content are of older CAs and go.
https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#cluster-trust-bundles
"""

import asyncio
import hashlib

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.resources import CLUSTER_TRUST_BUNDLES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import own_copy

SIGNER = "kubernetes.io/kube-apiserver-serving"
_ALL = ""  # there is one key: the signer's bundles are looked at together


class TrustBundlePublisher(Controller):
    name = "kube-apiserver-serving-clustertrustbundle-publisher"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._ca = context.settings.root_ca
        bundles = context.informers.of(CLUSTER_TRUST_BUNDLES, field_selector=f"spec.signerName={SIGNER}")
        self._bundles = self.watch(bundles, lambda _: (_ALL,))

    async def run(self, ready: asyncio.Event) -> None:
        self.queue.add(_ALL)
        await super().run(ready)

    async def reconcile(self, key: str) -> float | None:
        name = f"{SIGNER.replace('/', ':')}:{hashlib.sha256(self._ca.encode()).hexdigest()[:24]}"
        current = self._bundles.get(name)
        if current is None:
            await self._client.create(CLUSTER_TRUST_BUNDLES, self._wanted(name))
        elif current["spec"].get("trustBundle") != self._ca:
            changed = own_copy(current)
            changed["spec"] = {**changed["spec"], "trustBundle": self._ca}
            await self._client.update(CLUSTER_TRUST_BUNDLES, changed)
        for other in self._bundles.list():
            if other["metadata"]["name"] != name:
                await self._delete(other["metadata"]["name"])
        return None

    async def _delete(self, name: str) -> None:
        try:
            await self._client.delete(CLUSTER_TRUST_BUNDLES, name)
        except StatusError as error:
            if error.code != 404:
                raise

    def _wanted(self, name: str) -> Obj:
        return {
            "apiVersion": CLUSTER_TRUST_BUNDLES.api_version,
            "kind": "ClusterTrustBundle",
            "metadata": {"name": name},
            "spec": {"signerName": SIGNER, "trustBundle": self._ca},
        }
