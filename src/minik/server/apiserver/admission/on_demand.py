"""Plugins that are loaded with the first object that configures them, and follow these objects from then on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, Plugin


class Index(Protocol):
    """What is kept in step with stored objects (Objects.follow)."""

    def reset(self) -> None: ...

    def change(self, resource: GVR, new: Obj | None, last: Obj | None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Configured:
    """A loaded plugin and the index of its configuration."""

    index: Index
    plugin: Plugin


class OnDemand(Plugin):
    """Stands for a plugin and its index from the start."""

    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    resources = None

    def __init__(self, name: str, follows: Sequence[GVR], load: Callable[[], Configured]) -> None:
        self.name = name  # type: ignore[misc]  # it stands for several plugins
        self.follows = follows
        self._load = load
        self._loaded: Configured | None = None

    def reset(self) -> None:
        if self._loaded is not None:
            self._loaded.index.reset()

    def change(self, resource: GVR, new: Obj | None, last: Obj | None) -> None:
        if self._loaded is None:
            if new is None:
                return
            self._loaded = self._load()
        self._loaded.index.change(resource, new, last)


class OnDemandMutating(OnDemand):
    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if self._loaded is not None and self._loaded.plugin.cares_about(attributes.operation, *attributes.gvr[::2]):
            await self._loaded.plugin.mutate(attributes)


class OnDemandValidating(OnDemand):
    async def validate(self, attributes: AdmissionAttributes) -> None:
        if self._loaded is not None:
            await self._loaded.plugin.validate(attributes)
