"""Starts `minik server --disable-agent` with its controllers on a free port, for tests that need no containers.

Needs no root, touches nothing but its directory and loopback, and takes everything away again.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from harness.cluster import MINIK, CommandFailed, eventually
from harness.wire import Wire

_STOP_WITHIN = 20.0  # seconds


class ApiServer:
    """One server. Use as a context manager."""

    def __init__(
        self, directory: Path, *, settings: dict[str, Any] | None = None, environment: dict[str, str] | None = None
    ) -> None:
        self.directory = directory
        self._settings, self._environment = settings or {}, environment or {}
        self.port = _free_port()
        self.kubeconfig = directory / "kubeconfig"
        self.log = directory / "minik.log"
        self._data = directory / "data"
        self._config = directory / "config.yaml"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> "ApiServer":
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def start(self) -> None:
        """Start the server and wait for /readyz."""
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = {
            "data-dir": str(self._data),
            "write-kubeconfig": str(self.kubeconfig),
            "bind-address": "127.0.0.1",
            "https-listen-port": self.port,
            **self._settings,
        }
        self._config.write_text(json.dumps(settings))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(MINIK), "server", "--disable-agent", "--config", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )
        eventually(self._ready, within=30, every=0.05, what="/readyz")

    def _ready(self) -> bool:
        if not self.alive():
            raise RuntimeError(f"minik ended:\n{self.log_tail()}")
        if not self.kubeconfig.exists():
            return False
        with self.wire() as wire:
            return wire.request("GET", "/readyz").status == 200

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ctrl-C. It can be started again."""
        if self._process is not None and self.alive():
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)

    def destroy(self) -> None:
        """End the server and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def failures(self) -> list[str]:
        """Lines of the log that tell of a bug: errors and tracebacks."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if " ERROR " in line or line.startswith("Traceback")]

    # -- using it

    def wire(self, *, timeout: float = 20.0) -> Wire:
        """The admin's raw HTTP connection."""
        return Wire(self.kubeconfig, timeout=timeout)

    def run(
        self, *command: str, stdin: str | None = None, timeout: float = 60.0, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command with the server's kubeconfig and a home of its own."""
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.directory)},
        )
        if check and done.returncode != 0:
            raise CommandFailed(done.returncode, command, done.stdout, done.stderr)
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.run("kubectl", *arguments, stdin=stdin).stdout

    def get(self, *what: str) -> Any:
        """The JSON of `kubectl get ... -o json`."""
        return json.loads(self.kubectl("get", *what, "-o", "json"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
