"""Warnings about Services: what is ignored, deprecated or oddly written."""

from minik.api.ip_validation import cidr_warnings, ip_warnings
from minik.api.types import Obj

_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"


def _headless_warnings(spec: Obj) -> list[str]:
    given = {
        "loadBalancerIP": spec.get("loadBalancerIP"),
        "externalIPs": spec.get("externalIPs"),
        "SessionAffinity": spec.get("sessionAffinity") != "None",
    }
    return [f"spec.{key} is ignored for headless services" for key, value in given.items() if value]


def service_status_warnings(service: Obj, _old: Obj | None = None) -> list[str]:
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [
        text
        for index, entry in enumerate(ingress)
        if entry.get("ip")
        for text in ip_warnings(entry["ip"], f"status.loadBalancer.ingress[{index}]")
    ]


def service_warnings(service: Obj, _old: Obj | None = None) -> list[str]:
    spec, external = service["spec"], service["spec"].get("externalIPs") or []
    kind = spec.get("type")
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    warnings: list[str] = []
    if _HINTS in (service["metadata"].get("annotations") or {}):
        warnings.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    if spec.get("clusterIP") not in (None, "", "None"):
        for index, address in enumerate(spec.get("clusterIPs") or ()):
            warnings += ip_warnings(address, f"spec.clusterIPs[{index}]")
    if headless:
        warnings += _headless_warnings(spec)
    for index, address in enumerate(external):
        warnings += ip_warnings(address, f"spec.externalIPs[{index}]")
    if external and not headless and kind != "ExternalName":
        warnings.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        warnings += ip_warnings(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        warnings += cidr_warnings(cidr, f"spec.loadBalancerSourceRanges[{index}]")
    if kind == "ExternalName" and external:
        warnings.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if kind != "ExternalName" and spec.get("externalName"):
        warnings.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        warnings.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return warnings
