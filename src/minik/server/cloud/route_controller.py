"""Keeps one route a node and Pod range at the cloud, so that Pods of different nodes reach each other.

All routes are one decision, made when nodes come, go or change their ranges, and again every 12 hours.
https://kubernetes.io/docs/concepts/architecture/cloud-controller/#route-controller
"""

from collections.abc import Iterable, Sequence

from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change
from minik.client.resources import NODES
from minik.server.cloud.provider import CloudError, Route, Routes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import condition_of

RESYNC = 12 * 3600.0  # seconds
RETRY = 10.0  # seconds after a route that could not be made
_ALL = "routes"
_MADE = {"status": "False", "reason": "RouteCreated", "message": "RouteController created a route"}
_FAILED = {"status": "True", "reason": "NoRouteCreated", "message": "RouteController failed to create a route"}


def plan(nodes: Iterable[Obj], routes: Iterable[Route]) -> tuple[Sequence[Route], Sequence[Route]]:
    """(to make, to delete). A route's name is the node's UID, as upstream's name hint."""
    wanted = {
        (node["metadata"]["name"], cidr): Route(
            name=node["metadata"].get("uid", ""), node=node["metadata"]["name"], destination=cidr
        )
        for node in nodes
        for cidr in pod_cidrs(node)
    }
    present = {(route.node, route.destination): route for route in routes}
    return (
        [route for key, route in wanted.items() if key not in present],
        [route for key, route in present.items() if key not in wanted],
    )


def pod_cidrs(node: Obj) -> Sequence[str]:
    spec = node["spec"]
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])


class RouteController(Controller):
    name = "route-controller"
    workers = 1

    def __init__(self, context: ControllerContext, routes: Routes) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("route_controller")
        self._routes = routes
        self._nodes = self.watch(context.informers.of(NODES), _moves_routes)

    async def reconcile(self, key: str) -> float | None:
        make, delete = plan(self._nodes.list(), await self._routes.list())
        for route in delete:
            await self._routes.delete(route)
        failed = {route.node for route in make if not await self._make(route)}
        for node in self._nodes.list():
            if pod_cidrs(node):
                await self._tell_condition(node, _FAILED if node["metadata"]["name"] in failed else _MADE)
        return RETRY if failed else RESYNC

    async def _make(self, route: Route) -> bool:
        started = self.clock.monotonic()
        try:
            await self._routes.create(route)
        except CloudError as error:
            taken = f"{self.clock.monotonic() - started:.3f}s"
            text = (
                f"Could not create route {route.name} {route.destination} for node {route.node} after {taken}: {error}"
            )
            node = self._nodes.get(route.node)
            if node is not None:
                self._recorder.event(object_reference("v1", "Node", node), WARNING, "FailedToCreateRoute", text)
            return False
        return True

    async def _tell_condition(self, node: Obj, wanted: Obj) -> None:
        present = condition_of(node, "NetworkUnavailable")
        if present is not None and present["status"] == wanted["status"]:
            return
        now = format_time(self.clock.now())
        condition = {"type": "NetworkUnavailable", **wanted, "lastTransitionTime": now, "lastHeartbeatTime": now}
        patch = {"status": {"conditions": [condition]}}
        name = node["metadata"]["name"]
        await self._client.patch(NODES, name, patch, patch_type=STRATEGIC_MERGE_PATCH, subresource="status")


def _moves_routes(change: Change) -> Iterable[str]:
    old, new = change.old, change.new
    if old is None or new is None or pod_cidrs(old) != pod_cidrs(new):
        yield _ALL
