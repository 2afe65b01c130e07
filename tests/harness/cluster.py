"""Starts `minik server` with everything real, and takes it away again without a trace.

The server and all its Pods live in one network namespace, joined to the test's by a veth pair; state lives in one
directory. Nothing outside is touched, so several clusters can run side by side on one machine.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MINIK = Path(sys.executable).with_name("minik")
IMAGE = "minik.local/httpd:1"


class Timeout(AssertionError):
    """A condition did not come true in time."""


def eventually(condition: Callable[[], Any], *, within: float = 30.0, every: float = 0.1, what: str = "") -> Any:
    """The first true value of `condition`. Raises Timeout with the last one (or the last error)."""
    deadline = time.monotonic() + within
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = condition()
        except (AssertionError, subprocess.CalledProcessError, KeyError, IndexError, OSError) as error:
            last = getattr(error, "stderr", None) or error
        else:
            if last:
                return last
        time.sleep(every)
    raise Timeout(f"{what or 'the condition'} did not come true within {within:.0f} s; last: {str(last)[-2000:]}")


class CommandFailed(subprocess.CalledProcessError):
    """Says what the command said."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stderr}"


class Cluster:
    """One server. Use as a context manager, or `start` and `destroy`."""

    def __init__(
        self,
        directory: Path,
        *,
        flags: Sequence[str] = (),
        settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        token = secrets.token_hex(3)
        self.directory = directory
        self.namespace = f"minik-{token}"
        self._veth = (f"mk{token}h", f"mk{token}n")
        network = f"198.18.{secrets.randbelow(256)}"
        first = 4 * secrets.randbelow(64)
        self._addresses = (f"{network}.{first + 1}", f"{network}.{first + 2}")
        self._flags = list(flags)
        self._settings = settings or {}
        self._environment = environment or {}
        self.kubeconfig = directory / "kubeconfig"
        self.data_dir = directory / "data"
        self.log = directory / "minik.log"
        self.config = directory / "config.yaml"
        self.process: subprocess.Popen[bytes] | None = None
        self._made = False

    @property
    def address(self) -> str:
        """The node's address, reachable from the test."""
        return self._addresses[1]

    @property
    def url(self) -> str:
        return f"https://{self.address}:6443"

    def __enter__(self) -> "Cluster":
        try:
            self.start()
            self.wait_ready()
        except BaseException as error:
            error.add_note(self.log_tail())
            self.destroy()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    # -- the server

    def start(self) -> None:
        """Start the server; returns at once."""
        self._make_namespace()
        self._write_config()
        command = [str(MINIK), "server", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.inside([*command, *self._flags]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )

    def _write_config(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        settings = {
            "data-dir": str(self.data_dir),
            "write-kubeconfig": str(self.kubeconfig),
            "kubelet-arg": [f"cgroup-root=/{self.namespace}"],
            **self._settings,
        }
        self.config.write_text(json.dumps(settings))

    def wait_ready(self, *, within: float = 60.0, node: bool | None = None) -> None:
        """Until /readyz answers and (with an agent) the node is Ready."""
        self.wait_api(within=within)
        if node if node is not None else "--disable-agent" not in self._flags:
            eventually(self.node_ready, within=within, what="the node being Ready")

    def wait_api(self, *, within: float = 30.0) -> None:
        def answers() -> bool:
            self._check_alive()
            return self.kubectl("get", "--raw", "/readyz") == "ok"

        eventually(answers, within=within, every=0.05, what="/readyz")

    def node_ready(self) -> bool:
        self._check_alive()
        nodes = self.get("nodes")["items"]
        return bool(nodes) and all(
            condition["status"] == "True"
            for node in nodes
            for condition in node["status"].get("conditions") or [{"status": "False", "type": "Ready"}]
            if condition["type"] == "Ready"
        )

    def _check_alive(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"minik ended with {self.process.returncode}:\n{self.log_tail()}")

    def log_tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def stop(self) -> int:
        """Ctrl-C. Pods go on. Returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def kill(self) -> None:
        """kill -9 of the server alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def destroy(self) -> None:
        """End the server, its Pods and its runtime, and remove everything that was made."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        if self.data_dir.exists():
            subprocess.run(self.inside([str(MINIK), "killall", "--config", str(self.config)]), check=True, timeout=60)
        if self._made:
            subprocess.run(["ip", "netns", "del", self.namespace], check=True)
            self._made = False
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- the namespace

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, run in the cluster's network namespace."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", "--", *command]

    def _make_namespace(self) -> None:
        if self._made:
            return
        host, inner = self._veth
        _run("ip", "netns", "add", self.namespace)
        self._made = True
        _run("ip", "link", "add", host, "type", "veth", "peer", "name", inner, "netns", self.namespace)
        _run("ip", "addr", "add", f"{self._addresses[0]}/30", "dev", host)
        _run("ip", "link", "set", host, "up")
        for step in (
            f"addr add {self._addresses[1]}/30 dev {inner}",
            f"link set {inner} up",
            "link set lo up",
            f"route add default via {self._addresses[0]}",
        ):
            _run("ip", "-n", self.namespace, *step.split())

    # -- using it

    def run(
        self, *command: str, stdin: str | None = None, timeout: float = 60.0, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command in the cluster's network namespace with its kubeconfig."""
        done = subprocess.run(
            self.inside(command),
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

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 60.0) -> str:
        """kubectl's output. Raises CommandFailed."""
        return self.run("kubectl", *arguments, stdin=stdin, timeout=timeout).stdout

    def kubectl_fails(self, *arguments: str, stdin: str | None = None) -> str:
        """The stderr of a kubectl that must fail."""
        done = self.run("kubectl", *arguments, stdin=stdin, check=False)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} was expected to fail: {done.stdout}"
        return done.stderr

    def apply(self, manifest: str | dict[str, Any] | list[dict[str, Any]], *arguments: str) -> str:
        """kubectl apply of YAML text, an object or several."""
        if isinstance(manifest, list):
            manifest = {"apiVersion": "v1", "kind": "List", "items": manifest}
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        return self.kubectl("apply", "-f", "-", *arguments, stdin=text)

    def get(self, *what: str) -> Any:
        """The JSON of `kubectl get ... -o json`."""
        return json.loads(self.kubectl("get", *what, "-o", "json"))

    def ctr(self, *arguments: str) -> str:
        """containerd's ctr at the node's runtime."""
        command = self.inside([str(MINIK), "ctr", *arguments])
        environment = {**os.environ, "MINIK_CONFIG": str(self.config)}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)
        return done.stdout

    def import_image(self, archive: Path) -> None:
        """Give an image archive to the node's runtime."""
        self.ctr("images", "import", str(archive))

    def import_sample(self) -> None:
        """Build minik.local/httpd:1 and give it to the node."""
        archive = self.directory / "sample.tar"
        subprocess.run([sys.executable, str(ROOT / "packaging" / "sample_image.py"), str(archive)], check=True)
        self.import_image(archive)
        archive.unlink()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
