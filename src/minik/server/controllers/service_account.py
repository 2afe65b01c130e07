"""Gives every namespace its `default` ServiceAccount."""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import NAMESPACES, SERVICE_ACCOUNTS
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.pod_control import namespace_is_terminating


class ServiceAccountController(Controller):
    name = "service-account-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._namespaces = self.watch(context.informers.of(NAMESPACES))
        self._accounts = self.watch(
            context.informers.of(SERVICE_ACCOUNTS, field_selector="metadata.name=default"), _namespace_if_gone
        )

    async def reconcile(self, key: str) -> float | None:
        namespace = self._namespaces.get_key(key)
        if namespace is None or is_deleting(namespace) or self._accounts.get("default", key) is not None:
            return None
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": key},
        }
        try:
            await self._client.create(SERVICE_ACCOUNTS, account, key)
        except StatusError as error:
            if error.reason not in ("AlreadyExists", "NotFound") and not namespace_is_terminating(error):
                raise
        return None


def _namespace_if_gone(change: Change) -> Iterable[str]:
    if change.new is None:
        yield change.obj["metadata"]["namespace"]
