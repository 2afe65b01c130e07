"""Service (v1): a stable address for a changing set of Pods.

Addresses and node ports are handed out by the allocator in server/apiserver before `prepare` and `validate`.
Behaviour: https://kubernetes.io/docs/concepts/services-networking/service/
"""

from minik.api import names
from minik.api.groups.core.service_columns import COLUMNS, cells
from minik.api.groups.core.service_fields import drop_type_dependent_fields, is_externally_accessible
from minik.api.groups.core.service_validation import (
    validate_service,
    validate_service_status_update,
    validate_service_update,
)
from minik.api.groups.core.service_warnings import service_status_warnings, service_warnings
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj

_AFFINITY_SECONDS = 3 * 60 * 60


def _default_affinity(spec: Obj) -> None:
    affinity = spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}


def _default(service: Obj) -> None:
    spec = service.setdefault("spec", {})
    _default_affinity(spec)
    if not spec.get("type"):
        spec["type"] = "ClusterIP"
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if is_externally_accessible(service) and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec.get("internalTrafficPolicy") is None and spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec["internalTrafficPolicy"] = "Cluster"
    if spec["type"] == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is None:
            spec["allocateLoadBalancerNodePorts"] = True
        for ingress in ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if ingress.get("ip") and ingress.get("ipMode") is None:
                ingress["ipMode"] = "VIP"


def _prepare_create(service: Obj) -> None:
    service["status"] = {"loadBalancer": {}}


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {"loadBalancer": {}}
    drop_type_dependent_fields(new, old)


def _prepare_status(new: Obj, old: Obj) -> None:
    new["spec"] = old["spec"]


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Service",
        plural="services",
        singular="service",
        type_name="io.k8s.api.core.v1.Service",
        short_names=("svc",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_service,
            validate_update=validate_service_update,
            warn=service_warnings,
            name_errors=names.label_name,
            create_on_update=True,
            metadata_checks=("update", "create"),
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(name="proxy", kind="ServiceProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(
                name="status",
                kind="Service",
                strategy=Strategy(
                    default=_default,
                    prepare_update=_prepare_status,
                    validate_update=validate_service_status_update,
                    warn=service_status_warnings,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        selectable_fields={
            "spec.clusterIP": lambda obj: str(obj["spec"].get("clusterIP", "")),
            "spec.type": lambda obj: str(obj["spec"].get("type", "")),
        },
        storage_version_hash="0/CO1lhkEBI=",
    ),
)
