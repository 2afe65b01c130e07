"""Validation of how a definition's objects are converted between versions."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_REVIEWS = ("v1", "v1beta1")
_PORTS = range(1, 65536)


def validate_conversion(conversion: Obj, path: str) -> list[FieldError]:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook") or {}
    if not strategy:
        return [required(f"{path}.strategy")]
    errors: list[FieldError] = []
    if strategy not in ("None", "Webhook"):
        errors.append(not_supported(f"{path}.strategy", strategy, ("None", "Webhook")))
    where = f"{path}.webhookClientConfig"
    if strategy == "Webhook":
        client = webhook.get("clientConfig")
        if client is None:
            errors.append(required(where, "required when strategy is set to Webhook"))
        else:
            errors += _client_errors(client, where)
        return errors + _review_errors(webhook.get("conversionReviewVersions") or (), path)
    if webhook.get("clientConfig") is not None:
        errors.append(forbidden(where, "should not be set when strategy is not set to Webhook"))
    if webhook.get("conversionReviewVersions"):
        text = "should not be set when strategy is not set to Webhook"
        errors.append(forbidden(f"{path}.conversionReviewVersions", text))
    return errors


def _client_errors(client: Obj, path: str) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return _url_errors(url, f"{path}.url")
    return _service_errors(service or {}, f"{path}.service")


def _url_errors(url: str, path: str) -> list[FieldError]:
    form = "; desired format: https://host[/path]"
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return [invalid_value(path, url, f"url must be a valid URL: {error}{form}")]
    errors: list[FieldError] = []
    if parts.scheme != "https":
        errors.append(invalid_value(path, parts.scheme, f"'https' is the only allowed URL scheme{form}"))
    if not parts.netloc:
        errors.append(invalid_value(path, parts.netloc, f"host must be specified{form}"))
    if "@" in parts.netloc:
        user = parts.netloc.rpartition("@")[0]
        errors.append(invalid_value(path, user, "user information is not permitted in the URL"))
    if parts.fragment:
        errors.append(invalid_value(path, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        errors.append(invalid_value(path, parts.query, "query parameters are not permitted in the URL"))
    return errors


def _service_errors(service: Obj, path: str) -> list[FieldError]:
    errors = [required(f"{path}.{key}") for key in ("name", "namespace") if not service.get(key)]
    port = service.get("port", 443)
    if port not in _PORTS:
        errors.append(invalid_value(f"{path}.port", port, "port is not valid: must be between 1 and 65535, inclusive"))
    where = service.get("path")
    if where is not None and where not in ("", "/"):
        errors += _service_path_errors(where, f"{path}.path")
    return errors


def _service_path_errors(given: str, path: str) -> list[FieldError]:
    if not given.startswith("/"):
        return [invalid_value(path, given, "must start with a '/'")]
    if given.endswith("//") or "//" in given:
        index = given.split("/")[1:].index("")
        return [invalid_value(path, given, f"segment[{index}] may not be empty")]
    errors: list[FieldError] = []
    for index, segment in enumerate(given.strip("/").split("/")):
        complaints = names.dns_subdomain(segment)
        errors += [invalid_value(path, given, f"segment[{index}]: {text}") for text in complaints]
    return errors


def _review_errors(versions: Sequence[str], path: str) -> list[FieldError]:
    where = f"{path}.conversionReviewVersions"
    if not versions:
        return [required(where)]
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid_value(f"{where}[{index}]", version, "duplicate version"))
        complaints = names.dns_1035_label(version)
        errors += [invalid_value(f"{where}[{index}]", version, text) for text in complaints]
    if not any(version in _REVIEWS for version in versions):
        text = f"must include at least one of {', '.join(_REVIEWS)}"
        errors.append(invalid_value(where, list(versions), text))
    return errors
