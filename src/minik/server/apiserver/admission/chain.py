"""The admission plugins in upstream's order, asked one after the other.

Mutating and validating steps of one kind of write are looked up once and kept, so that a write of, say, a ConfigMap
only meets the plugins that care. Webhooks and policies come in as plugins like the others, before ResourceQuota; when
they change the object, the mutating steps get a second round (reinvocation.py). Each step is timed (metrics.py).
"""

from collections.abc import Sequence
from time import perf_counter

from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.admission.metrics import ADMIT, VALIDATE, AdmissionMetrics
from minik.server.apiserver.admission.plugin import Plugin, Step

_Key = tuple[Operation, str, str]
_NamedStep = tuple[str, Step]


class AdmissionChain:
    """Implements `Admission` (attributes.py)."""

    def __init__(self, plugins: Sequence[Plugin], metrics: AdmissionMetrics | None = None) -> None:
        self._plugins = list(plugins)
        self._metrics = metrics or AdmissionMetrics()
        self._mutating: dict[_Key, Sequence[_NamedStep]] = {}
        self._validating: dict[_Key, Sequence[_NamedStep]] = {}

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        key = (attributes.operation, attributes.gvr.group, attributes.gvr.resource)
        steps = self._mutating.get(key)
        if steps is None:
            steps = self._mutating[key] = [
                (plugin.name, plugin.mutate)
                for plugin in self._plugins
                if type(plugin).mutate is not Plugin.mutate and plugin.cares_about(*key)
            ]
        await self._run(steps, attributes, ADMIT)
        if attributes.reinvocation.wanted:
            attributes.reinvocation.again = True
            await self._run(steps, attributes, ADMIT)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        key = (attributes.operation, attributes.gvr.group, attributes.gvr.resource)
        steps = self._validating.get(key)
        if steps is None:
            steps = self._validating[key] = [
                (plugin.name, plugin.validate)
                for plugin in self._plugins
                if type(plugin).validate is not Plugin.validate and plugin.cares_about(*key)
            ]
        await self._run(steps, attributes, VALIDATE)

    async def _run(self, steps: Sequence[_NamedStep], attributes: AdmissionAttributes, kind: str) -> None:
        observe, operation = self._metrics.plugin, attributes.operation.value
        started = began = perf_counter()
        name = ""
        try:
            for name, step in steps:
                await step(attributes)
                ended = perf_counter()
                observe(name, kind, operation, ended - began, rejected=False)
                began = ended
        except Exception:
            observe(name, kind, operation, perf_counter() - began, rejected=True)
            self._metrics.phase(kind, operation, perf_counter() - started, rejected=True)
            raise
        self._metrics.phase(kind, operation, began - started, rejected=False)
