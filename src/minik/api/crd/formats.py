"""String formats of structural schemas, as kube-openapi's strfmt registry knows them.

A format that is not listed is no constraint. https://spec.openapis.org/oas/v3.0.0#data-types
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote_to_bytes, urlsplit

from minik.api.types import Obj

_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_HOSTNAME = re.compile(
    r"(?=.{1,255}$)[a-zA-Z0-9\u00a1-\uffff]([a-zA-Z0-9\u00a1-\uffff-]{0,61}[a-zA-Z0-9\u00a1-\uffff])?"
    r"(\.[a-zA-Z0-9\u00a1-\uffff]([a-zA-Z0-9\u00a1-\uffff-]{0,61}[a-zA-Z0-9\u00a1-\uffff])?)*\.?"
)
_DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[tT\s](\d{2}:\d{2}:\d{2})(?:\.\d+)?([zZ]|[+-]\d{2}:\d{2})")
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|h|m|s))+)")
_LONG_DURATION = re.compile(
    r"(\d+)\s*(nanoseconds?|nanos|nano|ns|microseconds?|micros|micro|us|µs|μs|milliseconds?|millis|milli|ms|"
    r"seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w)"
)
_MAC = re.compile(
    r"([0-9a-fA-F]{2}:){5,7}[0-9a-fA-F]{2}|([0-9a-fA-F]{2}-){5,7}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}\.){2,3}[0-9a-fA-F]{4}"
    r"|([0-9a-fA-F]{2}:){19}[0-9a-fA-F]{2}|([0-9a-fA-F]{2}-){19}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}\.){9}[0-9a-fA-F]{4}"
)
_EMAIL = re.compile(r"(?:[^<>]*<)?[^\s<>@,;:\"()\[\]]+@[^\s<>@,;:\"()\[\]]+>?")
_RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
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
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return False
    return _quiet(datetime.fromisoformat)(f"{match[1]}T{match[2]}{match[3].upper().replace('Z', '+00:00')}")


def _date(value: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None and _quiet(datetime.fromisoformat)(value)


def _duration(value: str) -> bool:
    return bool(_DURATION.fullmatch(value)) or _LONG_DURATION.search(value) is not None


def _cidr(value: str) -> bool:
    return "/" in value and _quiet(lambda text: ipaddress.ip_network(text, strict=False))(value)


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


def _base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


def _card(value: str) -> bool:
    digits = re.sub(r"[^0-9]+", "", value)
    if not re.fullmatch(r"\d{12,19}", digits):
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


def _rgb(value: str) -> bool:
    match = _RGB.fullmatch(value)
    return match is not None and all(int(part) <= 255 for part in match.groups())


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _full(r"[0-9a-fA-F]{24}"),
    "uri": _uri,
    "email": _full(_EMAIL),
    "hostname": _full(_HOSTNAME),
    "ipv4": _quiet(ipaddress.IPv4Address),
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
    "rgbcolor": _rgb,
    "byte": _base64,
    "password": lambda _: True,
    "date": _date,
    "duration": _duration,
    "datetime": _date_time,
    "k8sshortname": lambda value: len(value) <= 63 and _LABEL_SHORT.fullmatch(value) is not None,
    "k8slongname": lambda value: len(value) <= 253 and _LABEL_LONG.fullmatch(value) is not None,
}
