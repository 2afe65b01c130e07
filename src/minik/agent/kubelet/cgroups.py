"""The cgroups above the containers: kubepods, its QoS classes, and one per Pod.

    /kubepods/pod<uid>  /kubepods/burstable/pod<uid>  /kubepods/besteffort/pod<uid>        cgroupfs
    kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice              systemd

Containers' own limits are the runtime's business; here the Pod's sum is set. Works on cgroup v1 (one directory per
controller) and v2. https://kubernetes.io/docs/concepts/architecture/cgroups/
"""

import contextlib
import errno
import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.agent import mounts
from minik.agent.kubelet import quantities, systemd_slices
from minik.api import pod_resources
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

KILL_TIMEOUT = 5.0  # seconds
_V2_CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")


@dataclass(frozen=True, slots=True)
class Limits:
    """None: leave as it is. Memory and pids 0: no limit."""

    cpu_shares: int | None = None
    cpu_quota: int | None = None
    memory: int | None = None
    pids: int | None = None


def pod_limits(pod: Obj, *, cpu_cfs_quota: bool, pids: int) -> Limits:
    """The sum over a Pod's containers; a limit only where every container has one (pure)."""
    requests, limits = pod_resources.pod_requests(pod), pod_resources.pod_limits(pod)
    pod_level = (pod["spec"].get("resources") or {}).get("limits") or {}
    containers = list(quantities.all_containers(pod))

    def bounded(name: str) -> bool:
        return name in pod_level or all(name in ((c.get("resources") or {}).get("limits") or {}) for c in containers)

    quota = quantities.cpu_quota(limits.get("cpu", 0)) if bounded("cpu") and cpu_cfs_quota else 0
    memory = limits.get("memory", 0) if bounded("memory") else 0
    return Limits(quantities.cpu_shares(requests.get("cpu", 0)), quota, memory, max(pids, 0))


def shares_to_weight(shares: int) -> int:
    """cgroup v1 cpu.shares [2..262144] -> v2 cpu.weight [1..10000]."""
    return 1 + (shares - 2) * 9999 // 262142


def systemd_is_init() -> bool:
    return Path("/run/systemd/system").is_dir()


class Cgroups:
    """Makes, limits and removes cgroups. All methods block shortly: they write to kernel files."""

    def __init__(self, root: str = "/", *, systemd: bool | None = None) -> None:
        """`systemd`: the driver; None: whether systemd is the init, which is also what containerd is told."""
        self._root = root.strip("/")
        self._systemd = systemd_is_init() if systemd is None else systemd
        self._hierarchies, self._bases = _hierarchies()
        self.v2 = "" in self._hierarchies

    # -- names

    def pod_parent(self, pod: Obj) -> str:
        """The cgroup_parent for CRI."""
        return self.parent_of(pod["metadata"]["uid"], quantities.qos_class(pod))

    def parent_of(self, uid: str, qos: str) -> str:
        middle = "" if qos == quantities.GUARANTEED else qos.lower()
        if self._systemd:
            name = uid.replace("-", "_")
            return f"kubepods-{middle}-pod{name}.slice" if middle else f"kubepods-pod{name}.slice"
        return "/" + "/".join(part for part in (self._root, "kubepods", middle, f"pod{uid}") if part)

    def _relative(self, parent: str) -> str:
        """The directory of a cgroup_parent below a hierarchy's root."""
        if not self._systemd:
            return parent.strip("/")
        words = parent.removesuffix(".slice").split("-")
        slices = ["-".join(words[: count + 1]) + ".slice" for count in range(len(words))]
        return "/".join(part for part in (self._root, *slices) if part)

    def directories(self, parent: str) -> list[Path]:
        return [base / self._relative(parent) for base in self._bases]

    # -- doing

    def prepare_node(self, memory_limit: int, milli_cpu: int) -> None:
        """kubepods and its QoS classes, kubepods limited to what is allocatable."""
        top = "kubepods.slice" if self._systemd else "/" + "/".join(p for p in (self._root, "kubepods") if p)
        self.apply(top, Limits(cpu_shares=quantities.cpu_shares(milli_cpu), memory=memory_limit))
        for qos in ("burstable", "besteffort"):
            name = f"kubepods-{qos}.slice" if self._systemd else f"{top}/{qos}"
            self.apply(name, Limits(cpu_shares=quantities.MIN_SHARES))

    def set_burstable_shares(self, pods: Iterable[Obj]) -> None:
        """The burstable class competes with what its Pods requested together."""
        requests = (pod_resources.pod_requests(pod).get("cpu", 0) for pod in pods)
        name = "kubepods-burstable.slice" if self._systemd else self.parent_of("", "burstable").rpartition("/")[0]
        self.apply(name, Limits(cpu_shares=quantities.cpu_shares(sum(requests))))

    def apply(self, parent: str, limits: Limits) -> None:
        """Make the cgroup in every hierarchy and set its limits. A limit that the kernel refuses is logged."""
        if self._systemd:
            systemd_slices.set_limits(
                parent,
                v2=self.v2,
                cpu_shares=limits.cpu_shares,
                cpu_quota=limits.cpu_quota,
                memory=limits.memory,
                pids=limits.pids,
            )
            return
        for controller, base in self._hierarchies.items():
            directory = base / self._relative(parent)
            self._make(base, directory)
            for name, text in _settings(controller, limits).items():
                _write(directory / name, text)

    def _make(self, base: Path, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        if not self.v2:
            return
        above = [base, *reversed([p for p in directory.parents if base in p.parents]), directory]
        for parent in above:
            available = _read(parent / "cgroup.controllers").split()
            enabled = _read(parent / "cgroup.subtree_control").split()
            wanted = [f"+{name}" for name in _V2_CONTROLLERS if name in available and name not in enabled]
            if wanted:
                _write(parent / "cgroup.subtree_control", " ".join(wanted))

    def remove(self, parent: str) -> None:
        """Remove the cgroup and what is below it, in every hierarchy; processes left in it are left alone."""
        if self._systemd:
            systemd_slices.remove(parent)
        for directory in self.directories(parent):
            _remove_tree(directory)

    def pod_cgroups(self) -> dict[str, str]:
        """uid -> cgroup_parent of every Pod cgroup that exists, for cleaning up after restarts."""
        found: dict[str, str] = {}
        base = next(iter(self._hierarchies.values()), None)
        if base is None:
            return found
        for qos in (quantities.GUARANTEED, quantities.BURSTABLE, quantities.BEST_EFFORT):
            example = base / self._relative(self.parent_of("", qos))
            prefix = example.name.removesuffix(".slice")
            for entry in _subdirectories(example.parent):
                uid = entry.name.removesuffix(".slice").removeprefix(prefix)
                if entry.name.startswith(prefix) and uid:
                    uid = uid.replace("_", "-")
                    found[uid] = self.parent_of(uid, qos)
        return found

    def remove_all(self) -> None:
        """Everything below and including kubepods, and the root if it was made for it; for uninstalling.

        What still runs in there is killed: a container whose shim died while it was being made waits for ever.
        """
        name = "kubepods.slice" if self._systemd else "kubepods"
        tops = [base / self._root / name for base in self._bases]
        _kill_processes(tops)
        for base, top in zip(self._bases, tops, strict=True):
            _remove_tree(top)
            for above in top.parents:
                if above == base or _subdirectories(above):
                    break
                _remove_empty(above)


def _hierarchies() -> tuple[Mapping[str, Path], Sequence[Path]]:
    """(controller -> mount point, every hierarchy that may have directories of ours).

    v2 alone is {"": path}. A hybrid host counts as v1; the runtime makes directories in its v2 part all the same.
    """
    found: dict[str, Path] = {}
    unified: Path | None = None
    for point in mounts.mount_points():
        if point.fs_type == "cgroup2":
            unified = unified or Path(point.path)
        elif point.fs_type == "cgroup":
            found.setdefault(Path(point.path).name, Path(point.path))
    extra = [unified] if unified else []
    if found:
        return found, [*found.values(), *extra]
    return ({"": unified} if unified else {}), extra


def _settings(controller: str, limits: Limits) -> dict[str, str]:
    """File -> text for one hierarchy."""
    parts, settings = controller.split(","), {}
    if "cpu" in parts:
        if limits.cpu_shares is not None:
            settings["cpu.shares"] = str(limits.cpu_shares)
        if limits.cpu_quota is not None:
            settings["cpu.cfs_period_us"] = str(quantities.PERIOD)
            settings["cpu.cfs_quota_us"] = str(limits.cpu_quota or -1)
    if "memory" in parts and limits.memory is not None:
        settings["memory.limit_in_bytes"] = str(limits.memory or -1)
        settings["memory.use_hierarchy"] = "1"
    if ("pids" in parts or controller == "") and limits.pids is not None:
        settings["pids.max"] = str(limits.pids or "max")
    if controller == "":
        if limits.cpu_shares is not None:
            settings["cpu.weight"] = str(shares_to_weight(limits.cpu_shares))
        if limits.cpu_quota is not None:
            settings["cpu.max"] = f"{limits.cpu_quota or 'max'} {quantities.PERIOD}"
        if limits.memory is not None:
            settings["memory.max"] = str(limits.memory or "max")
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    try:
        if path.name == "memory.use_hierarchy" and _read(path).strip() == text:
            return
        path.write_text(text)
    except OSError as error:
        if error.errno != errno.ENOENT:  # the kernel was built without this controller
            log.warning("cannot write %s to %s: %s", text, path, error.strerror)


def _subdirectories(directory: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _processes(directory: Path) -> set[int]:
    """The processes in a cgroup and below it."""
    found = {int(line) for line in _read(directory / "cgroup.procs").split()}
    for below in _subdirectories(directory):
        found |= _processes(below)
    return found


def _kill_processes(directories: Sequence[Path]) -> None:
    """SIGKILL until these cgroups are empty, for a few seconds at most."""
    deadline = time.monotonic() + KILL_TIMEOUT
    while left := {pid for directory in directories for pid in _processes(directory)}:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            log.warning("processes %s do not end", sorted(left))
            return
        time.sleep(0.02)


def _remove_tree(directory: Path) -> None:
    for below in _subdirectories(directory):
        _remove_tree(below)
    _remove_empty(directory)


def _remove_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EBUSY):
            log.warning("cannot remove cgroup %s: %s", directory, error.strerror)
