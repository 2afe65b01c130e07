"""IP addresses and CIDRs in fields (apimachinery's strict IP and CIDR validation, KEP-4858).

Strict: no leading zeros, no IPv4-mapped IPv6, no bits beyond the prefix.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from minik.api.names import strict_ip
from minik.api.validation import FieldError, invalid_value

_IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_CIDR_TEXT = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def _without_leading_zeros(text: str) -> str:
    return ".".join(part.lstrip("0") or "0" for part in text.split(".")) if ":" not in text else text


def _is_mapped(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def _strictness(text: str) -> list[str]:
    """Complaints of the strict rules about an address that sloppy parsers take."""
    if strict_ip(text) is None:
        return ["must not have leading 0s"]
    return ["must not be an IPv4-mapped IPv6 address"] if _is_mapped(ip_address(text)) else []


def validate_ip(text: str, path: str) -> list[FieldError]:
    if strict_ip(_without_leading_zeros(text)) is None:
        return [invalid_value(path, text, _IP_TEXT)]
    return [invalid_value(path, text, complaint) for complaint in _strictness(text)]


def sloppy_network(text: str) -> IPv4Network | IPv6Network | None:
    """The network that upstream's parsers of old see in a CIDR; None where they see none."""
    address, _, prefix = text.partition("/")
    sloppy = strict_ip(_without_leading_zeros(address))
    is_number = prefix.isascii() and prefix.isdigit()
    if sloppy is None or not is_number or int(prefix) > sloppy.max_prefixlen:
        return None
    return ip_network(f"{sloppy}/{int(prefix)}", strict=False)


def validate_cidr(text: str, path: str) -> list[FieldError]:
    network = sloppy_network(text)
    if network is None:
        return [invalid_value(path, text, _CIDR_TEXT)]
    address, _, prefix = text.partition("/")
    errors = [invalid_value(path, text, complaint) for complaint in _strictness(address)]
    if len(prefix) > 1 and prefix.startswith("0"):
        errors.append(invalid_value(path, text, "must not have leading 0s"))
    if network.network_address != strict_ip(_without_leading_zeros(address)):
        errors.append(invalid_value(path, text, "must not have bits set beyond the prefix length"))
    return errors


def validate_non_special_ip(text: str, path: str) -> list[FieldError]:
    """No endpoint or external IP is unspecified, loopback or link-local."""
    address = strict_ip(_without_leading_zeros(text))
    if address is None:
        return [invalid_value(path, text, "must be a valid IP address")]
    address = getattr(address, "ipv4_mapped", None) or address
    errors: list[FieldError] = []
    if address.is_unspecified:
        errors.append(invalid_value(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(invalid_value(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local and not address.is_multicast:
        errors.append(invalid_value(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if address in _LINK_LOCAL_MULTICAST[address.version]:
        text_ = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(invalid_value(path, text, text_))
    return errors


_LINK_LOCAL_MULTICAST = {4: ip_network("224.0.0.0/24"), 6: ip_network("ff02::/16")}


def is_dual_stack(addresses: Sequence[str]) -> bool:
    """Is every family among these addresses or CIDRs, which are valid?"""
    return {ip_address(text.partition("/")[0]).version for text in addresses} == {4, 6}


def ip_warnings(text: str, path: str) -> list[str]:
    """Forms of addresses that are taken but not recommended."""
    address = strict_ip(text)
    if address is None:
        canonical = _without_leading_zeros(text)
        if strict_ip(canonical) is None:
            return []
        complaint = f'non-standard IP address "{text}" will be considered invalid in a future Kubernetes release'
        return [f'{path}: {complaint}: use "{canonical}"']
    if _is_mapped(address):
        mapped = getattr(address, "ipv4_mapped", None)
        complaint = f'non-standard IP address "{text}" will be considered invalid in a future Kubernetes release'
        return [f'{path}: {complaint}: use "{mapped}"']
    if address.version == 6 and str(address) != text:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    return []


def cidr_warnings(text: str, path: str) -> list[str]:
    address, _, prefix = text.strip().partition("/")
    sloppy = strict_ip(address)
    if sloppy is None or not prefix.isdigit() or int(prefix) > sloppy.max_prefixlen:
        return []
    network = ip_network(f"{address}/{prefix}", strict=False)
    if network.network_address != sloppy:
        complaint = f'CIDR value "{text}" is ambiguous in this context'
        return [f'{path}: {complaint} (should be "{network}" or "{address}/{sloppy.max_prefixlen}"?)']
    if sloppy.version == 6 and str(network) != text:
        return [f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")']
    return []
