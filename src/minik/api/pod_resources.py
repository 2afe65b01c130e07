"""What a Pod asks of a node, as plain integers: cpu in milli-cores, everything else in its unit.

Rules: KEP-753 (sidecar containers), KEP-2837 (Pod-level resources), RuntimeClass overhead.
"""

from collections.abc import Mapping

from minik.api.quantity import parse
from minik.api.types import Obj

POD_LEVEL = ("cpu", "memory")  # and hugepages-*


def amount(resource: str, quantity: str | int) -> int:
    """A quantity as an integer, rounded up: milli-cores for cpu, units for everything else."""
    parsed = parse(quantity)
    return parsed.milli if resource == "cpu" else parsed.value


def amounts(resources: Mapping[str, str | int]) -> dict[str, int]:
    """Every quantity of a resource list as an integer."""
    return {name: amount(name, quantity) for name, quantity in resources.items()}


def pod_requests(pod: Obj) -> dict[str, int]:
    """The requests a node must have free for the Pod, without the Pod itself (`pods: 1`)."""
    return _total(pod, "requests")


def pod_limits(pod: Obj) -> dict[str, int]:
    """The sum of limits by the same rules; a container without a limit adds nothing."""
    return _total(pod, "limits")


def _total(pod: Obj, which: str) -> dict[str, int]:
    spec = pod["spec"]
    total: dict[str, int] = {}
    for container in spec["containers"]:
        _add(total, _of(container, which))
    starting: dict[str, int] = {}  # the most that any moment of initialisation needs
    sidecars: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        asked = _of(container, which)
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            _at_least(starting, sidecars)
        else:
            _at_least(starting, {name: asked.get(name, 0) + sidecars.get(name, 0) for name in {*asked, *sidecars}})
    _at_least(total, starting)
    for name, value in _of(spec, which).items():
        if name in POD_LEVEL or name.startswith("hugepages-"):
            total[name] = value
    if spec.get("overhead") and (which == "requests" or total):
        _add(total, amounts(spec["overhead"]))
    return total


def _of(container: Obj, which: str) -> dict[str, int]:
    return amounts((container.get("resources") or {}).get(which) or {})


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _at_least(total: dict[str, int], floor: Mapping[str, int]) -> None:
    for name, value in floor.items():
        total[name] = max(total.get(name, 0), value)
