"""ServiceLB, the load balancer that needs no cloud: nodes lend their own addresses to Services.

Nothing runs for it: kube-proxy's rules on every node already serve the addresses in status.loadBalancer. This decides
only which nodes' addresses those are, and notices when that may have changed (service_lb_plan.py).
"""

from collections.abc import Callable, Iterable, Sequence

from minik.api.types import Obj
from minik.client.informer import Change, object_key
from minik.client.resources import ENDPOINT_SLICES, PODS, SERVICES
from minik.server.cloud import service_lb_plan as plan
from minik.server.cloud.provider import UnavailableError
from minik.server.cloud.service_plan import wants_load_balancer
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.endpoint_slice_placement import SERVICE_NAME
from minik.server.controllers.objects import labels_of

_HOST_PORTS, _OF_SERVICE = "hostPort", "servicelb"
_API_SERVER = "default/kubernetes"


class ServiceLb:
    """LoadBalancers of the built-in provider. `held` is kept here, since the cache is behind its own writes."""

    def __init__(self, context: ControllerContext) -> None:
        informers = context.informers
        self._pods = informers.of(PODS, indexes={_HOST_PORTS: _has_host_ports})
        self._slices = informers.of(ENDPOINT_SLICES, indexes={_OF_SERVICE: _service_of})
        self._services = informers.of(SERVICES)
        self._held: dict[str, plan.Held] = {}
        self._wanting: set[str] = set()  # Services that asked, with or without success
        self._refresh: Callable[[str], None] = lambda key: None
        for service in self._services.list():
            if wants_load_balancer(service) and plan.held_by(service).addresses:
                self._held[object_key(service)] = plan.held_by(service)

    def watch(self, refresh: Callable[[str], None]) -> None:
        self._refresh = refresh

        def on_pods(changes: Sequence[Change]) -> None:
            if any(_host_ports(change.old) != _host_ports(change.new) for change in changes):
                self._refresh_all()

        def on_services(changes: Sequence[Change]) -> None:
            for change in changes:
                gone = change.new is None and self._held.pop(object_key(change.obj), None) is not None
                if gone or _node_ports(change.old) != _node_ports(change.new):
                    self._refresh_all()  # ports are free, or are not any more

        def on_slices(changes: Sequence[Change]) -> None:
            for key in {key for change in changes for key in _service_of(change.obj)}:
                service = self._services.get_key(key)
                if service is not None and service["spec"].get("externalTrafficPolicy") == "Local":
                    refresh(key)

        self._pods.add_handler(on_pods)
        self._services.add_handler(on_services)
        self._slices.add_handler(on_slices)

    async def exists(self, service: Obj) -> bool:
        return object_key(service) in self._held or bool(plan.held_by(service).addresses)

    async def ensure(self, service: Obj, nodes: Sequence[Obj]) -> Obj:
        key = object_key(service)
        self._wanting.add(key)
        slices = self._slices.by_index(_OF_SERVICE, key)
        addresses = plan.addresses_for(
            key, service, nodes, self._surroundings(), endpoint_nodes=plan.ready_nodes(slices)
        )
        if not addresses:
            self._let_go(key)
            raise UnavailableError(_why_none(service, nodes))
        before, now = self._held.get(key), plan.Held(plan.ports_of(service), frozenset(addresses))
        self._held[key] = now
        if before is not None and not (before.ports <= now.ports and before.addresses <= now.addresses):
            self._refresh_all()  # somebody may have waited for what was given up
        return plan.status_of(addresses)

    async def update(self, service: Obj, nodes: Sequence[Obj]) -> Obj:
        return await self.ensure(service, nodes)

    async def ensure_deleted(self, service: Obj) -> None:
        key = object_key(service)
        self._wanting.discard(key)
        self._let_go(key)

    def _refresh_all(self) -> None:
        for key in {*self._held, *self._wanting}:
            self._refresh(key)

    def _let_go(self, key: str) -> None:
        if self._held.pop(key, None) is not None:
            self._refresh_all()

    def _surroundings(self) -> plan.Surroundings:
        return plan.Surroundings(
            host_ports=plan.host_ports(self._pods.by_index(_HOST_PORTS, "")),
            node_ports=plan.node_ports(self._services.list()),
            api_servers=frozenset(_sockets(self._slices.by_index(_OF_SERVICE, _API_SERVER))),
            held=self._held,
        )


def _why_none(service: Obj, nodes: Sequence[Obj]) -> str:
    if not nodes:
        return "no node is ready to serve it"
    ports = ", ".join(f"{number}/{protocol}" for protocol, number in sorted(plan.ports_of(service)))
    if service["spec"].get("externalTrafficPolicy") == "Local":
        return f"no node has a ready endpoint and port {ports} free"
    return f"no node has an address with port {ports} free"


def _sockets(slices: Iterable[Obj]) -> Iterable[tuple[str, int]]:
    for each in slices:
        for endpoint in each.get("endpoints") or ():
            for address in endpoint["addresses"]:
                for port in each.get("ports") or ():
                    yield address, port.get("port", 0)


def _host_ports(pod: Obj | None) -> object:
    """What of a Pod takes ports of its node."""
    return plan.host_ports([pod]) if pod is not None else {}


def _node_ports(service: Obj | None) -> object:
    return plan.node_ports([service]) if service is not None else frozenset()


def _has_host_ports(pod: Obj) -> Iterable[str]:
    return ("",) if plan.pod_host_ports(pod) else ()


def _service_of(endpoint_slice: Obj) -> Iterable[str]:
    name = labels_of(endpoint_slice).get(SERVICE_NAME)
    return (f"{endpoint_slice['metadata']['namespace']}/{name}",) if name else ()
