"""The admission plugins in upstream's order, asked one after the other.

Mutating and validating steps of one kind of write are looked up once and kept, so that a write of, say, a ConfigMap
only meets the plugins that care. Webhooks and policies come in as plugins like the others, before ResourceQuota; when
they change the object, the mutating steps get a second round (reinvocation.py).
"""

from collections.abc import Sequence

from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.admission.plugin import Plugin, Step

_Key = tuple[Operation, str, str]


class AdmissionChain:
    """Implements `Admission` (attributes.py)."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = list(plugins)
        self._mutating: dict[_Key, Sequence[Step]] = {}
        self._validating: dict[_Key, Sequence[Step]] = {}

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        key = (attributes.operation, attributes.gvr.group, attributes.gvr.resource)
        steps = self._mutating.get(key)
        if steps is None:
            steps = self._mutating[key] = [
                plugin.mutate
                for plugin in self._plugins
                if type(plugin).mutate is not Plugin.mutate and plugin.cares_about(*key)
            ]
        for step in steps:
            await step(attributes)
        if attributes.reinvocation.wanted:
            attributes.reinvocation.again = True
            for step in steps:
                await step(attributes)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        key = (attributes.operation, attributes.gvr.group, attributes.gvr.resource)
        steps = self._validating.get(key)
        if steps is None:
            steps = self._validating[key] = [
                plugin.validate
                for plugin in self._plugins
                if type(plugin).validate is not Plugin.validate and plugin.cares_about(*key)
            ]
        for step in steps:
            await step(attributes)
