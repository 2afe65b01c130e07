"""What a Pod counts for on its node while its containers are being resized in place: the most of what is asked for,
promised and in force. Pure.

https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from minik.api.pod_resources import amounts
from minik.api.types import Obj


class Resize(NamedTuple):
    """One container's. `given`: the requests promised by the kubelet, and those in force."""

    container: str
    given: tuple[Obj, Obj]


def resizes(pod: Obj) -> Sequence[Resize]:
    """Of the containers whose status differs from their spec."""
    found: list[Resize] = []
    statuses = (pod.get("status") or {}).get("containerStatuses")
    if not statuses:
        return found
    asked = {c["name"]: (c.get("resources") or {}).get("requests") for c in pod["spec"]["containers"]}
    for status in statuses:
        promised, in_force = status.get("allocatedResources"), (status.get("resources") or {}).get("requests")
        wanted = asked.get(status["name"])
        if (promised and promised != wanted) or (in_force and in_force != wanted):
            found.append(Resize(status["name"], (promised or {}, in_force or {})))
    return found


def as_counted(pod: Obj) -> Obj:
    """The Pod with the requests that its node must have room for."""
    pending = {resize.container: resize.given for resize in resizes(pod)}
    if not pending:
        return pod
    is_hopeless = any(
        condition["type"] == "PodResizePending" and condition.get("reason") == "Infeasible"
        for condition in pod["status"].get("conditions") or ()
    )
    spec = pod["spec"]
    containers = [_counted(one, pending.get(one["name"]), is_hopeless) for one in spec["containers"]]
    return {**pod, "spec": {**spec, "containers": containers}}


def _counted(container: Obj, given: tuple[Obj, Obj] | None, is_hopeless: bool) -> Obj:
    if given is None:
        return container
    resources: Obj = container.get("resources") or {}
    most: dict[str, int] = {}
    for each in given if is_hopeless else ((resources.get("requests") or {}), *given):
        for name, amount in amounts(each).items():
            most[name] = max(most.get(name, 0), amount)
    return {**container, "resources": {**resources, "requests": _quantities(most)}}


def _quantities(values: Mapping[str, int]) -> dict[str, str]:
    return {name: f"{value}m" if name == "cpu" else str(value) for name, value in values.items()}
