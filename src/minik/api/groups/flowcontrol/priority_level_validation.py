"""Validation of PriorityLevelConfigurations."""

import math

from minik.api.groups.flowcontrol.mandatory_validation import validate_fixed_level, validate_flow_conditions
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_MAX_QUEUES, _MAX_ENTROPY = 10_000_000, 60
_NOT_NEGATIVE = "must be a non-negative integer"


def _validate_queuing(queuing: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    length, queues, hand = (queuing.get(key, 0) for key in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        errors.append(invalid_value(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        errors.append(invalid_value(f"{path}.queues", queues, "must be positive"))
    elif queues > _MAX_QUEUES:
        errors.append(invalid_value(f"{path}.queues", queues, f"must not be greater than {_MAX_QUEUES}"))
    if hand <= 0:
        errors.append(invalid_value(f"{path}.handSize", hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid_value(f"{path}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif queues > 0 and math.ceil(math.log2(queues) * hand) > _MAX_ENTROPY:
        sizes = f"deckSize {queues} and handSize {hand}"
        text = f"required entropy bits of {sizes} should not be greater than {_MAX_ENTROPY}"
        errors.append(invalid_value(f"{path}.handSize", hand, text))
    return errors


def _validate_response(response: Obj, path: str) -> list[FieldError]:
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        text = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(f"{path}.queuing", text)]
    if kind == "Queue":
        if queuing is None:
            return [required(f"{path}.queuing", "must not be empty if limited.limitResponse.type is Limited")]
        return _validate_queuing(queuing, f"{path}.queuing")
    return [not_supported(f"{path}.type", kind, ("Queue", "Reject"))]


def _validate_lendable(part: Obj, path: str) -> list[FieldError]:
    percent = part.get("lendablePercent")
    if percent is None or 0 <= percent <= 100:
        return []
    return [invalid_value(f"{path}.lendablePercent", percent, "must be between 0 and 100, inclusive")]


def _validate_shares(part: Obj, path: str) -> list[FieldError]:
    shares = part.get("nominalConcurrencyShares") or 0
    return [invalid_value(f"{path}.nominalConcurrencyShares", shares, _NOT_NEGATIVE)] if shares < 0 else []


def _validate_limited(limited: Obj, path: str) -> list[FieldError]:
    errors = _validate_shares(limited, path)
    errors += _validate_response(limited.get("limitResponse") or {}, f"{path}.limitResponse")
    errors += _validate_lendable(limited, path)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        text = f"if specified, {_NOT_NEGATIVE}"
        errors.append(invalid_value(f"{path}.borrowingLimitPercent", borrowing, text))
    return errors


def validate_priority_level(level: Obj) -> list[FieldError]:
    errors = _validate_spec(level) + validate_fixed_level(level)
    return errors + validate_flow_conditions((level.get("status") or {}).get("conditions") or ())


def _validate_spec(level: Obj) -> list[FieldError]:
    spec, name = level["spec"], level["metadata"].get("name", "")
    kind, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    errors: list[FieldError] = []
    if (name == "exempt") != (kind == "Exempt"):
        text = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid_value("spec.type", kind, text))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        if exempt is not None:
            errors += _validate_shares(exempt, "spec.exempt") + _validate_lendable(exempt, "spec.exempt")
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        if limited is None:
            errors.append(required("spec.limited", "must not be empty when type is Limited"))
        else:
            errors += _validate_limited(limited, "spec.limited")
    else:
        errors.append(not_supported("spec.type", kind, ("Exempt", "Limited")))
    return errors


def validate_priority_level_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_priority_level(new)
