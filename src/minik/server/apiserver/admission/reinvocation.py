"""What the mutating steps of one write remember, so that a second round calls whom later changes concern.

A webhook or policy that changes the object makes the chain run once more; in that round, only those with
reinvocationPolicy IfNeeded that ran before the change are called again.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import orjson

from minik.api.types import Obj


@dataclass(slots=True)
class CallerMemory:
    """What one plugin (webhooks, policies) keeps between the rounds."""

    willing: set[Hashable] = field(default_factory=set)  # ran, and may run again
    due: set[Hashable] = field(default_factory=set)  # ran before a change
    output: bytes = b""

    def ran(self, key: Hashable) -> None:
        self.willing.add(key)

    def changed(self) -> None:
        """The object is another one: who ran before has not seen it."""
        self.due |= self.willing

    def seen(self, obj: Obj | None) -> None:
        self.output = _content(obj)

    def began(self, obj: Obj | None) -> None:
        """A second round starts: the plugins before this one may have changed the object."""
        if _content(obj) != self.output:
            self.changed()


@dataclass(slots=True)
class Reinvocation:
    """Belongs to one write. `wanted` is set by whoever changed the object, `again` during the second round."""

    wanted: bool = False
    again: bool = False
    memories: dict[str, CallerMemory] = field(default_factory=dict)

    def memory(self, plugin: str) -> CallerMemory:
        return self.memories.setdefault(plugin, CallerMemory())


def _content(obj: Obj | None) -> bytes:
    return b"" if obj is None else orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
