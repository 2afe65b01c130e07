"""What a minik leaves on the machine: processes, network namespaces, mounts, cgroups, nft tables, state directories.

Other clusters may come and go on the same machine meanwhile. What some living process of theirs uses is theirs.
"""

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from minik.agent.containerd_config import paths_for

_CGROUPS = Path("/sys/fs/cgroup")
_NAMESPACES = Path("/run/netns")
_STATES = Path("/run/minik")


@dataclass(frozen=True)
class Footprint:
    namespaces: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[Path]
    tables: frozenset[str]
    states: frozenset[str]
    links: frozenset[str]


def take() -> Footprint:
    return Footprint(
        namespaces=_entries(_NAMESPACES),
        mounts=frozenset(line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()),
        cgroups=frozenset(entry for top in _hierarchies() for entry in top.iterdir() if entry.is_dir()),
        tables=frozenset(_output("nft", "list", "tables").splitlines()),
        states=_entries(_STATES),
        links=_entries(Path("/sys/class/net")),
    )


def leftovers(before: Footprint, directory: Path) -> list[str]:
    """What is there now, was not there before and is nobody's; and every process that mentions the directory."""
    now = take()
    commands = _commands()
    used = _used_namespaces()
    found = [f"process {pid}: {command}" for pid, command in commands.items() if str(directory) in command]
    for name in now.namespaces - before.namespaces:
        if _inode(_NAMESPACES / name) not in used and not name.startswith("minik-"):
            found.append(f"network namespace {name}")
    for path in now.mounts - before.mounts:
        if path.startswith(str(directory)):
            found.append(f"mount {path}")
    states = now.states - before.states - _used_states(commands.values())
    found += [f"directory {_STATES}/{name}" for name in states]
    for path in now.cgroups - before.cgroups:
        if not (_NAMESPACES / path.name).exists() and not _populated(path):
            found.append(f"cgroup {path}")
    found += [f"nft table {table}" for table in now.tables - before.tables]
    found += [f"link {name}" for name in now.links - before.links if not name.startswith("mk")]
    return sorted(found)


def _hierarchies() -> list[Path]:
    """The one of cgroup v2, or those of every controller."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    return [entry for entry in _CGROUPS.iterdir() if entry.is_dir() and not entry.is_symlink()]


def _populated(cgroup: Path) -> bool:
    return any(file.read_text() for file in cgroup.rglob("cgroup.procs"))


def _commands() -> dict[int, str]:
    commands = {}
    for pid in _pids():
        try:
            commands[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    commands.pop(os.getpid(), None)
    return commands


def _used_states(commands: Iterable[str]) -> set[str]:
    """The state directories of the runtimes that run."""
    configs = (
        re.search(r"containerd --config (\S+)/agent/etc/containerd/config.toml", command) for command in commands
    )
    return {paths_for(Path(found.group(1))).state.parent.name for found in configs if found}


def _used_namespaces() -> set[int]:
    return {inode for pid in _pids() if (inode := _inode(Path(f"/proc/{pid}/ns/net")))}


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _entries(directory: Path) -> frozenset[str]:
    return frozenset(os.listdir(directory)) if directory.is_dir() else frozenset()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
