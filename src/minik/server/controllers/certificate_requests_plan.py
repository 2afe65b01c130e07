"""Reads CertificateSigningRequests: what was decided about one, and when it has been kept long enough. Pure."""

import base64
from datetime import datetime, timedelta

from cryptography import x509

from minik.api.types import Obj
from minik.client.clock import parse_time
from minik.server.controllers.objects import condition_of

_AFTER_DECISION, _PENDING = timedelta(hours=1), timedelta(hours=24)


def holds(request: Obj, type: str) -> bool:
    condition = condition_of(request, type)
    return condition is not None and condition.get("status", "True") == "True"


def has_certificate(request: Obj) -> bool:
    return bool((request.get("status") or {}).get("certificate"))


def is_decided(request: Obj) -> bool:
    return holds(request, "Approved") or holds(request, "Denied")


def is_to_be_signed(request: Obj) -> bool:
    return (
        holds(request, "Approved")
        and not holds(request, "Denied")
        and not holds(request, "Failed")
        and not has_certificate(request)
    )


def kept_until(request: Obj) -> datetime | None:
    """When the request is to be deleted; None while a decision is still to be carried out."""
    ends = []
    for type in ("Denied", "Failed", "Approved"):
        condition = condition_of(request, type)
        if condition is not None and (type != "Approved" or has_certificate(request)):
            since = condition.get("lastUpdateTime") or request["metadata"]["creationTimestamp"]
            ends.append(parse_time(since) + _AFTER_DECISION)
    if not (request.get("status") or {}).get("conditions"):
        ends.append(parse_time(request["metadata"]["creationTimestamp"]) + _PENDING)
    if has_certificate(request) and holds(request, "Approved"):
        ends.append(_expiry(request))
    return min(ends, default=None)


def _expiry(request: Obj) -> datetime:
    try:
        return x509.load_pem_x509_certificate(base64.b64decode(request["status"]["certificate"])).not_valid_after_utc
    except ValueError:
        return datetime.max.replace(tzinfo=parse_time(request["metadata"]["creationTimestamp"]).tzinfo)
