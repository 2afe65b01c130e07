"""Finds or starts the container runtime.

    nobody listens -> write config.toml, start containerd in its own session, wait for its socket, import pause image
    pid file + socket answer with the same config -> adopt

containerd is a child in name only: it and its shims live on when minik is killed or stopped, so Pods keep running and
the next minik adopts them. `stop_everything` ends it all, for tests and the uninstaller. While minik runs, a containerd
that dies is restarted with backoff; containers survive that too.
"""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from minik.agent import mounts
from minik.agent.containerd_config import ContainerdPaths, paths_for, render
from minik.agent.pause_image import PAUSE_IMAGE, build_pause_image
from minik.config import AgentConfig, StartupError

log = logging.getLogger("minik.containerd")

NAMESPACE = "k8s.io"
START_TIMEOUT = 30.0  # seconds until the socket must answer
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 30.0
LOG_LIMIT = 16 << 20  # bytes; a longer log starts over when containerd is started
_CAP_SYS_RESOURCE = 24
_PLUGIN_SOURCES = ("/usr/lib/cni", "/opt/cni/bin")  # later ones win


class ContainerdError(StartupError):
    """The runtime cannot be started. The text is one line for the user."""


class Containerd:
    """minik's own containerd. `endpoint` is known before it runs; a component."""

    name = "containerd"

    def __init__(self, config: AgentConfig) -> None:
        self.paths: ContainerdPaths = paths_for(config.data_dir)
        given = config.container_runtime_endpoint
        self.endpoint = (given if "://" in given else f"unix://{given}") if given else self.paths.endpoint
        self._external = bool(config.container_runtime_endpoint)
        self._child: subprocess.Popen[bytes] | None = None

    async def run(self, ready: asyncio.Event) -> None:
        if self._external:
            ready.set()
            await asyncio.Event().wait()
        backoff = FIRST_BACKOFF
        while True:
            started = time.monotonic()
            pid = await self.ensure_running()
            ready.set()
            await _wait_for_exit(pid)
            self._reap()
            log.error("containerd (pid %d) died, restarting it; see %s", pid, self.paths.log)
            backoff = FIRST_BACKOFF if time.monotonic() - started > LONGEST_BACKOFF else backoff
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def ensure_running(self) -> int:
        """Adopt the running containerd or start one; returns its pid once it answers. Raises ContainerdError."""
        binary = _find("containerd", "containerd")
        _find("runc", "runc")
        config, changed = await asyncio.to_thread(self._prepare)
        pid = self._running_pid()
        if pid and changed:
            log.info("containerd's configuration changed, restarting it; containers keep running")
            await self._terminate(pid)
            pid = 0
        if not pid:
            pid = self._start(binary, config)
        await self._wait_for_socket(pid)
        await self._ensure_pause_image()
        return pid

    # -- starting

    def _prepare(self) -> tuple[Path, bool]:
        """Write what containerd needs. Says whether the configuration differs from the last one."""
        paths = self.paths
        for directory in (paths.root, paths.state, paths.config.parent, paths.cni_bin_dir, paths.cni_conf_dir):
            directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        paths.certs_dir.mkdir(parents=True, exist_ok=True)
        _link_plugins(paths.cni_bin_dir)
        text = render(
            paths,
            sandbox_image=PAUSE_IMAGE,
            snapshotter=_choose_snapshotter(paths.root),
            systemd_cgroup=Path("/run/systemd/system").is_dir(),
            restrict_oom_score=not _has_capability(_CAP_SYS_RESOURCE),
        )
        old = paths.config.read_text() if paths.config.exists() else ""
        if old != text:
            paths.config.write_text(text)
        return paths.config, bool(old) and old != text

    def _start(self, binary: str, config: Path) -> int:
        self.paths.socket.unlink(missing_ok=True)
        Path(f"{self.paths.socket}.ttrpc").unlink(missing_ok=True)
        path = self.paths.log
        mode = "wb" if path.exists() and path.stat().st_size > LOG_LIMIT else "ab"
        env = {"GOGC": "50", **os.environ}
        env.pop("NOTIFY_SOCKET", None)  # minik's own readiness is not containerd's to tell
        with path.open(mode) as output:
            self._child = subprocess.Popen(
                [binary, "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd="/",
                start_new_session=True,
            )
        self.paths.pid_file.write_text(f"{self._child.pid}\n")
        return self._child.pid

    def _running_pid(self) -> int:
        """The pid of a containerd that serves our socket, else 0."""
        try:
            pid = int(self.paths.pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return 0
        return pid if os.fsencode(self.paths.config) in arguments else 0

    async def _wait_for_socket(self, pid: int) -> None:
        pause, deadline = 0.005, time.monotonic() + START_TIMEOUT
        while not _accepts(self.paths.socket):
            if not _alive(pid) or (self._child is not None and self._child.poll() is not None):
                raise ContainerdError(f"containerd ended while starting: {_last_line(self.paths.log)}")
            if time.monotonic() > deadline:
                raise ContainerdError(f"containerd does not answer on {self.paths.socket}; see {self.paths.log}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    async def _ensure_pause_image(self) -> None:
        marker = self.paths.root / "minik-pause-image"
        if marker.exists() and marker.read_text() == PAUSE_IMAGE and await self._has_image(PAUSE_IMAGE):
            return
        archive = self.paths.root / "pause.tar"
        await asyncio.to_thread(build_pause_image, archive)
        await self.import_image(archive)
        await self._ctr("images", "label", PAUSE_IMAGE, "io.cri-containerd.image=managed")
        await self._ctr("images", "label", PAUSE_IMAGE, "io.cri-containerd.pinned=pinned")
        archive.unlink()
        marker.write_text(PAUSE_IMAGE)

    # -- images

    async def import_image(self, archive: Path) -> None:
        """Load the images of an archive (`image_archive.build_image_archive`, docker save) for Pods of this node.

        Raises ContainerdError.
        """
        await self._ctr("images", "import", "--all-platforms", str(archive))

    async def _has_image(self, name: str) -> bool:
        return name in (await self._ctr("images", "ls", "-q", f"name=={name}")).split()

    async def _ctr(self, *arguments: str) -> str:
        binary = _find("ctr", "containerd")
        address = self.endpoint.removeprefix("unix://")
        process = await asyncio.create_subprocess_exec(
            binary, "-a", address, "-n", NAMESPACE, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode != 0:
            raise ContainerdError(f"ctr {' '.join(arguments)}: {err.decode(errors='replace').strip()}")
        return out.decode()

    # -- stopping

    async def stop_everything(self) -> None:
        """Stop all Pods, containerd, its shims, and undo its mounts. Data on disk stays."""
        if self._external:
            return
        pid = self._running_pid()
        if pid and _accepts(self.paths.socket):
            from minik.agent.kubelet.runtime import Runtime  # grpc is heavy and only this path needs it here

            async with Runtime(self.endpoint) as runtime:
                await runtime.remove_all_sandboxes()
        if pid:
            await self._terminate(pid)
        self._reap()
        await asyncio.to_thread(self._sweep)

    async def _terminate(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await _wait_for_exit(pid, self._child)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            await _wait_for_exit(pid, self._child)
        self._reap()

    def _reap(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _sweep(self) -> None:
        for pid in _shims(self.paths.socket):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for directory in (self.paths.state, self.paths.root):
            for path in mounts.unmount_below(directory):
                log.warning("could not unmount %s", path)
        shutil.rmtree(self.paths.state, ignore_errors=True)
        with contextlib.suppress(OSError):  # not empty: another minik's
            self.paths.state.parent.rmdir()


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _find(binary: str, package: str) -> str:
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"))
    path = shutil.which(binary, path=search)
    if path is None:
        raise ContainerdError(f"{binary} is not installed: install the package {package} or give a runtime endpoint")
    return path


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def _wait_for_exit(pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
    """Return once the process is gone; a pidfd tells."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(fd, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    if child is not None:
        child.poll()


def _shims(address: Path) -> list[int]:
    """Pids of the shims that report to this containerd."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            if b"containerd-shim" in arguments[0] and os.fsencode(address) in arguments:
                found.append(int(entry.name))
    return found


def _last_line(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = [line for line in path.read_text(errors="replace").splitlines()[-20:] if line.strip()]
        fatal = [line for line in lines if "level=fatal" in line or "level=error" in line or "containerd:" in line]
        return (fatal or lines or [f"see {path}"])[-1]
    return f"see {path}"


def _choose_snapshotter(root: Path) -> str:
    """overlayfs where the kernel can mount it on this file system, else native (copies)."""
    trial = root / ".overlay-trial"
    shutil.rmtree(trial, ignore_errors=True)
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir(parents=True)
    options = f"lowerdir={trial}/lower,upperdir={trial}/upper,workdir={trial}/work"
    try:
        mounts.mount("overlay", str(trial / "merged"), "overlay", data=options)
        mounts.unmount(trial / "merged")
    except OSError as error:
        log.info("overlayfs does not work under %s (%s): using the native snapshotter", root, error.strerror)
        return "native"
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    return "overlayfs"


def _link_plugins(directory: Path) -> None:
    """containerd 1.6 takes one directory of CNI plugins: link all of the host's into ours, leave minik's own alone."""
    plugins = {
        entry.name: entry for source in map(Path, _PLUGIN_SOURCES) if source.is_dir() for entry in source.iterdir()
    }
    for name, target in plugins.items():
        link = directory / name
        if link.is_symlink():
            if os.readlink(link) == str(target):
                continue
            link.unlink()
        if not link.exists():
            link.symlink_to(target)
