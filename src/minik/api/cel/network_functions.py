"""ip('10.0.0.1'), cidr('10.0.0.0/8') and url('https://a/b').

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library
"""

import ipaddress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from minik.api import go_addresses, go_urls
from minik.api.cel.function import CIDR, IP, URL, Function, boxed, unboxed
from minik.api.validation import show

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _address(text: str) -> _Address:
    """Raises ValueError; neither zones nor IPv4 written as IPv6 are taken."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        complaint = go_addresses.address_complaint(text)
        if not complaint:
            raise ValueError(f"IP address {show(text)} with zone value is not allowed") from None
        raise ValueError(f"IP Address {show(text)} parse error during conversion from string: {complaint}") from None
    if "%" in text:
        raise ValueError(f"IP address {show(text)} with zone value is not allowed")
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        raise ValueError(f"IPv4-mapped IPv6 address {show(text)} is not allowed")
    return found


_NO_NETWORK = "network address parse error during conversion from string: "


def _interface(text: str) -> _Interface:
    complaint = go_addresses.prefix_complaint(text)
    if complaint:
        raise ValueError(f"{_NO_NETWORK}{_NO_NETWORK}{complaint}")
    found = ipaddress.ip_interface(text)
    if isinstance(found, ipaddress.IPv6Interface) and found.ip.ipv4_mapped:
        raise ValueError(f"{_NO_NETWORK}IPv4-mapped IPv6 address {show(text)} is not allowed")
    return found


def _accepts(parse: Any) -> Any:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _ip(value: Any) -> _Address:
    return _address(unboxed(value, IP))


def _cidr(value: Any) -> _Interface:
    return _interface(unboxed(value, CIDR))


def _global_unicast(address: _Address) -> bool:
    broadcast = address.version == 4 and int(address) == 0xFFFFFFFF
    odd = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not broadcast and not odd


def _link_local_multicast(address: _Address) -> bool:
    network = "224.0.0.0/24" if address.version == 4 else "ff02::/16"
    return address in ipaddress.ip_network(network)


def _contains_ip(value: Any, other: Any) -> bool:
    address = _address(other) if isinstance(other, str) else _ip(other)
    network = _cidr(value).network
    return address.version == network.version and address in network


def _contains_cidr(value: Any, other: Any) -> bool:
    inner = (_interface(other) if isinstance(other, str) else _cidr(other)).network
    outer = _cidr(value).network
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _url(text: str) -> Any:
    complaint = go_urls.request_uri_complaint(text)
    if complaint:
        raise ValueError(f"URL parse error during conversion from string: {complaint}")
    return boxed(URL, text)


def _parts(value: Any) -> Any:
    return urlsplit(unboxed(value, URL))


def _host(value: Any) -> str:
    return str(_parts(value).netloc.rpartition("@")[2])


def _hostname(value: Any) -> str:
    host = _host(value)
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _port(value: Any) -> str:
    _, colon, port = _host(value).rpartition("]")[2].rpartition(":")
    return port if colon else ""


FUNCTIONS = (
    Function("isIP", ("string",), "bool", _accepts(_address), member=False),
    Function("ip", ("string",), IP, lambda text: boxed(IP, str(_address(text))), member=False),
    Function("ip.isCanonical", ("string",), "bool", lambda text: str(_address(text)) == text, member=False),
    Function("family", (IP,), "int", lambda v: _ip(v).version),
    Function("isUnspecified", (IP,), "bool", lambda v: _ip(v).is_unspecified),
    Function("isLoopback", (IP,), "bool", lambda v: _ip(v).is_loopback),
    Function("isLinkLocalMulticast", (IP,), "bool", lambda v: _link_local_multicast(_ip(v))),
    Function("isLinkLocalUnicast", (IP,), "bool", lambda v: _ip(v).is_link_local),
    Function("isGlobalUnicast", (IP,), "bool", lambda v: _global_unicast(_ip(v))),
    Function("string", (IP,), "string", lambda v: str(_ip(v)), member=False),
    Function("string", (CIDR,), "string", lambda v: str(_cidr(v)), member=False),
    Function("isCIDR", ("string",), "bool", _accepts(_interface), member=False),
    Function("cidr", ("string",), CIDR, lambda text: boxed(CIDR, str(_interface(text))), member=False),
    Function("containsIP", (CIDR, "string"), "bool", _contains_ip),
    Function("containsIP", (CIDR, IP), "bool", _contains_ip),
    Function("containsCIDR", (CIDR, "string"), "bool", _contains_cidr),
    Function("containsCIDR", (CIDR, CIDR), "bool", _contains_cidr),
    Function("ip", (CIDR,), IP, lambda v: boxed(IP, str(_cidr(v).ip))),
    Function("masked", (CIDR,), CIDR, lambda v: boxed(CIDR, str(_cidr(v).network))),
    Function("prefixLength", (CIDR,), "int", lambda v: _cidr(v).network.prefixlen),
    Function("isURL", ("string",), "bool", _accepts(_url), member=False),
    Function("url", ("string",), URL, _url, member=False),
    Function("getScheme", (URL,), "string", lambda v: _parts(v).scheme),
    Function("getHost", (URL,), "string", _host),
    Function("getHostname", (URL,), "string", _hostname),
    Function("getPort", (URL,), "string", _port),
    Function("getEscapedPath", (URL,), "string", lambda v: go_urls.escaped_path(_parts(v).path)),
    Function("getQuery", (URL,), "map", lambda v: parse_qs(_parts(v).query, keep_blank_values=True)),
)
