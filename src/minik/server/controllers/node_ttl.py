"""Tells kubelets for how long they may keep Secrets and ConfigMaps: the longer the more nodes there are.

Rules: kubernetes/pkg/controller/ttl. The sizes overlap, so that a cluster at a boundary does not go to and fro.
"""

import bisect
from collections.abc import Iterable

from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import NODES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import annotations_of

ANNOTATION = "node.alpha.kubernetes.io/ttl"
_LEAST = (0, 90, 450, 900, 1800)  # nodes below which a shorter time is enough
_MOST = (100, 500, 1000, 2000)  # nodes above which a longer one is needed
_SECONDS = (0, 15, 30, 60, 300)


def next_step(step: int, nodes: int) -> int:
    """The step of `_SECONDS` for so many nodes, when it was `step` before."""
    least = bisect.bisect_right(_LEAST, nodes) - 1  # the highest step whose lower limit holds
    most = bisect.bisect_left(_MOST, nodes)  # the lowest step whose upper limit holds
    return min(max(step, most), least)


class NodeTTLController(Controller):
    name = "ttl-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._step = 0
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        step = next_step(self._step, len(self._nodes))
        if step != self._step:
            self._step = step
            yield from self._nodes.keys()
        if change.new is not None and annotations_of(change.new).get(ANNOTATION) != self._wanted:
            yield change.new["metadata"]["name"]

    @property
    def _wanted(self) -> str:
        return str(_SECONDS[self._step])

    async def reconcile(self, key: str) -> float | None:
        node = self._nodes.get(key)
        if node is not None and annotations_of(node).get(ANNOTATION) != self._wanted:
            patch = {"metadata": {"annotations": {ANNOTATION: self._wanted}}}
            await self._client.patch(NODES, key, patch, patch_type=STRATEGIC_MERGE_PATCH)
        return None
