"""Validation of a Service's addresses and families: clusterIP(s), ipFamilies, ipFamilyPolicy.

The allocator calls `validate_cluster_ips_related_fields` before it allocates; validation calls it again.
Rules: https://kubernetes.io/docs/concepts/services-networking/dual-stack/
"""

from minik.api.groups.core.service_fields import HEADLESS
from minik.api.ip_validation import is_dual_stack, validate_ip
from minik.api.names import strict_ip
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required

_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_ONCE = "may not change once set"
_IPS, _FAMILIES_PATH, _POLICY = "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy"


def is_headless(service: Obj) -> bool:
    return bool(service["spec"].get("clusterIPs") == [HEADLESS])


def _validate_agreement(address: str, addresses: list[str]) -> list[FieldError]:
    """clusterIP is the first of clusterIPs."""
    if not address:
        text = "must be empty when `clusterIP` is not specified"
        return [invalid_value(_IPS, addresses, text)] if addresses else []
    if not addresses:
        return [required(_IPS)]
    return [] if addresses[0] == address else [invalid_value(_IPS, addresses, "first value must match `clusterIP`")]


def _validate_families(families: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            errors.append(not_supported(f"{_FAMILIES_PATH}[{index}]", family, _FAMILIES))
        if family in families[:index]:
            errors.append(duplicate(f"{_FAMILIES_PATH}[{index}]", family))
    return errors


def _validate_addresses(addresses: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, address in enumerate(addresses):
        if index == 0 and address == HEADLESS:
            if len(addresses) > 1:
                errors.append(invalid_value(_IPS, addresses, "'None' must be the first and only value"))
            continue
        errors += validate_ip(address, f"{_IPS}[{index}]")
    return errors


def validate_cluster_ips_related_fields(service: Obj) -> list[FieldError]:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return []
    addresses, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    errors = _validate_agreement(spec.get("clusterIP", ""), addresses) + _validate_families(families)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported(_POLICY, policy, _POLICIES))
    wrong = _validate_addresses(addresses)
    errors += wrong
    if len(addresses) > 2:
        errors.append(invalid_value(_IPS, addresses, "may only hold up to 2 values"))
    if wrong:
        return errors
    if len(addresses) > 1 and not is_dual_stack(addresses):
        errors.append(invalid_value(_IPS, addresses, "may specify no more than one IP for each IP family"))
    if is_headless(service):
        return errors
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        parsed = strict_ip(address)
        if parsed is not None and family in _FAMILIES and family != f"IPv{parsed.version}":
            text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid_value(f"{_IPS}[{index}]", address, text))
    return errors


def validate_cluster_ips_change(new: Obj, old: Obj) -> list[FieldError]:
    """A second family may be added and released; the first stays, but for ExternalName and headless Services."""
    if "ExternalName" in (new["spec"].get("type"), old["spec"].get("type")):
        return []
    return _validate_ips_change(new, old) + _validate_families_change(new, old)


def _validate_release(spec: Obj, remaining: int, what: str) -> list[FieldError]:
    if remaining != 1 or spec.get("ipFamilyPolicy") == "SingleStack":
        return []
    text = f"must be set to 'SingleStack' when releasing the secondary {what}"
    return [invalid_value(_POLICY, spec.get("ipFamilyPolicy"), text)]


def _validate_ips_change(new: Obj, old: Obj) -> list[FieldError]:
    if is_headless(new) and is_headless(old):
        return []
    after, before = new["spec"].get("clusterIPs") or [], old["spec"].get("clusterIPs") or []
    if len(after) == len(before):
        changed = [index for index, address in enumerate(before) if address != after[index]]
        return [invalid_value(f"{_IPS}[{index}]", after, _ONCE) for index in changed]
    errors: list[FieldError] = []
    if before and not after:
        errors.append(invalid_value(f"{_IPS}[0]", None, "primary clusterIP can not be unset"))
    if before and after and after[0] != before[0]:
        errors.append(invalid_value(f"{_IPS}[0]", after, _ONCE))
    if len(after) < len(before):
        errors += _validate_release(new["spec"], len(after), "clusterIP")
    return errors


def _validate_families_change(new: Obj, old: Obj) -> list[FieldError]:
    if is_headless(new) or is_headless(old):
        return []
    spec = new["spec"]
    after, before = spec.get("ipFamilies") or [], old["spec"].get("ipFamilies") or []
    at = f"{_FAMILIES_PATH}[0]"
    if len(after) == len(before):
        return [invalid_value(at, after, _ONCE) for index, family in enumerate(before) if family != after[index]]
    errors: list[FieldError] = []
    addresses = spec.get("clusterIPs") or []
    if len(after) < len(before) and not addresses:
        errors.append(invalid_value(at, after or None, "primary ipFamily can not be unset"))
    if before and after and after[0] != before[0]:
        errors.append(invalid_value(at, addresses, _ONCE))
    if len(after) < len(before):
        errors += _validate_release(spec, len(after), "ipFamily")
    return errors
