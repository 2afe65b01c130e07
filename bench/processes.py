"""What processes cost, from /proc: memory, processor time, bytes sent to the disk."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over some processes: RSS in bytes, processor seconds so far, bytes written to the disk so far.

    `dirtied` is what the kernel counts, whole pages (and whole folios on newer kernels).
    """

    rss: int
    cpu: float
    dirtied: int


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def split_runtime(root: int, directory: Path) -> tuple[list[int], list[int]]:
    """minik's own processes, and those of its container runtime (whoever was started for `directory`)."""
    own = [pid for pid in tree(root) if not _command(pid).startswith("containerd")]
    runtime = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _command(int(entry.name)).startswith("containerd")
        if str(directory) in _arguments(int(entry.name))
    ]
    return own, runtime


def usage(pids: list[int]) -> Usage:
    rss, cpu, dirtied = 0, 0.0, 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            io = Path(f"/proc/{pid}/io").read_text()
        except OSError:
            continue
        rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        cpu += (int(fields[11]) + int(fields[12])) / TICKS
        dirtied += int(io.partition("\nwrite_bytes:")[2].split()[0])
    return Usage(rss, cpu, dirtied)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _arguments(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
