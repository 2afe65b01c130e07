"""How webhooks of any kind say where they are: a URL or a Service, and the CA bundle their certificate is checked with.

Upstream: apiserver's util/webhook.
"""

import base64
import binascii
import re
from urllib.parse import urlsplit

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_FORM = "; desired format: https://host[/path]"
_PEM = re.compile(rb"-----BEGIN ([^\n-]+)-----\s*?\n(.*?)-----END \1-----", re.DOTALL)


def url_errors(url: str, path: str) -> list[FieldError]:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [required(path, f"url must be a valid URL: {error}{_FORM}")]
    errors: list[FieldError] = []
    user, _, host = parts.netloc.rpartition("@")
    if parts.scheme != "https":
        errors.append(invalid_value(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"))
    if not host:
        errors.append(invalid_value(path, host, f"host must be specified{_FORM}"))
    if user:
        errors.append(invalid_value(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid_value(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid_value(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def service_errors(service: Obj, path: str) -> list[FieldError]:
    # a missing namespace is told of the name and the other way round: upstream's callers mix up the arguments
    missing = (("name", "namespace"), ("namespace", "name"))
    errors = [required(f"{path}.{told}") for told, key in missing if not service.get(key)]
    port = service.get("port", 443)
    complaints = names.port_number(port)
    if complaints:
        errors.append(invalid_value(f"{path}.port", port, f"port is not valid: {', '.join(complaints)}"))
    return errors + _path_errors(service.get("path") or "", f"{path}.path")


def _path_errors(given: str, path: str) -> list[FieldError]:
    if given in ("", "/"):
        return []
    if given == "//":
        return [invalid_value(path, given, "segment[0] may not be empty")]
    errors: list[FieldError] = []
    if not given.startswith("/"):
        errors.append(invalid_value(path, given, "must start with a '/'"))
    for index, segment in enumerate(given[1:].removesuffix("/").split("/")):
        complaints = [f": {text}" for text in names.dns_subdomain(segment)] if segment else [" may not be empty"]
        errors += [invalid_value(path, given, f"segment[{index}]{text}") for text in complaints]
    return errors


def ca_bundle_complaint(bundle: str) -> str:
    """What is wrong with a CA bundle (base64 of PEM), in client-go's words; "" for one that can be used."""
    if not bundle:
        return ""
    from cryptography import x509  # few clusters have webhooks

    try:
        blocks = _PEM.findall(base64.b64decode(bundle))
    except binascii.Error:
        blocks = []
    if not blocks:
        return "unable to load root certificates: unable to parse bytes as PEM block"
    usable = 0
    for kind, body in blocks:
        if kind != b"CERTIFICATE" or b":" in body:
            continue
        try:
            x509.load_der_x509_certificate(base64.b64decode(body))
            usable += 1
        except ValueError as error:
            if not usable:
                return f"unable to load root certificates: failed to parse certificate: {error}"
    return "" if usable else "unable to load root certificates: no valid certificate authority data seen"
