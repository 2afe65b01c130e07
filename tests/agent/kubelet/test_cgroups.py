"""Pods' cgroups on the real hierarchy, below a root of the test's own."""

import os
import signal
import subprocess

import pytest

from minik.agent.kubelet import quantities
from minik.agent.kubelet.cgroups import Cgroups


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make cgroups")
def test_taking_everything_away_ends_what_still_runs_in_pods_cgroups() -> None:
    groups = Cgroups(f"/minik-test-{os.getpid()}")
    directories = groups.directories(groups.parent_of("u1", quantities.BEST_EFFORT))
    stuck = subprocess.Popen(["sleep", "600"])
    try:
        for directory in directories:
            directory.mkdir(parents=True)
        (directories[0] / "cgroup.procs").write_text(str(stuck.pid))
        groups.remove_all()
        assert stuck.wait(10) == -signal.SIGKILL
        groups.remove_all()  # now that the killed process has been reaped
        assert not any(directory.exists() for directory in directories)
    finally:
        stuck.kill()
        stuck.wait()


def _pod(**requests: str) -> dict[str, object]:
    return {"spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make cgroups")
def test_burstable_pods_weigh_what_they_asked_for_together() -> None:
    groups = Cgroups(f"/minik-test-{os.getpid()}")
    try:
        groups.prepare_node(1 << 30, 1000)
        groups.set_burstable_shares([_pod(cpu="250m"), _pod(cpu="0.5", memory="1Gi")])
        burstable = groups.parent_of("", quantities.BURSTABLE).rpartition("/")[0]
        weights = [
            (directory / name).read_text().strip()
            for directory in groups.directories(burstable)
            for name in ("cpu.shares", "cpu.weight")
            if (directory / name).exists()
        ]
        assert weights in (["768"], ["30"])  # v1, or v2's scale
    finally:
        groups.remove_all()
