"""format.dns1123Label().validate('x'): Kubernetes' own formats, and what is wrong with a text.

https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-format-library
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.cel.function import FORMAT, Function, boxed, unboxed
from minik.api.go_urls import request_uri_complaint

Check = Callable[[str], list[str]]


def _prefix(check: Check) -> Check:
    return lambda text: check(names.without_trailing_dash(text))


def _complaint(text: str, accepts: Callable[[str], object]) -> Check:
    def check(value: str) -> list[str]:
        try:
            return [] if accepts(value) else [text]
        except (ValueError, binascii.Error):
            return [text]

    return check


_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)

_FORMATS: dict[str, Check] = {
    "dns1123Label": names.dns_label,
    "dns1123Subdomain": names.dns_subdomain,
    "dns1035Label": names.dns_1035_label,
    "qualifiedName": names.qualified_name,
    "dns1123LabelPrefix": _prefix(names.dns_label),
    "dns1123SubdomainPrefix": _prefix(names.dns_subdomain),
    "dns1035LabelPrefix": _prefix(names.dns_1035_label),
    "labelValue": names.label_value,
    "uri": lambda text: [complaint] if (complaint := request_uri_complaint(text)) else [],
    "uuid": _complaint("does not match the UUID format", _UUID.fullmatch),
    "byte": _complaint("invalid base64", lambda text: base64.b64decode(text, validate=True) is not None),
    "date": _complaint("invalid date", lambda text: len(text) == 10 and datetime.fromisoformat(text)),
    "datetime": _complaint("invalid datetime", lambda text: "T" in text and datetime.fromisoformat(text)),
}


def _validate(value: Any, text: str) -> Any:
    complaints = _FORMATS[unboxed(value, FORMAT)](text)
    return [complaints] if complaints else []


def _named(name: str) -> Any:
    return [boxed(FORMAT, name)] if name in _FORMATS else []


def _constant(name: str) -> Callable[[], Any]:
    return lambda: boxed(FORMAT, name)


FUNCTIONS = (
    *(Function(f"format.{name}", (), FORMAT, _constant(name), member=False) for name in _FORMATS),
    Function("format.named", ("string",), f"optional<{FORMAT}>", _named, member=False),
    Function("validate", (FORMAT, "string"), "optional<list<string>>", _validate),
)
