"""Validation of how a definition's objects are converted between versions."""

from collections.abc import Sequence

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required
from minik.api.webhook_client_validation import ca_bundle_complaint, service_errors, url_errors

_REVIEWS = ("v1", "v1beta1")


def validate_conversion(
    conversion: Obj, path: str, *, recognized: bool = True, strict: bool = False
) -> list[FieldError]:
    """`recognized`: one of the review versions must be one that is spoken here. `strict`: the CA bundle must be one."""
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook") or {}
    errors: list[FieldError] = []
    if not strategy:
        errors.append(required(f"{path}.strategy"))
    elif strategy not in ("None", "Webhook"):
        errors.append(not_supported(f"{path}.strategy", strategy, ("None", "Webhook")))
    where = f"{path}.webhookClientConfig"
    if strategy == "Webhook":
        client = webhook.get("clientConfig")
        if client is None:
            errors.append(required(where, "required when strategy is set to Webhook"))
        else:
            errors += _client_errors(client, where, strict=strict)
        return errors + _review_errors(webhook.get("conversionReviewVersions") or (), path, recognized=recognized)
    if webhook.get("clientConfig") is not None:
        errors.append(forbidden(where, "should not be set when strategy is not set to Webhook"))
    if webhook.get("conversionReviewVersions"):
        text = "should not be set when strategy is not set to Webhook"
        errors.append(forbidden(f"{path}.conversionReviewVersions", text))
    return errors


def speaks(versions: Sequence[str]) -> bool:
    """Whether one of the review versions is spoken here."""
    return any(version in _REVIEWS for version in versions)


def _client_errors(client: Obj, path: str, *, strict: bool) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        errors = [required(path, "exactly one of url or service is required")]
    elif url is not None:
        errors = url_errors(url, f"{path}.url")
    else:
        errors = service_errors(service or {}, f"{path}.service")
    complaint = ca_bundle_complaint(client.get("caBundle", "")) if strict else ""
    return [*errors, invalid_value(f"{path}.caBundle", client["caBundle"], complaint)] if complaint else errors


def _review_errors(versions: Sequence[str], path: str, *, recognized: bool) -> list[FieldError]:
    where = f"{path}.conversionReviewVersions"
    if not versions:
        return [required(where)]
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid_value(f"{where}[{index}]", version, "duplicate version"))
            continue
        complaints = names.dns_1035_label(version)
        errors += [invalid_value(f"{where}[{index}]", version, text) for text in complaints]
    if recognized and not speaks(versions):
        text = f"must include at least one of {', '.join(_REVIEWS)}"
        errors.append(invalid_value(where, list(versions), text))
    return errors
