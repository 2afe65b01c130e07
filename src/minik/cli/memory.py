"""How the process treats its memory: what is looked at for garbage, and what goes back to the kernel.

glibc gives memory back as soon as a large block is freed, and faults it in page by page for the next one; half the time
of a list of a megabyte went there. https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's parameters, <malloc.h>
_MIB = 1 << 20


def starting() -> None:
    """Imports make much that stays, and no garbage."""
    gc.set_threshold(50_000, 20, 100)
    _keep_freed_blocks()


def started() -> None:
    """What start-up made stays for good, and requests leave few cycles: look for garbage less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 20, 50)


def _keep_freed_blocks() -> None:
    """Keep up to 8 MiB of freed memory for the next answer; blocks from 4 MiB on still come and go one by one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, and no need of it
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 4 * _MIB)
        mallopt(_TRIM_THRESHOLD, 8 * _MIB)
