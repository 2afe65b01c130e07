"""The row of a Service in tables."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age, labels_cell
from minik.api.scheme import Column
from minik.api.types import Obj

COLUMNS = (
    NAME,
    Column(
        "Type",
        description=(
            "type determines how the Service is exposed. Defaults to ClusterIP. Valid options are ExternalName, "
            'ClusterIP, NodePort, and LoadBalancer. "ClusterIP" allocates a cluster-internal IP address for '
            "load-balancing to endpoints. Endpoints are determined by the selector or if that is not specified, "
            'by manual construction of an Endpoints object or EndpointSlice objects. If clusterIP is "None", '
            "no virtual IP is allocated and the endpoints are published as a set of endpoints rather than a "
            'virtual IP. "NodePort" builds on ClusterIP and allocates a port on every node which routes to '
            'the same endpoints as the clusterIP. "LoadBalancer" builds on NodePort and creates an external '
            "load-balancer (if supported in the current cloud) which routes to the same endpoints as the "
            'clusterIP. "ExternalName" aliases this service to the specified externalName. Several other '
            "fields do not apply to ExternalName services. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types"
        ),
    ),
    Column(
        "Cluster-IP",
        description=(
            "clusterIP is the IP address of the service and is usually assigned randomly. If an address is "
            "specified manually, is in-range (as per system configuration), and is not in use, it will be "
            "allocated to the service; otherwise creation of the service will fail. This field may not be "
            "changed through updates unless the type field is also being changed to ExternalName (which "
            "requires this field to be blank) or the type field is being changed from ExternalName (in which "
            'case this field may optionally be specified, as describe above).  Valid values are "None", empty '
            'string (""), or a valid IP address. Setting this to "None" makes a "headless service" (no '
            "virtual IP), which is useful when direct endpoint connections are preferred and proxying is not "
            "required.  Only applies to types ClusterIP, NodePort, and LoadBalancer. If this field is specified "
            "when creating a Service of type ExternalName, creation will fail. This field will be wiped when "
            "updating a Service to type ExternalName. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"
        ),
    ),
    Column(
        "External-IP",
        description=(
            "externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for "
            "this service.  These IPs are not managed by Kubernetes.  The user is responsible for ensuring that "
            "traffic arrives at a node with this IP.  A common example is external load-balancers that are not "
            "part of the Kubernetes system."
        ),
    ),
    Column(
        "Port(s)",
        description=(
            "The list of ports that are exposed by this service. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"
        ),
    ),
    AGE,
    Column(
        "Selector",
        priority=1,
        description=(
            "Route service traffic to pods with label keys and values matching this selector. If empty or not "
            "present, the service is assumed to have an external process managing its endpoints, which "
            "Kubernetes will not modify. Only applies to types ClusterIP, NodePort, and LoadBalancer. Ignored "
            "if type is ExternalName. More info: "
            "https://kubernetes.io/docs/concepts/services-networking/service/"
        ),
    ),
)


def _load_balancer_addresses(service: Obj) -> list[str]:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})


def _external_address(service: Obj) -> str:
    spec = service["spec"]
    kind, external = spec.get("type"), spec.get("externalIPs") or []
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(external) or "<none>"
    if kind == "LoadBalancer":
        return ",".join([*_load_balancer_addresses(service), *external]) or "<pending>"
    return str(spec.get("externalName", "")) if kind == "ExternalName" else "<unknown>"


def _port(port: Obj) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', 'TCP')}"


def cells(service: Obj, now: datetime) -> list[Any]:
    spec = service["spec"]
    addresses = spec.get("clusterIPs") or ["<none>"]
    return [
        service["metadata"]["name"],
        spec.get("type", ""),
        addresses[0],
        _external_address(service),
        ",".join(_port(port) for port in spec.get("ports") or ()) or "<none>",
        age(service, now),
        labels_cell(spec.get("selector")),
    ]
