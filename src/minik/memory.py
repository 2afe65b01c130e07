"""How the process treats its memory: what is looked at for garbage, and what goes back to the kernel.

glibc gives memory back as soon as a large block is freed, and faults it in page by page for the next one; half the time
of a small read over TLS and a third of that of a list of a megabyte went there. So freed blocks are kept. But blocks
that stay, and of which little is used, are better off on pages of their own, and the largest by far are those that
uvloop reads each TLS connection into. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import asyncio
import ctypes
import functools
import gc
from collections.abc import Callable

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's parameters, <malloc.h>
_MIB = 1 << 20
_KEPT = 4 * _MIB  # bytes; larger blocks always come and go one by one
_TLS_BUFFER = 256 * 1024  # bytes
_CALM = 1.0  # seconds


def starting() -> None:
    """Imports make much that stays, and no garbage. Up to 8 MiB of freed memory are kept for the next answer."""
    gc.set_threshold(50_000, 20, 100)
    _mallopt(_TRIM_THRESHOLD, 8 * _MIB)
    _mallopt(_MMAP_THRESHOLD, _KEPT)


def started() -> None:
    """What start-up made stays for good, and requests leave few cycles: look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 20, 50)


class Newcomers:
    """Has large blocks mapped one by one while connections come, until none has come for a second.

    It is then that uvloop makes their TLS buffers, and that what they bring with them is spread over the heap.
    """

    def __init__(self) -> None:
        self._more = False
        self._timer: asyncio.TimerHandle | None = None

    def one_comes(self, loop: asyncio.AbstractEventLoop) -> None:
        self._more = True
        if self._timer is None:
            _mallopt(_MMAP_THRESHOLD, _TLS_BUFFER)
            self._look_again(loop)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._more:
            self._more = False
            self._timer = loop.call_later(_CALM, self._look_again, loop)
        else:
            self._timer = None
            _mallopt(_MMAP_THRESHOLD, _KEPT)


@functools.cache
def _function() -> Callable[[int, int], object]:
    return getattr(ctypes.CDLL(None), "mallopt", lambda parameter, value: None)  # musl has none, and no need of it


def _mallopt(parameter: int, value: int) -> None:
    _function()(parameter, value)
