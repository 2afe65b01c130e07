"""Which IP families a Service gets, from what it asks for, what it had and what the cluster has.

Pure. Rules: upstream's pkg/registry/core/service/storage/alloc.go (initIPFamilyFields),
https://kubernetes.io/docs/concepts/services-networking/dual-stack/
"""

from collections.abc import Sequence

from minik.api.groups.core.service_fields import HEADLESS
from minik.api.groups.core.service_ip_validation import validate_cluster_ips_related_fields
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

IPV4, IPV6 = "IPv4", "IPv6"
SINGLE, PREFER, REQUIRE = "SingleStack", "PreferDualStack", "RequireDualStack"
_POLICY = "spec.ipFamilyPolicy"
_ADDRESSED = ("ClusterIP", "NodePort", "LoadBalancer")


def family_of(address: str) -> str:
    return IPV6 if ":" in address else IPV4


def set_ip_families(service: Obj, old: Obj | None, available: Sequence[str]) -> list[FieldError]:
    """Fill in spec.ipFamilies and spec.ipFamilyPolicy; `available` has the cluster's default family first."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName" or stays_preferred(service, old):
        return []
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = _default_policy(service, old)
    errors = validate_cluster_ips_related_fields(service)
    if errors:
        return errors
    if old is not None:
        errors = _release_second(spec, old["spec"])
    errors += _check_single(spec) + _infer_families(spec, available)
    if errors:
        return errors
    families: list[str] = list(spec.get("ipFamilies") or ())
    if not _is_selectorless(service):
        errors = _unavailable(spec["ipFamilyPolicy"], families, available)
        if errors:
            return errors
    families = families or [available[0]]
    two = _is_selectorless(service) or len(available) == 2
    if spec["ipFamilyPolicy"] != SINGLE and len(families) == 1 and two:
        families.append(_other(families[0]))
    spec["ipFamilies"] = families
    return []


def stays_preferred(service: Obj, old: Obj | None) -> bool:
    """A Service that prefers two families and asks for nothing new follows no change of the cluster."""
    if old is None or service["spec"].get("ipFamilyPolicy") is None:
        return False
    spec, before = service["spec"], old["spec"]
    if spec.get("type") != before.get("type") or spec.get("type") not in _ADDRESSED:
        return False
    if spec["ipFamilyPolicy"] != PREFER or before.get("ipFamilyPolicy") not in (None, PREFER):
        return False
    return all((spec.get(key) or []) == (before.get(key) or []) for key in ("clusterIPs", "ipFamilies"))


def _default_policy(service: Obj, old: Obj | None) -> str:
    before: str | None = old["spec"].get("ipFamilyPolicy") if old is not None else None
    return before or (REQUIRE if _is_selectorless(service) else SINGLE)


def _is_selectorless(service: Obj) -> bool:
    """Headless without a selector: whoever makes its endpoints decides, so the cluster's families do not matter."""
    return bool(service["spec"].get("clusterIP") == HEADLESS and not service["spec"].get("selector"))


def _release_second(spec: Obj, before: Obj) -> list[FieldError]:
    """The second family goes with the policy alone; without the policy nothing goes."""
    errors: list[FieldError] = []
    for key, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        values, old_values = spec.get(key) or [], before.get(key) or []
        if spec["ipFamilyPolicy"] == SINGLE:
            if values == old_values and len(values) > 1:
                spec[key] = values[:1]
        elif values and len(values) < len(old_values):
            text = f"must be 'SingleStack' to release the secondary {what}"
            errors.append(invalid_value(_POLICY, spec["ipFamilyPolicy"], text))
    return errors


def _check_single(spec: Obj) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != SINGLE:
        return []
    return [
        invalid_value(
            _POLICY, SINGLE, f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
        )
        for key, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(spec.get(key) or ()) == 2
    ]


def _infer_families(spec: Obj, available: Sequence[str]) -> list[FieldError]:
    """Families of addresses that came without."""
    errors: list[FieldError] = []
    families: list[str] = list(spec.get("ipFamilies") or ())
    addresses = spec.get("clusterIPs") or []
    for index, address in enumerate(addresses):
        if address == HEADLESS:
            break
        if index < len(families):
            continue
        if family_of(address) in available:
            families.append(family_of(address))
        else:
            text = f"{family_of(address)} is not configured on this cluster"
            errors.append(invalid_value(f"spec.clusterIPs[{index}]", addresses, text))
    if families:
        spec["ipFamilies"] = families
    return errors


def _unavailable(policy: str, families: Sequence[str], available: Sequence[str]) -> list[FieldError]:
    errors = []
    if policy == REQUIRE and len(available) < 2:
        text = "this cluster is not configured for dual-stack services"
        errors.append(invalid_value(_POLICY, policy, text))
    for index, family in enumerate(families):
        if family not in available:
            errors.append(invalid_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
    return errors


def _other(family: str) -> str:
    return IPV6 if family == IPV4 else IPV4
