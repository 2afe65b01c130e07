"""What the kubelet says about the machine: capacity, identity, and how full it is. Reads /proc and /sys."""

import contextlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What does not change while the machine is up. Bytes."""

    cpus: int
    memory: int
    swap: int
    hugepages: dict[str, int]  # quantity of the page size ("2Mi") -> bytes reserved
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str


@dataclass(frozen=True, slots=True)
class Filesystem:
    capacity: int
    available: int
    inodes: int
    inodes_free: int


def read_machine() -> Machine:
    memory = _meminfo()
    return Machine(
        cpus=os.cpu_count() or 1,
        memory=memory.get("MemTotal", 0),
        swap=memory.get("SwapTotal", 0),
        hugepages=_hugepages(),
        machine_id=_text("/etc/machine-id") or _text("/var/lib/dbus/machine-id"),
        system_uuid=_text("/sys/class/dmi/id/product_uuid") or _text("/etc/machine-id"),
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        kernel=platform.release(),
        os_image=_os_image(),
    )


def filesystem(path: Path) -> Filesystem:
    """The file system that holds `path`; its nearest existing parent when it is not there yet."""
    while not path.exists() and path != path.parent:
        path = path.parent
    info = os.statvfs(path)
    return Filesystem(info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize, info.f_files, info.f_ffree)


def memory_available() -> int:
    """Bytes that new work could use without swapping."""
    return _meminfo().get("MemAvailable", 0)


def process_ids() -> tuple[int, int]:
    """(the most there may be, how many there are)."""
    try:
        maximum = int(_text("/proc/sys/kernel/pid_max"))
        return maximum, int(_text("/proc/loadavg").split()[3].partition("/")[2])
    except (ValueError, IndexError):
        return 0, 0


def _text(path: str) -> str:
    with contextlib.suppress(OSError):
        return Path(path).read_text(errors="replace").strip()
    return ""


def _meminfo() -> dict[str, int]:
    values = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        fields = rest.split()
        if fields and fields[-1] == "kB":
            values[name] = int(fields[0]) * 1024
    return values


def _hugepages() -> dict[str, int]:
    sizes = {}
    for entry in sorted(Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB")):
        kilobytes = int(entry.name.removeprefix("hugepages-").removesuffix("kB"))
        unit = f"{kilobytes >> 20}Gi" if kilobytes >= 1 << 20 else f"{kilobytes >> 10}Mi"
        sizes[unit] = int(_text(str(entry / "nr_hugepages")) or 0) * kilobytes * 1024
    return sizes


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip('"')
    return "Linux"
