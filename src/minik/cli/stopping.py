"""What SIGTERM does: /readyz fails at once, requests are served for a while longer, then everything is stopped.

Upstream: kube-apiserver's --shutdown-delay-duration. A second signal does not wait.
"""

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger("minik")


class Stopping:
    """Ends `task` when asked. `announce` is what to do first, once there is somebody to tell."""

    def __init__(self, task: "asyncio.Task[None]", delay: float) -> None:
        """`delay`: seconds between being asked and the end."""
        self._task = task
        self._delay = delay
        self._asked = False
        self.announce: Callable[[], None] | None = None

    def ask(self) -> None:
        if self._asked or self.announce is None or self._delay <= 0:
            self._tell()
            self._task.cancel()
            return
        self._asked = True
        self._tell()
        log.info("minik stops in %.0f s; a second signal stops it now", self._delay)
        asyncio.get_running_loop().call_later(self._delay, self._task.cancel)

    def _tell(self) -> None:
        if self.announce is not None:
            self.announce()
