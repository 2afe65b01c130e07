"""Validation of Events, in the loose form of v1 and the strict one of events.k8s.io/v1.

Both groups share storage; the strict rules hold for what comes in through events.k8s.io.
"""

from collections.abc import Sequence
from typing import Any

from minik.api import names
from minik.api.go_form import go_value
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_SHORT_MAX, _NOTE_MAX = 128, 1024
_MISMATCH = "does not match event.namespace"
# Of an events.k8s.io Event everything but its series stays: (core field, its type or zero value), in upstream's
# order, which names the reason twice.
_FIXED: Sequence[tuple[str, Any]] = (
    ("involvedObject", "ObjectReference"),
    ("reason", ""),
    ("message", ""),
    ("source", "EventSource"),
    ("firstTimestamp", None),
    ("lastTimestamp", None),
    ("count", 0),
    ("reason", ""),
    ("type", ""),
    ("eventTime", None),
    ("action", ""),
    ("related", "ObjectReference"),
    ("reportingComponent", ""),
    ("reportingInstance", ""),
)


def _validate_short(text: str, path: str, *, limit: int = _SHORT_MAX, needed: bool = True) -> list[FieldError]:
    errors = [required(path)] if needed and not text else []
    if len(text.encode()) > limit:
        errors.append(invalid_value(path, "", f"can have at most {limit} characters"))
    return errors


def _validate_new_style(event: Obj) -> list[FieldError]:
    controller = event.get("reportingComponent") or ""
    errors = [] if controller else [required("reportingController")]
    errors += [invalid_value("reportingController", controller, text) for text in names.qualified_name(controller)]
    for key in ("reportingInstance", "action", "reason"):
        errors += _validate_short(event.get(key) or "", key)
    return errors + _validate_short(event.get("message") or "", "message", limit=_NOTE_MAX, needed=False)


def validate_core_event(event: Obj) -> list[FieldError]:
    """Of a v1 Event: it lies in the namespace of what it is about, or in `default`."""
    namespace = event["metadata"].get("namespace", "")
    about = (event.get("involvedObject") or {}).get("namespace", "")
    new_style = bool(event.get("eventTime"))
    errors: list[FieldError] = []
    if new_style:
        wrong = not about and namespace not in ("default", "kube-system")
    elif about:
        wrong = namespace != about
    else:
        wrong = namespace not in ("", "default")
    if wrong:
        errors.append(invalid_value("involvedObject.namespace", about, _MISMATCH))
    if new_style:
        errors += _validate_new_style(event)
    return errors + [invalid_value("namespace", namespace, text) for text in names.dns_subdomain(namespace)]


def validate_core_event_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_core_event(new)


def _validate_series(event: Obj) -> list[FieldError]:
    series = event.get("series")
    if series is None:
        return []
    errors: list[FieldError] = []
    if series.get("count", 0) < 2:
        errors.append(invalid_value("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors


def validate_event(event: Obj) -> list[FieldError]:
    """Of an events.k8s.io/v1 Event, given in its v1 form."""
    errors = validate_core_event(event) + _validate_series(event)
    if not event.get("eventTime"):
        errors.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        errors.append(invalid_value("type", "", f"has invalid value: {event.get('type', '')}"))
    source = event.get("source") or {}
    deprecated = {
        "firstTimestamp": event.get("firstTimestamp"),
        "lastTimestamp": event.get("lastTimestamp"),
        "count": event.get("count"),
        "source": source.get("component") or source.get("host"),
    }
    return errors + [invalid_value(key, "", "needs to be unset") for key, value in deprecated.items() if value]


def validate_event_update(new: Obj, old: Obj) -> list[FieldError]:
    """Of an events.k8s.io/v1 Event, given in its v1 form."""
    errors = validate_core_event(new)
    if new.get("series") != old.get("series"):
        errors += _validate_series(new)
    for key, kind in _FIXED:
        at = "reportingController" if key == "reportingComponent" else key
        wanted, before = new.get(key) or None, old.get(key) or None
        if wanted == before:
            continue
        if not kind or (key == "related" and wanted is None):
            shown = wanted or (kind or None)
        else:
            shown = go_value(wanted or {}, kind)
        errors.append(invalid_value(at, shown, "field is immutable"))
    return errors
