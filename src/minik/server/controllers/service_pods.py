"""Which Pods a Service reaches, under which addresses and ports; shared by EndpointSlices and Endpoints.

Rules: kubernetes/pkg/api/v1/pod and k8s.io/endpointslice/util.
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.server.controllers.objects import is_deleting, labels_of
from minik.server.controllers.pods import phase

HEADLESS = "service.kubernetes.io/headless"


def has_endpoints(service: Obj) -> bool:
    """Whether controllers, not users, keep the endpoints of this Service."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def selects(service: Obj, pod: Obj) -> bool:
    labels = labels_of(pod)
    return has_endpoints(service) and all(labels.get(k) == v for k, v in service["spec"]["selector"].items())


def is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def publishes_not_ready(service: Obj) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))


def should_be_listed(pod: Obj, *, include_terminating: bool) -> bool:
    if phase(pod) in ("Succeeded", "Failed") or not addresses(pod):
        return False
    return include_terminating or not is_deleting(pod)


def addresses(pod: Obj) -> list[str]:
    status = pod.get("status") or {}
    found = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return found or ([status["podIP"]] if status.get("podIP") else [])


def family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def addresses_of_family(pod: Obj, family: str) -> list[str]:
    return [address for address in addresses(pod) if family_of(address) == family]


def families(service: Obj) -> list[str]:
    """The address types to publish. A headless Service without families (made before dual stack) has IPv4."""
    return list(service["spec"].get("ipFamilies") or ()) or [family_of(service["spec"].get("clusterIP") or "")]


def hostname(service: Obj, pod: Obj) -> str:
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        return str(spec["hostname"])
    return ""


def target_port(service_port: Obj, pod: Obj) -> int | None:
    """The number behind targetPort; None when the Pod has no port of that name and protocol."""
    target = service_port.get("targetPort", service_port["port"])
    if isinstance(target, int):
        return target or int(service_port["port"])
    protocol = service_port.get("protocol", "TCP")
    for container in _port_bearers(pod):
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _port_bearers(pod: Obj) -> Iterable[Obj]:
    spec = pod["spec"]
    yield from spec.get("containers") or ()
    yield from (c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
