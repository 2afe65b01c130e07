"""String formats of structural schemas, as kube-openapi's strfmt registry knows them.

A format that is not listed is no constraint. https://spec.openapis.org/oas/v3.0.0#data-types
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote_to_bytes, urlsplit

from minik.api.types import Obj

_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_ANY = r"[a-zA-Z0-9\u0080-\U0010ffff]"  # upstream: of what is not ASCII only letters and symbols
_HOSTNAME = re.compile(
    rf"{_ANY}(?:-?{_ANY}{{0,62}})?"
    rf"|(?:{_ANY}(?:(?:{_ANY}|-){{0,61}}{_ANY})?\.)+[a-zA-Z\u0080-\U0010ffff]{{2,63}}"
)
_DATE_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})", re.ASCII)
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|h|m|s))+)", re.ASCII)
_LONG_DURATION = re.compile(r"\s*(?:\d+\s*[A-Za-zµ]+\s*)+", re.ASCII)
_UNITS = re.compile(
    r"nano.*|ns|micro.*|us|µs|milli.*|ms|sec.*|s|min.*|m|hour.*|hr|h|day.*|d|week.*|wk|w", re.IGNORECASE
)
_HEX = "[0-9a-fA-F]"
_MAC = re.compile(  # 6, 8 or 20 bytes
    rf"{_HEX}{{2}}(?::{_HEX}{{2}}){{5}}(?:(?::{_HEX}{{2}}){{2}}|(?::{_HEX}{{2}}){{14}})?"
    rf"|{_HEX}{{2}}(?:-{_HEX}{{2}}){{5}}(?:(?:-{_HEX}{{2}}){{2}}|(?:-{_HEX}{{2}}){{14}})?"
    rf"|{_HEX}{{4}}(?:\.{_HEX}{{4}}){{2}}(?:\.{_HEX}{{4}}|(?:\.{_HEX}{{4}}){{7}})?"
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11}"
)
_COLOR = r"\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_RGB = re.compile(rf"rgb\({_COLOR},{_COLOR},{_COLOR}\)", re.ASCII)
_EMAIL = re.compile(r"(?:[^<>]*<)?[^\s<>@,;:\"()\[\]]+@[^\s<>@,;:\"()\[\]]+>?")
_NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}
_LABEL_SHORT = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_LONG = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def matches(name: str, value: str) -> bool:
    """Whether a string is of a format. Dashes in names do not count: `date-time` is `datetime`."""
    check = _CHECKS.get(name.replace("-", ""))
    return check is None or check(value)


def is_known(schema: Obj) -> bool:
    """Whether the format of a part of a schema means anything for its type."""
    name, kind = schema.get("format", ""), schema.get("type", "")
    if kind in _NUMBERS:
        return name in _NUMBERS[kind]
    return kind in ("", "string") and name.replace("-", "") in _CHECKS


def effective(schema: Obj) -> str:
    """The format values are held to; "" for one that is not known."""
    if "format" not in schema:
        return ""
    part = {"format": schema["format"]} if schema.get("x-kubernetes-int-or-string") else schema
    return str(schema["format"]) if is_known(part) else ""


def _full(pattern: str | re.Pattern[str], flags: int = 0) -> Callable[[str], bool]:
    compiled = re.compile(pattern, flags)
    return lambda value: compiled.fullmatch(value) is not None


def _quiet(check: Callable[[str], object]) -> Callable[[str], bool]:
    def run(value: str) -> bool:
        try:
            check(value)
        except ValueError:
            return False
        return True

    return run


def _date_time(value: str) -> bool:
    date, *rest = value.lower().split("t")
    match = _DATE_TIME.fullmatch(rest[0]) if rest and _date(date) else None
    return match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def _date(value: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is not None and _quiet(datetime.fromisoformat)(value)


def _duration(value: str) -> bool:
    """As Go has them, or as Scala has: `2 hours 5min`, of which one unit must be known."""
    if _DURATION.fullmatch(value):
        return True
    units = re.findall(r"\d+\s*([A-Za-zµ]+)", value) if _LONG_DURATION.fullmatch(value) else ()
    return any(_UNITS.fullmatch(unit) for unit in units)


def _cidr(value: str) -> bool:
    address, _, size = value.partition("/")
    network = f"{_without_zeros(address)}/{size}"
    return size.isdigit() and _quiet(lambda text: ipaddress.ip_network(text, strict=False))(network)


def _ipv4(value: str) -> bool:
    return "." in value and "%" not in value and _quiet(ipaddress.ip_address)(_without_zeros(value))


def _without_zeros(address: str) -> str:
    """Leading zeros of an IPv4 address do not matter."""
    return re.sub(r"(?<![0-9a-fA-F:])0+(?=\d)", "", address) if "." in address else address


def _ipv6(value: str) -> bool:
    return "%" not in value and _quiet(ipaddress.IPv6Address)(value)


def _uri(value: str) -> bool:
    """A request URI: absolute, or a path from the root."""
    if re.search(r"[\x00-\x20\x7f]", value) or re.search(r"%(?![0-9a-fA-F]{2})", value):
        return False
    try:
        parts = urlsplit(value)
        unquote_to_bytes(parts.path)
    except ValueError:
        return False
    return value.startswith("/") or bool(parts.scheme)


def _card(value: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", value)
    if not _CARD.fullmatch(digits):
        return False
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _isbn10(value: str) -> bool:
    digits = re.sub(r"[\s-]+", "", value)
    if not re.fullmatch(r"\d{9}[0-9X]", digits):
        return False
    return sum((10 if d == "X" else int(d)) * (10 - place) for place, d in enumerate(digits)) % 11 == 0


def _isbn13(value: str) -> bool:
    digits = re.sub(r"[\s-]+", "", value)
    if not re.fullmatch(r"\d{13}", digits):
        return False
    return sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits)) % 10 == 0


def _hostname(value: str) -> bool:
    if not _HOSTNAME.fullmatch(value) or len(value.encode()) > 255:
        return False
    return all(len(part.encode()) <= 63 for part in value.split("."))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _full(r"[0-9a-fA-F]{24}"),
    "uri": _uri,
    "email": _full(_EMAIL),
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "cidr": _cidr,
    "mac": _full(_MAC),
    "uuid": _full(_UUID % ("[0-9a-f]", "[0-9a-f]"), re.IGNORECASE),
    "uuid3": _full(_UUID % ("3", "[0-9a-f]"), re.IGNORECASE),
    "uuid4": _full(_UUID % ("4", "[89ab]"), re.IGNORECASE),
    "uuid5": _full(_UUID % ("5", "[89ab]"), re.IGNORECASE),
    "isbn": lambda value: _isbn10(value) or _isbn13(value),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _card,
    "ssn": _full(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _full(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _full(_RGB),
    "byte": _full(_BASE64),
    "password": lambda _: True,
    "date": _date,
    "duration": _duration,
    "datetime": _date_time,
    "k8sshortname": lambda value: len(value) <= 63 and _LABEL_SHORT.fullmatch(value) is not None,
    "k8slongname": lambda value: len(value) <= 253 and _LABEL_LONG.fullmatch(value) is not None,
}
