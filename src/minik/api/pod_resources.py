"""What a Pod asks of a node, as plain integers: cpu in milli-cores, everything else in its unit.

Rules: KEP-753 (sidecar containers), KEP-2837 (Pod-level resources), RuntimeClass overhead.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from minik.api.quantity import Quantity, parse
from minik.api.types import Obj

POD_LEVEL = ("cpu", "memory")  # and hugepages-*

_Amount = TypeVar("_Amount", int, Quantity)
_Read = Callable[[Mapping[str, str | int]], dict[str, _Amount]]


def amount(resource: str, quantity: str | int) -> int:
    """A quantity as an integer, rounded up: milli-cores for cpu, units for everything else."""
    parsed = parse(quantity)
    return parsed.milli if resource == "cpu" else parsed.value


def amounts(resources: Mapping[str, str | int]) -> dict[str, int]:
    """Every quantity of a resource list as an integer."""
    return {name: amount(name, quantity) for name, quantity in resources.items()}


def pod_requests(pod: Obj) -> dict[str, int]:
    """The requests a node must have free for the Pod, without the Pod itself (`pods: 1`)."""
    return _total(pod, "requests", amounts)


def pod_limits(pod: Obj) -> dict[str, int]:
    """The sum of limits by the same rules; a container without a limit adds nothing."""
    return _total(pod, "limits", amounts)


def pod_quantities(pod: Obj, which: str) -> dict[str, Quantity]:
    """`requests` or `limits` of the whole Pod, written in the suffixes that its containers use."""
    return _total(pod, which, _quantities)


def _quantities(resources: Mapping[str, str | int]) -> dict[str, Quantity]:
    return {name: parse(quantity) for name, quantity in resources.items()}


def _total(pod: Obj, which: str, read: _Read[_Amount]) -> dict[str, _Amount]:
    spec = pod["spec"]
    total: dict[str, _Amount] = {}
    for container in spec["containers"]:
        _add(total, _of(container, which, read))
    starting: dict[str, _Amount] = {}  # the most that any moment of initialisation needs
    sidecars: dict[str, _Amount] = {}
    for container in spec.get("initContainers") or ():
        asked = _of(container, which, read)
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            _at_least(starting, sidecars)
        else:
            _add(asked, sidecars)
            _at_least(starting, asked)
    _at_least(total, starting)
    for name, value in _of(spec, which, read).items():
        if name in POD_LEVEL or name.startswith("hugepages-"):
            total[name] = value
    overhead = read(spec.get("overhead") or {})
    _add(total, overhead if which == "requests" else {name: overhead[name] for name in overhead if name in total})
    return total


def _of(holder: Obj, which: str, read: _Read[_Amount]) -> dict[str, _Amount]:
    return read((holder.get("resources") or {}).get(which) or {})


def _add(total: dict[str, _Amount], more: Mapping[str, _Amount]) -> None:
    for name, value in more.items():
        total[name] = total[name] + value if name in total else value


def _at_least(total: dict[str, _Amount], floor: Mapping[str, _Amount]) -> None:
    for name, value in floor.items():
        if name not in total or total[name] < value:
            total[name] = value
