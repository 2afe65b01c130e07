"""Chosen devices as the AllocationResult of a claim's status. Pure."""

from collections.abc import Callable, Iterable, Sequence

from minik.api.types import Obj
from minik.server.scheduler.dynamic_resources import capacity
from minik.server.scheduler.dynamic_resources.allocator import Chosen
from minik.server.scheduler.dynamic_resources.pools import Device


def result_of(claim: Obj, chosen: Sequence[Chosen], node_name: str, new_share_id: Callable[[], str]) -> Obj:
    """The status's `allocation`, without the time."""
    devices: Obj = {}
    results = [_device(one, new_share_id) for one in chosen]
    configs = [*_of_classes(chosen), *_of_claim(claim, chosen)]
    if results:
        devices["results"] = results
    if configs:
        devices["config"] = configs
    found: Obj = {"devices": devices}
    selector = _node_selector([one.device for one in chosen], node_name)
    if selector:
        found["nodeSelector"] = selector
    return found


def _device(one: Chosen, new_share_id: Callable[[], str]) -> Obj:
    device = one.device
    found: Obj = {
        "request": one.ask.name,
        "driver": device.id.driver,
        "pool": device.id.pool,
        "device": device.id.device,
    }
    if one.ask.is_admin:
        found["adminAccess"] = True
    if one.ask.tolerations:
        found["tolerations"] = [*one.ask.tolerations]
    for key in ("bindingConditions", "bindingFailureConditions"):
        if device.obj.get(key):
            found[key] = [*device.obj[key]]
    if one.consumed is not None:
        found["shareID"] = new_share_id()
        found["consumedCapacity"] = capacity.shown(one.consumed, device.obj)
    return found


def _of_classes(chosen: Sequence[Chosen]) -> Iterable[Obj]:
    asks = dict.fromkeys(one.ask for one in chosen)
    for ask in asks:
        for config in ask.device_class["spec"].get("config") or ():
            yield {"source": "FromClass", "requests": [ask.name], **config}


def _of_claim(claim: Obj, chosen: Sequence[Chosen]) -> Iterable[Obj]:
    """What is for an alternative that was not taken is left out."""
    names = {one.ask.name for one in chosen}
    names |= {name.partition("/")[0] for name in names}
    for config in (claim["spec"].get("devices") or {}).get("config") or ():
        requests = config.get("requests") or ()
        if not requests or names.intersection(requests):
            yield {"source": "FromClaim", **config}


def _node_selector(devices: Sequence[Device], node_name: str) -> Obj | None:
    """Where all of the devices can be reached from; None for everywhere."""
    expressions: list[Obj] = []
    fields: list[Obj] = []
    for device in devices:
        if device.placed("nodeName") or device.obj.get("bindsToNode"):
            here = {"key": "metadata.name", "operator": "In", "values": [node_name]}
            return {"nodeSelectorTerms": [{"matchFields": [here]}]}
        selector = device.placed("nodeSelector")
        if isinstance(selector, dict):
            term = selector["nodeSelectorTerms"][0]
            expressions += [one for one in term.get("matchExpressions") or () if one not in expressions]
            fields += [one for one in term.get("matchFields") or () if one not in fields]
    if not expressions and not fields:
        return None
    term = {**({"matchExpressions": expressions} if expressions else {}), **({"matchFields": fields} if fields else {})}
    return {"nodeSelectorTerms": [term]}
