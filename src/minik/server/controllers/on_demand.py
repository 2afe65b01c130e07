"""Controllers that few clusters need, built when the first object they are for appears; their modules load then.

A trigger on a resource that others watch anyway costs a look at each change. For a resource that nobody else watches,
the API is asked once at the start whether there is one already; whatever makes the first one wakes another trigger.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import NODES, PERSISTENT_VOLUMES, PODS, RESOURCE_CLAIMS, SERVICES
from minik.server.controllers.context import ControllerContext
from minik.supervisor import Component

log = logging.getLogger("minik.controller-manager")

FIRST_BACKOFF, LONGEST_BACKOFF, STABLE_AFTER = 1.0, 60.0, 60.0  # seconds

_CLEANUP = "service.kubernetes.io/load-balancer-cleanup"
_UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"


@dataclass(frozen=True, slots=True)
class Trigger:
    """`calls` says whether an object needs the controllers. Not `watched`: any object there is at the start does."""

    resource: GVR
    calls: Callable[[Obj], bool] = lambda obj: True
    watched: bool = True


class OnDemand:
    """Stands in for the controllers that `module.controllers(context)` builds. A component."""

    def __init__(self, name: str, context: ControllerContext, module: str, triggers: Sequence[Trigger]) -> None:
        self.name = name
        self._context = context
        self._module = module
        self._triggers = triggers
        self._wanted = asyncio.Event()
        self.controllers: Sequence[Controller] = ()

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        if not self.controllers:
            await self._wait()
            await asyncio.to_thread(import_module, self._module)
            self.controllers = import_module(self._module).controllers(self._context)
        async with asyncio.TaskGroup() as group:
            for controller in self.controllers:
                group.create_task(keep_running(controller), name=controller.name)

    async def _wait(self) -> None:
        watched = [trigger for trigger in self._triggers if trigger.watched]
        handlers = [(self._context.informers.of(trigger.resource), self._handler(trigger)) for trigger in watched]
        for informer, handler in handlers:
            informer.add_handler(handler)
        try:
            for informer, _ in handlers:
                await informer.wait_synced()
            if any([await self._has_any(trigger.resource) for trigger in self._triggers if not trigger.watched]):
                self._wanted.set()
            await self._wanted.wait()
        finally:
            for informer, handler in handlers:
                informer.remove_handler(handler)

    def _handler(self, trigger: Trigger) -> Callable[[Sequence[Change]], None]:
        def look(changes: Sequence[Change]) -> None:
            if any(change.new is not None and trigger.calls(change.new) for change in changes):
                self._wanted.set()

        return look

    async def _has_any(self, resource: GVR) -> bool:
        try:
            return bool((await self._context.client_for(self.name).list(resource, limit=1)).items)
        except StatusError as error:
            if error.code == 404:  # not served
                return False
            raise


async def keep_running(controller: Component) -> None:
    """Run it for ever, restarting it alone when it crashes."""
    backoff = FIRST_BACKOFF
    while True:
        started = time.monotonic()
        try:
            await controller.run(asyncio.Event())
            log.error("%s ended unexpectedly", controller.name)
        except Exception:
            log.exception("%s crashed", controller.name)
        if time.monotonic() - started > STABLE_AFTER:
            backoff = FIRST_BACKOFF
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, LONGEST_BACKOFF)


def cloud_controllers(context: ControllerContext) -> Component:
    """Load balancers for Services, and nodes that wait to be initialised."""
    return OnDemand(
        "cloud-controller-manager",
        context,
        "minik.server.cloud.built_in",
        (Trigger(SERVICES, _is_balanced), Trigger(NODES, _is_uninitialized)),
    )


def attach_detach_controller(context: ControllerContext) -> Component:
    """CSI volumes on the nodes that use them."""
    return OnDemand(
        "attachdetach-controller",
        context,
        "minik.server.controllers.attach_detach",
        (Trigger(PERSISTENT_VOLUMES, lambda volume: "csi" in volume["spec"]),),
    )


def device_controllers(context: ControllerContext) -> Component:
    """ResourceClaims for Pods, and Pods on tainted devices."""
    return OnDemand(
        "resourceclaim-controller",
        context,
        "minik.server.controllers.resource_claims",
        (Trigger(PODS, _uses_claims), Trigger(RESOURCE_CLAIMS, watched=False)),
    )


def trust_bundle_publisher(context: ControllerContext) -> Component:
    """Where ClusterTrustBundles are served: the one of the API server's own signer."""
    from minik.server.controllers.trust_bundle_publisher import TrustBundlePublisher

    return TrustBundlePublisher(context)


def _uses_claims(pod: Obj) -> bool:
    return bool(pod["spec"].get("resourceClaims")) or "extendedResourceClaimStatus" in (pod.get("status") or {})


def _is_balanced(service: Obj) -> bool:
    spec, finalizers = service["spec"], service["metadata"].get("finalizers") or ()
    return (spec.get("type") == "LoadBalancer" and "loadBalancerClass" not in spec) or _CLEANUP in finalizers


def _is_uninitialized(node: Obj) -> bool:
    return any(taint["key"] == _UNINITIALIZED for taint in node["spec"].get("taints") or ())
