"""What a plugin may lean on: handed to every plugin when it is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from minik.client.client import Client
from minik.client.clock import Clock
from minik.client.informer import Informers
from minik.server.scheduler.permitting import WaitingPods

Value = TypeVar("Value")

# In a cycle's state: the extended resources of the Pod that devices stand for on nodes that have none of them
# themselves (DynamicResources), so that NodeResourcesFit does not miss them there.
BACKED_BY_DEVICES = "extended resources backed by devices"


@dataclass(frozen=True, slots=True)
class Handle:
    """`client` speaks as system:kube-scheduler; `informers` are the scheduler's caches; `profile` is its name.

    `waiting`: the Pods of all profiles that wait for a permit.
    """

    client: Client
    informers: Informers
    clock: Clock
    profile: str = "default-scheduler"
    waiting: WaitingPods = field(default_factory=WaitingPods)
    _shared: dict[str, Any] = field(default_factory=dict)

    def shared(self, name: str, make: Callable[[], Value]) -> Value:
        """State that the plugins of this name have in common in all profiles; made when first asked for."""
        if name not in self._shared:
            self._shared[name] = make()
        value: Value = self._shared[name]
        return value
