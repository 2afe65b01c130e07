"""How the process treats its memory: what is looked at for garbage, and what goes back to the kernel.

glibc gives memory back as soon as a large block is freed, and faults it in page by page for the next one; a third of
the time of a list of a megabyte went there. But blocks that stay, and of which little is used, are better off on pages
of their own, and the largest by far are those that uvloop reads each TLS connection into.
https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import ctypes
import functools
import gc
from collections.abc import Callable

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's parameters, <malloc.h>
_MIB = 1 << 20
_TLS_BUFFER = 256 * 1024  # bytes
LARGE = _TLS_BUFFER  # bytes; blocks like this are mapped one by one, unless made inside `Reused`


def starting() -> None:
    """Imports make much that stays, and no garbage. Up to 8 MiB of freed memory are kept for the next answer."""
    gc.set_threshold(50_000, 20, 100)
    _mallopt(_TRIM_THRESHOLD, 8 * _MIB)
    _mallopt(_MMAP_THRESHOLD, LARGE)


def started() -> None:
    """What start-up made stays for good, and requests leave few cycles: look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 20, 50)


class Reused:
    """A context, without waiting in it, in which large blocks are made that will soon be free for the next ones."""

    def __enter__(self) -> None:
        _mallopt(_MMAP_THRESHOLD, 4 * _MIB)

    def __exit__(self, *_: object) -> None:
        _mallopt(_MMAP_THRESHOLD, LARGE)


@functools.cache
def _function() -> Callable[[int, int], object]:
    return getattr(ctypes.CDLL(None), "mallopt", lambda parameter, value: None)  # musl has none, and no need of it


def _mallopt(parameter: int, value: int) -> None:
    _function()(parameter, value)
