"""Whether a Pod or claim keeps within a LimitRange, and how it is told if not.

Pure. Texts: upstream's plugin/pkg/admission/limitranger.
"""

from collections.abc import Iterator

from minik.api.pod_resources import pod_quantities
from minik.api.quantity import Quantity, parse
from minik.api.types import Obj

_Amounts = dict[str, Quantity]


def pod_complaints(limit_range: Obj, pod: Obj) -> list[str]:
    complaints: list[str] = []
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            for field in ("containers", "initContainers"):
                for container in pod["spec"].get(field) or ():
                    resources = container.get("resources") or {}
                    requests = _amounts(resources.get("requests"))
                    complaints += _check(item, requests, _amounts(resources.get("limits")))
        elif item.get("type") == "Pod":
            alone = {"spec": {**pod["spec"], "overhead": None}}
            complaints += _check(item, pod_quantities(alone, "requests"), pod_quantities(alone, "limits"))
    return complaints


def claim_complaints(limit_range: Obj, claim: Obj) -> list[str]:
    requests = _amounts(((claim.get("spec") or {}).get("resources") or {}).get("requests"))
    complaints: list[str] = []
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "PersistentVolumeClaim":
            for name, least in _amounts(item.get("min")).items():
                complaints += _minimum(item["type"], name, least, requests, {})
            for name, most in _amounts(item.get("max")).items():
                complaints += _maximum_request(item["type"], name, most, requests)
    return complaints


def _check(item: Obj, requests: _Amounts, limits: _Amounts) -> Iterator[str]:
    kind = item["type"]
    for name, least in _amounts(item.get("min")).items():
        yield from _minimum(kind, name, least, requests, limits)
    for name, most in _amounts(item.get("max")).items():
        yield from _maximum(kind, name, most, requests, limits)
    for name, ratio in _amounts(item.get("maxLimitRequestRatio")).items():
        yield from _ratio(kind, name, ratio, requests, limits)


def _minimum(kind: str, name: str, least: Quantity, requests: _Amounts, limits: _Amounts) -> Iterator[str]:
    text = f"minimum {name} usage per {kind} is {least}"
    request, limit = requests.get(name), limits.get(name)
    if request is None:
        yield f"{text}.  No request is specified"
    elif request < least:
        yield f"{text}, but request is {request}"
    elif limit is not None and limit < least:
        yield f"{text}, but limit is {limit}"


def _maximum(kind: str, name: str, most: Quantity, requests: _Amounts, limits: _Amounts) -> Iterator[str]:
    text = f"maximum {name} usage per {kind} is {most}"
    request, limit = requests.get(name), limits.get(name)
    if limit is None:
        yield f"{text}.  No limit is specified"
    elif most < limit:
        yield f"{text}, but limit is {limit}"
    elif request is not None and most < request:
        yield f"{text}, but request is {request}"


def _maximum_request(kind: str, name: str, most: Quantity, requests: _Amounts) -> Iterator[str]:
    text = f"maximum {name} usage per {kind} is {most}"
    request = requests.get(name)
    if request is None:
        yield f"{text}.  No request is specified"
    elif most < request:
        yield f"{text}, but request is {request}"


def _ratio(kind: str, name: str, most: Quantity, requests: _Amounts, limits: _Amounts) -> Iterator[str]:
    text = f"{name} max limit to request ratio per {kind} is {most}"
    request, limit = requests.get(name), limits.get(name)
    if request is None or not request.nanos:
        yield f"{text}, but no request is specified or request is 0"
    elif limit is None or not limit.nanos:
        yield f"{text}, but no limit is specified or limit is 0"
    elif limit.nanos * 10**9 > most.nanos * request.nanos:
        yield f"{text}, but provided ratio is {limit.nanos / request.nanos:f}"


def _amounts(quantities: Obj | None) -> _Amounts:
    return {name: parse(value) for name, value in (quantities or {}).items()}
