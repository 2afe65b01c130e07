"""What both kinds of webhook configuration share: defaults, columns, strategy."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.admissionregistration.match_rules import default_rules
from minik.api.groups.admissionregistration.webhook_validation import validate_webhooks, validate_webhooks_update
from minik.api.scheme import Column, Strategy
from minik.api.types import Obj

COLUMNS = (
    NAME,
    Column(
        "Webhooks",
        type="integer",
        description="Webhooks indicates the number of webhooks registered in this configuration",
    ),
    AGE,
)
_DEFAULTS = {"failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10}


def cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), age(obj, now)]


def default_webhooks(obj: Obj) -> None:
    for hook in obj.get("webhooks") or ():
        for key, value in _DEFAULTS.items():
            if hook.get(key) is None:
                hook[key] = value
        for key in ("namespaceSelector", "objectSelector"):
            if hook.get(key) is None:
                hook[key] = {}
        service = (hook.get("clientConfig") or {}).get("service")
        if service is not None and service.get("port") is None:
            service["port"] = 443
        default_rules(hook.get("rules"))


def _generation_changes(new: Obj, old: Obj) -> bool:
    return bool(new.get("webhooks") != old.get("webhooks"))


def webhook_strategy(default: Callable[[Obj], None]) -> Strategy:
    return Strategy(
        default=default,
        validate=validate_webhooks,
        validate_update=validate_webhooks_update,
        has_generation=True,
        generation_changes=_generation_changes,
        unconditional_update=False,
    )
