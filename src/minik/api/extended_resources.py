"""Resources of a Node that the node itself knows nothing of: what is added to capacity becomes allocatable.

https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
"""

from collections.abc import Mapping

from minik.api.types import Obj

Amounts = Mapping[str, str]


def is_extended(resource: str) -> bool:
    return "/" in resource and "kubernetes.io/" not in resource and not resource.startswith("requests.")


def of_capacity(status: Obj) -> dict[str, str]:
    """The extended resources among a Node's capacity."""
    return {name: amount for name, amount in (status.get("capacity") or {}).items() if is_extended(name)}


def gone(capacity: Amounts, allocatable: Amounts) -> list[str]:
    """Those that are allocatable still, while the capacity has been taken away."""
    return [name for name in allocatable if is_extended(name) and name not in capacity]
