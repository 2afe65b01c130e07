"""Slices of systemd instead of bare cgroups, where systemd is the init and owns the tree.

Limits are given to systemd as runtime properties of the slice, which it makes when the first container's scope is put
below it (the runtime does that). https://systemd.io/CGROUP_DELEGATION/
"""

import logging
import subprocess

from minik.agent.kubelet import quantities

log = logging.getLogger("minik.kubelet")

TIMEOUT = 10.0  # seconds


def set_limits(
    slice_name: str, *, v2: bool, cpu_shares: int | None, cpu_quota: int | None, memory: int | None, pids: int | None
) -> None:
    """None leaves a property alone, 0 lifts the limit. What systemd refuses is logged. Blocks."""
    properties = properties_for(v2=v2, cpu_shares=cpu_shares, cpu_quota=cpu_quota, memory=memory, pids=pids)
    if properties:
        _systemctl("set-property", "--runtime", slice_name, *properties)


def properties_for(
    *, v2: bool, cpu_shares: int | None, cpu_quota: int | None, memory: int | None, pids: int | None
) -> list[str]:
    """Unit properties (pure)."""
    properties = []
    if cpu_shares is not None:
        weight = 1 + (cpu_shares - 2) * 9999 // 262142
        properties.append(f"CPUWeight={weight}" if v2 else f"CPUShares={cpu_shares}")
    if cpu_quota is not None:
        percent = cpu_quota * 100 / quantities.PERIOD
        properties.append(f"CPUQuota={percent:.2f}%" if cpu_quota else "CPUQuota=")
    if memory is not None:
        properties.append(f"{'MemoryMax' if v2 else 'MemoryLimit'}={memory or 'infinity'}")
    if pids is not None:
        properties.append(f"TasksMax={pids or 'infinity'}")
    return properties


def remove(slice_name: str) -> None:
    """Stop the slice and forget its properties. Blocks."""
    _systemctl("stop", slice_name)
    _systemctl("revert", slice_name)


def _systemctl(*arguments: str) -> None:
    try:
        done = subprocess.run(["systemctl", *arguments], capture_output=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("systemctl %s: %s", " ".join(arguments), error)
        return
    if done.returncode != 0:
        log.debug("systemctl %s: %s", " ".join(arguments), done.stderr.decode(errors="replace").strip())
