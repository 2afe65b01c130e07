"""Which node ports a Service takes when it is made and when it changes.

Rules: upstream's pkg/registry/core/service/storage/alloc.go (initNodePorts, updateNodePorts).
"""

from minik.api.groups.core.service_fields import needs_node_port
from minik.api.status import StatusError, internal_error
from minik.api.types import Obj
from minik.api.validation import invalid, invalid_value
from minik.server.apiserver.allocators.node_ports import PortClaim, PortError


def allocate_node_ports(service: Obj, claim: PortClaim) -> None:
    """Of a new Service: one node port per port number, so that TCP and UDP of the same port share theirs."""
    ports = service["spec"].get("ports") or []
    by_port: dict[int, int] = {}
    for index, port in enumerate(ports):
        number, wanted = port.get("port", 0), port.get("nodePort") or 0
        if not wanted and not needs_node_port(service):
            continue
        shared = by_port.get(number, 0)
        if shared:
            if wanted not in (0, shared):
                _take(service, index, wanted, claim)
            port["nodePort"] = wanted or shared
            continue
        wanted = next((p["nodePort"] for p in ports if p.get("port") == number and p.get("nodePort")), 0)
        if wanted:
            _take(service, index, wanted, claim)
        port["nodePort"] = by_port[number] = wanted or _take_next(claim)


def update_node_ports(new: Obj, old: Obj, claim: PortClaim) -> None:
    """Of a changed Service: ports it names and had not, and one for every port that names none."""
    had = {port["nodePort"] for port in old["spec"].get("ports") or () if port.get("nodePort")}
    taken: set[int] = set()
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(new["spec"].get("ports") or ()):
        wanted = port.get("nodePort") or 0
        if not wanted and not needs_node_port(new):
            continue
        if not wanted:
            port["nodePort"] = _take_next(claim)
        elif wanted not in had and wanted not in taken:
            _take(new, index, wanted, claim)
            taken.add(wanted)
        key = (port.get("protocol", ""), port["nodePort"])
        if key in seen:
            raise StatusError(500, "", f"duplicate nodePort: {{{key[0]} {key[1]}}}")
        seen.add(key)


def allocate_health_check_port(service: Obj, claim: PortClaim) -> None:
    spec = service["spec"]
    port = spec.get("healthCheckNodePort") or 0
    try:
        if port:
            claim.take(port)
        else:
            spec["healthCheckNodePort"] = claim.take_next()
    except PortError as error:
        what = f"requested HealthCheck NodePort {port}" if port else "a HealthCheck NodePort 0"
        raise internal_error(f"failed to allocate {what}: {error}") from None


def _take(service: Obj, index: int, port: int, claim: PortClaim) -> None:
    try:
        claim.take(port)
    except PortError as error:
        complaint = invalid_value(f"spec.ports[{index}].nodePort", port, str(error))
        raise invalid("", "Service", service["metadata"].get("name", ""), [complaint]) from None


def _take_next(claim: PortClaim) -> int:
    try:
        return claim.take_next()
    except PortError as error:
        raise internal_error(f"failed to allocate a nodePort: {error}") from None
