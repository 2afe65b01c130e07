"""Admission that users configure: policies and webhooks, in upstream's order.

Each plugin is loaded with the first object that configures it (configured.py) and follows these objects from then on.
Until then a write pays for one comparison.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from minik.api.scheme import Scheme
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, Plugin
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.objects import Reader

if TYPE_CHECKING:
    from minik.server.apiserver.admission.configured import Workshop
    from minik.server.apiserver.admission.versions import WebhookConverter

_GROUP = "admissionregistration.k8s.io"
MUTATING_POLICIES = GVR(_GROUP, "v1", "mutatingadmissionpolicies")
MUTATING_BINDINGS = GVR(_GROUP, "v1", "mutatingadmissionpolicybindings")
MUTATING_WEBHOOKS = GVR(_GROUP, "v1", "mutatingwebhookconfigurations")
VALIDATING_POLICIES = GVR(_GROUP, "v1", "validatingadmissionpolicies")
VALIDATING_BINDINGS = GVR(_GROUP, "v1", "validatingadmissionpolicybindings")
VALIDATING_WEBHOOKS = GVR(_GROUP, "v1", "validatingwebhookconfigurations")


class Index(Protocol):
    """What is kept in step with stored objects (Objects.follow)."""

    def reset(self) -> None: ...

    def change(self, resource: GVR, new: Obj | None, last: Obj | None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Configured:
    """A loaded plugin and the index of its configuration."""

    index: Index
    plugin: Plugin


class OnDemand(Plugin):
    """Stands for a plugin and its index from the start."""

    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    resources = None

    def __init__(self, name: str, follows: Sequence[GVR], load: Callable[[], Configured]) -> None:
        self.name = name  # type: ignore[misc]  # it stands for several plugins
        self.follows = follows
        self._load = load
        self._loaded: Configured | None = None

    def reset(self) -> None:
        if self._loaded is not None:
            self._loaded.index.reset()

    def change(self, resource: GVR, new: Obj | None, last: Obj | None) -> None:
        if self._loaded is None:
            if new is None:
                return
            self._loaded = self._load()
        self._loaded.index.change(resource, new, last)


class _Mutating(OnDemand):
    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if self._loaded is not None and self._loaded.plugin.cares_about(attributes.operation, *attributes.gvr[::2]):
            await self._loaded.plugin.mutate(attributes)


class _Validating(OnDemand):
    async def validate(self, attributes: AdmissionAttributes) -> None:
        if self._loaded is not None:
            await self._loaded.plugin.validate(attributes)


class DynamicAdmission:
    """`plugins` also have to be kept in step with what they follow. As a component it closes connections at the end."""

    name = "webhook-client"

    def __init__(
        self, objects: Reader, scheme: Scheme, authorize: Authorize, metrics: AdmissionMetrics | None = None
    ) -> None:
        self._metrics = metrics or AdmissionMetrics()
        self._objects = objects
        self._scheme = scheme
        self._authorize = authorize
        self._workshop: Workshop | None = None
        self.webhook_converter: Callable[[], WebhookConverter | None] = lambda: None  # set by who can convert
        self.plugins: list[OnDemand] = [
            _Mutating(
                "MutatingAdmissionPolicy",
                (MUTATING_POLICIES, MUTATING_BINDINGS),
                lambda: self._made().mutating_policies(),
            ),
            _Mutating("MutatingAdmissionWebhook", (MUTATING_WEBHOOKS,), lambda: self._made().mutating_webhooks()),
            _Validating(
                "ValidatingAdmissionPolicy",
                (VALIDATING_POLICIES, VALIDATING_BINDINGS),
                lambda: self._made().validating_policies(),
            ),
            _Validating(
                "ValidatingAdmissionWebhook",
                (VALIDATING_WEBHOOKS,),
                lambda: self._made().validating_webhooks(),
            ),
        ]

    def _made(self) -> "Workshop":
        if self._workshop is None:
            from minik.server.apiserver.admission.configured import Workshop
            from minik.server.apiserver.admission.versions import Conversions
            from minik.server.apiserver.webhooks.client import WebhookClient

            conversions = Conversions(lambda: self.webhook_converter())
            client = WebhookClient(self._objects)
            self._workshop = Workshop(self._objects, self._scheme, self._authorize, conversions, client, self._metrics)
        return self._workshop

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        if self._workshop is not None:
            await self._workshop.client.close()
