"""Resources of a Pod as a whole: its quality-of-service class and the defaults of `spec.resources`.

Pure, in Quantities. Rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ and KEP-2837 (pod-level
resources). What the scheduler counts is api/pod_resources.py.
"""

from collections.abc import Callable, Mapping
from itertools import chain

from minik.api.quantity import Quantity, of_milli, parse
from minik.api.types import Obj

_QOS_RESOURCES = ("cpu", "memory")
_MILLI = 10**6  # nanos


def is_pod_level(resource: str) -> bool:
    """May this resource be given for the Pod as a whole?"""
    return resource in _QOS_RESOURCES or resource.startswith("hugepages-")


def is_native(resource: str) -> bool:
    return "/" not in resource or "kubernetes.io/" in resource


def allows_overcommit(resource: str) -> bool:
    """May limits be above requests?"""
    return is_native(resource) and not resource.startswith("hugepages-")


def resource_list(container: Obj, which: str) -> dict[str, str]:
    """`requests` or `limits` of a container, or of a pod's spec."""
    return (container.get("resources") or {}).get(which) or {}


def round_up(resources: dict[str, str]) -> None:
    """Amounts finer than a thousandth are rounded up, as they always were."""
    for name, text in resources.items():
        quantity = parse(text)
        if quantity.nanos % _MILLI:
            resources[name] = str(of_milli(quantity.milli, quantity.format))


def _add(total: dict[str, Quantity], more: Mapping[str, Quantity]) -> None:
    for name, quantity in more.items():
        total[name] = total[name] + quantity if name in total else quantity


def _raise_to(total: dict[str, Quantity], floor: Mapping[str, Quantity]) -> None:
    for name, quantity in floor.items():
        if name not in total or total[name] < quantity:
            total[name] = quantity


def aggregate_containers(spec: Obj, which: str) -> dict[str, Quantity]:
    """What all containers need together: the running ones, or the hungriest moment of initialisation if more."""
    total: dict[str, Quantity] = {}
    for container in spec.get("containers") or ():
        _add(total, _parsed(container, which))
    sidecars: dict[str, Quantity] = {}
    starting: dict[str, Quantity] = {}
    for container in spec.get("initContainers") or ():
        wanted = _parsed(container, which)
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
            _add(sidecars, wanted)
            wanted = sidecars
        else:
            _add(wanted, sidecars)
        _raise_to(starting, wanted)
    _raise_to(total, starting)
    return total


def _parsed(container: Obj, which: str) -> dict[str, Quantity]:
    return {name: parse(text) for name, text in resource_list(container, which).items()}


def _fill(resources: Obj, which: str, values: Mapping[str, str], wanted: Callable[[str], bool]) -> None:
    present = resources.get(which) or {}
    added = {name: text for name, text in values.items() if name not in present and wanted(name)}
    if added:
        resources[which] = {**present, **added}


def default_pod_level_resources(spec: Obj) -> None:
    """Complete `spec.resources` from the containers, once something of it is given."""
    resources = spec.get("resources")
    if not resources or not (resources.get("limits") or resources.get("requests")):
        return
    asked = resources.get("requests") or {}
    limits = {name: str(amount) for name, amount in aggregate_containers(spec, "limits").items()}
    _fill(resources, "limits", limits, lambda name: name.startswith("hugepages-") and name not in asked)
    if resources.get("limits"):
        requests = {name: str(amount) for name, amount in aggregate_containers(spec, "requests").items()}
        _fill(resources, "requests", requests, lambda name: is_pod_level(name) and allows_overcommit(name))
        _fill(resources, "requests", resources["limits"], is_pod_level)
    _default_limits(spec, resources, limits)


def _default_limits(spec: Obj, resources: Obj, limits: Mapping[str, str]) -> None:
    """Limits follow from the containers' if there were none and every container has one."""
    if any(is_pod_level(name) for name in resources.get("limits") or ()):
        return
    running = [
        *(spec.get("containers") or ()),
        *(each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"),
    ]

    def everywhere(name: str) -> bool:
        return (
            is_pod_level(name)
            and allows_overcommit(name)
            and all(name in resource_list(each, "limits") for each in running)
        )

    _fill(resources, "limits", limits, everywhere)


def _qos_amounts(holders: list[Obj], which: str) -> dict[str, int]:
    total: dict[str, int] = {}
    for holder in holders:
        for name in _QOS_RESOURCES:
            nanos = parse(resource_list(holder, which).get(name, "0")).nanos
            if nanos > 0:
                total[name] = total.get(name, 0) + nanos
    return total


def qos_class(spec: Obj) -> str:
    """Guaranteed, Burstable or BestEffort."""
    pod_level = spec.get("resources") is not None
    holders = [spec] if pod_level else list(chain(spec.get("containers") or (), spec.get("initContainers") or ()))
    requests, limits = _qos_amounts(holders, "requests"), _qos_amounts(holders, "limits")
    if not requests and not limits:
        return "BestEffort"
    counted = [each for each in holders if not pod_level or resource_list(each, "limits")]
    limited = all(set(_qos_amounts([each], "limits")) == set(_QOS_RESOURCES) for each in counted)
    return "Guaranteed" if limited and requests == limits else "Burstable"
