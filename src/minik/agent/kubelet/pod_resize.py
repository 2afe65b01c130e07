"""The resources of one running Pod: what it asks for, what it was granted, and what its containers have yet.

    asked --room?--> granted --usage allows?--> given to the containers
             no: Deferred or Infeasible    no: Error, tried again

https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from minik.agent.kubelet import resize
from minik.agent.kubelet.conditions import IN_PROGRESS, PENDING
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.plan import Kill
from minik.agent.kubelet.runtime_types import PodState
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

RETRY = 10.0  # seconds


class PodResize:
    """`kill` stops a container so that it is started again; `changed` is called when there is something to report."""

    def __init__(
        self,
        context: NodeContext,
        pod: Obj,
        state: Callable[[], PodState],
        kill: Callable[[Kill], Awaitable[None]],
        changed: Callable[[], None],
        *,
        adopted: bool = False,
    ) -> None:
        self.pod = resize.allocated(pod) if adopted else pod  # with the resources that were granted
        self.before: dict[str, Obj] = {}  # container -> what it still has while it is to get what was granted
        self._asked = pod  # with the resources that are asked for
        self._context = context
        self._state = state
        self._kill = kill
        self._changed = changed
        self._refusal: tuple[str, str] | None = None  # reason, message
        self._error = ""
        self._number = 0  # of the newest grant
        self._open = True
        self._giving = asyncio.Lock()

    def take(self, pod: Obj) -> None:
        """The API has a newer version."""
        granted, self.pod, self._asked = self.pod, pod, pod
        wanted = resize.changes(granted, pod) if self._open else []
        self._refusal = self._context.resize_refusal(pod) if wanted else None
        if self._refusal is not None:
            self.pod = resize.with_resources(pod, resize.resources_of(granted))
        elif wanted:
            for change in wanted:
                self.before.setdefault(change.container["name"], change.before)
            self._number += 1
            name = f"resize pod {pod['metadata']['name']}"
            self._context.group.create_task(self._guarded(self._number), name=name)

    def retry(self) -> None:
        """There may be room now."""
        if self.pod is not self._asked:
            self.take(self._asked)
            self._changed()

    def close(self) -> None:
        """The Pod ends."""
        self._open = False

    def conditions(self) -> dict[str, tuple[str, str]]:
        """Kind -> reason and message, of those that hold."""
        if self._refusal is not None:
            return {PENDING: self._refusal}
        return {IN_PROGRESS: ("Error", self._error) if self._error else ("", "")} if self.before else {}

    async def _guarded(self, number: int) -> None:
        """An unexpected error must not end the kubelet."""
        try:
            await self._give(number)
        except Exception:
            log.exception("pod %s: cannot be resized", self.pod["metadata"]["name"])

    async def _give(self, number: int) -> None:
        """Until it is done, or a newer one takes over."""
        while self._open and number == self._number:
            async with self._giving:
                self._error = await self._give_once(self.pod)
            self._changed()
            if not self._error:
                self._context.room()
                return
            await asyncio.sleep(RETRY)

    async def _give_once(self, pod: Obj) -> str:
        """Why it cannot be done now, or ""."""
        wanted = resize.changes(resize.with_resources(pod, self.before), pod)
        if error := await resize.complaint(self._context, pod, self._state(), wanted):
            return error
        await resize.apply(self._context, pod, self._state(), wanted)
        for change in wanted:
            current = self._state().current(change.container["name"])
            if change.restart and current is not None and current.running:
                await self._kill(Kill(current, f"Container {current.name} resize requires restart"))
        given, granted = resize.resources_of(pod), resize.resources_of(self.pod)
        self.before = {name: given[name] for name in self.before if given[name] != granted[name]}
        return ""
