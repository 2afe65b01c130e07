"""The plain objects every cluster starts with: namespaces, priority classes, the `kubernetes` Service.

Pure. Upstream makes them in several post-start hooks of kube-apiserver.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from minik.api.types import Obj

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What the first objects depend on. The CA certificates are PEM text."""

    service_cidr: str
    advertise_address: str
    port: int
    client_ca: str
    request_header_ca: str
    front_proxy_names: Sequence[str] = ("system:auth-proxy",)
    user_headers: Sequence[str] = ("X-Remote-User",)
    uid_headers: Sequence[str] = ("X-Remote-Uid",)
    group_headers: Sequence[str] = ("X-Remote-Group",)
    extra_prefixes: Sequence[str] = ("X-Remote-Extra-",)

    @property
    def first_service_ip(self) -> str:
        return str(next(ipaddress.ip_network(self.service_cidr.split(",")[0]).hosts()))


def cluster_objects(settings: ClusterSettings, timestamp: str) -> Iterator[Obj]:
    """Objects that are made once and then left to whoever changes them."""
    yield from (namespace_object(name) for name in SYSTEM_NAMESPACES)
    yield _priority_class(
        "system-node-critical",
        2000001000,
        "Used for system critical pods that must not be moved from their current node.",
    )
    yield _priority_class(
        "system-cluster-critical",
        2000000000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    )
    yield _service(settings)
    yield _ip_address(settings)
    yield _service_cidr(settings, timestamp)
    yield _token_tracking(timestamp)


def maintained_objects(settings: ClusterSettings) -> Iterator[Obj]:
    """Objects that follow the server's settings: where the API is, and which CAs it trusts."""
    yield _endpoints(settings)
    yield _endpoint_slice(settings)
    yield _extension_authentication(settings)


def namespace_object(name: str) -> Obj:
    metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
    return {
        **_object("v1", "Namespace", metadata),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _object(api_version: str, kind: str, metadata: Obj) -> Obj:
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata}


def _priority_class(name: str, value: int, description: str) -> Obj:
    obj = _object("scheduling.k8s.io/v1", "PriorityClass", {"name": name, "generation": 1})
    return {**obj, "value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority"}


def _service(settings: ClusterSettings) -> Obj:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    address = settings.first_service_ip
    family = "IPv6" if ":" in address else "IPv4"
    return {
        **_object("v1", "Service", {"name": "kubernetes", "namespace": "default", "labels": labels}),
        "spec": {
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": settings.port}],
            "clusterIP": address,
            "clusterIPs": [address],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": [family],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        },
        "status": {"loadBalancer": {}},
    }


def _ip_address(settings: ClusterSettings) -> Obj:
    return ip_address_object(settings.first_service_ip, "default", "kubernetes")


def ip_address_object(address: str, namespace: str, service: str) -> Obj:
    """The IPAddress that says which Service an address is taken by."""
    labels = {
        "ipaddress.kubernetes.io/ip-family": "IPv6" if ":" in address else "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    parent = {"resource": "services", "namespace": namespace, "name": service}
    obj = _object("networking.k8s.io/v1", "IPAddress", {"name": address, "labels": labels})
    return {**obj, "spec": {"parentRef": parent}}


def _service_cidr(settings: ClusterSettings, timestamp: str) -> Obj:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": timestamp,
        "reason": "",
        "message": "Kubernetes default Service CIDR is ready",
    }
    metadata = {"name": "kubernetes", "finalizers": ["networking.k8s.io/service-cidr-finalizer"]}
    obj = _object("networking.k8s.io/v1", "ServiceCIDR", metadata)
    return {**obj, "spec": {"cidrs": settings.service_cidr.split(",")}, "status": {"conditions": [ready]}}


def _token_tracking(timestamp: str) -> Obj:
    metadata = {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"}
    return {**_object("v1", "ConfigMap", metadata), "data": {"since": timestamp[:10]}}


def _endpoints(settings: ClusterSettings) -> Obj:
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    ports = [{"name": "https", "port": settings.port, "protocol": "TCP"}]
    obj = _object("v1", "Endpoints", {"name": "kubernetes", "namespace": "default", "labels": labels})
    return {**obj, "subsets": [{"addresses": [{"ip": settings.advertise_address}], "ports": ports}]}


def _endpoint_slice(settings: ClusterSettings) -> Obj:
    labels = {"kubernetes.io/service-name": "kubernetes"}
    address = settings.advertise_address
    metadata = {"name": "kubernetes", "namespace": "default", "generation": 1, "labels": labels}
    return {
        **_object("discovery.k8s.io/v1", "EndpointSlice", metadata),
        "addressType": "IPv6" if ":" in address else "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "protocol": "TCP", "port": settings.port}],
    }


def _extension_authentication(settings: ClusterSettings) -> Obj:
    metadata = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
    data = {
        "client-ca-file": settings.client_ca,
        "requestheader-allowed-names": _json(settings.front_proxy_names),
        "requestheader-client-ca-file": settings.request_header_ca,
        "requestheader-extra-headers-prefix": _json(settings.extra_prefixes),
        "requestheader-group-headers": _json(settings.group_headers),
        "requestheader-uid-headers": _json(settings.uid_headers),
        "requestheader-username-headers": _json(settings.user_headers),
    }
    return {**_object("v1", "ConfigMap", metadata), "data": data}


def _json(values: Sequence[str]) -> str:
    return orjson.dumps(list(values)).decode()
