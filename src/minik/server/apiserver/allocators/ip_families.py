"""Which IP families a Service gets, from what it asks for and what the cluster has.

Pure. Rules: upstream's pkg/registry/core/service/storage/alloc.go (initIPFamilyFields),
https://kubernetes.io/docs/concepts/services-networking/dual-stack/
"""

from collections.abc import Sequence

from minik.api.groups.core.service_fields import is_headless
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

IPV4, IPV6 = "IPv4", "IPv6"
SINGLE, PREFER, REQUIRE = "SingleStack", "PreferDualStack", "RequireDualStack"


def family_of(address: str) -> str:
    return IPV6 if ":" in address else IPV4


def set_ip_families(service: Obj, available: Sequence[str]) -> list[FieldError]:
    """Fill in spec.ipFamilies and spec.ipFamilyPolicy; `available` has the cluster's default family first.

    What is odd in itself (an unknown family, addresses that do not fit) is left for validation to complain about.
    """
    spec = service["spec"]
    families: list[str] = list(spec.get("ipFamilies") or ())
    addresses = [] if is_headless(service) else [a for a in spec.get("clusterIPs") or () if a]
    if not _is_plausible(families, addresses):
        return []
    families += [family_of(address) for address in addresses[len(families) :]]
    policy = spec.get("ipFamilyPolicy")
    errors = _unavailable(policy, families, available) if not _has_any_address(service) else []
    if errors:
        return errors
    if _has_any_address(service) and not families and policy is None:
        policy, families = REQUIRE, [available[0], _other(available[0])]
    if policy is None:
        policy = REQUIRE if len(families) == 2 else SINGLE
    if not families:
        families = [available[0]]
    if policy in (PREFER, REQUIRE) and len(families) == 1:
        other = _other(families[0])
        if other in available or _has_any_address(service):
            families.append(other)
    spec["ipFamilies"], spec["ipFamilyPolicy"] = families, policy
    return []


def _has_any_address(service: Obj) -> bool:
    """Headless without a selector: whoever makes its endpoints decides, so the cluster's families do not matter."""
    return is_headless(service) and not service["spec"].get("selector")


def _is_plausible(families: Sequence[str], addresses: Sequence[str]) -> bool:
    if len(set(families)) != len(families) or not set(families) <= {IPV4, IPV6} or len(addresses) > 2:
        return False
    return all(family_of(a) == f for a, f in zip(addresses, families, strict=False))


def _unavailable(policy: str | None, families: Sequence[str], available: Sequence[str]) -> list[FieldError]:
    errors = []
    if policy == REQUIRE and len(available) < 2:
        text = "this cluster is not configured for dual-stack services"
        errors.append(invalid_value("spec.ipFamilyPolicy", policy, text))
    for index, family in enumerate(families):
        if family not in available:
            errors.append(invalid_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
    return errors


def _other(family: str) -> str:
    return IPV6 if family == IPV4 else IPV4
