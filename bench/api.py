"""A small client with one kept connection, and an API server alone (no node, no controllers) to load with wrk."""

import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MINIK = Path(sys.executable).with_name("minik")
API_ALONE = ("--disable-agent", "--disable-scheduler", "--disable-controller-manager")
WRK_SECONDS = 5


class Api:
    """The API as the admin of a data directory sees it. One request at a time."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url = url
        self._tls = ssl._create_unverified_context()
        keys = data_dir / "server" / "tls"
        self._tls.load_cert_chain(keys / "client-admin.crt", keys / "client-admin.key")
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(urlsplit(self.url).netloc, context=self._tls, timeout=60)

    def patch(self, path: str, body: Any) -> Any:
        """A merge patch; see request."""
        return self.request("PATCH", path, body, kind="application/merge-patch+json")

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        """The decoded answer. Raises RuntimeError with the server's words for anything but success."""
        raw = None if body is None else json.dumps(body)
        self._connection.request(method, path, raw, {"Content-Type": kind})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:500]!r}")
        return json.loads(answer) if answer[:1] in (b"{", b"[") else answer

    def watch(self, path: str) -> Iterator[dict[str, Any]]:
        """Events as they come, over a connection of their own."""
        connection = self._connect()
        connection.request("GET", path)
        response = connection.getresponse()
        while line := response.readline():
            yield json.loads(line)


def wait_answer(url: str, *, within: float = 30.0) -> float:
    """Seconds until /readyz says ok, looking every 5 ms."""
    started = time.monotonic()
    context = ssl._create_unverified_context()
    while time.monotonic() - started < within:
        connection = http.client.HTTPSConnection(urlsplit(url).netloc, context=context, timeout=within)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.monotonic() - started
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.005)
    raise TimeoutError(f"{url} did not answer within {within} s")


class ApiServer:
    """`minik server` without node, scheduler and controllers (or with other `flags`), in a directory of its own."""

    def __init__(self, *, directory: Path | None = None, flags: Sequence[str] = API_ALONE) -> None:
        self._flags = flags
        self._made = tempfile.TemporaryDirectory(prefix="minik-bench-", dir=directory)
        self.data_dir = Path(self._made.name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"https://127.0.0.1:{self._port}"
        self.start_seconds = 0.0

    def __enter__(self) -> "ApiServer":
        self.start()
        self.api = Api(self.url, self.data_dir)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._made.cleanup()

    def start(self) -> None:
        """Returns when /readyz answers."""
        flags = ["--data-dir", str(self.data_dir), "--write-kubeconfig", str(self.data_dir / "kubeconfig")]
        command = [str(MINIK), "server", *self._flags, *flags, "--https-listen-port", str(self._port)]
        with (self.data_dir / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.start_seconds = wait_answer(self.url)
        except TimeoutError:
            self.process.kill()
            self.process.wait()
            raise

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def prepare(self) -> str:
        """The ServiceAccount default/default, bound to cluster-admin; answers a token for it."""
        account = {"metadata": {"name": "default"}}
        self.api.request("POST", "/api/v1/namespaces/default/serviceaccounts", account)
        binding = {
            "metadata": {"name": "bench"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        }
        self.api.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        token = self.api.request("POST", path, {"spec": {"expirationSeconds": 86400}})["status"]["token"]
        return str(token)


def pod(name: str) -> dict[str, Any]:
    """A Pod like those of a Deployment, 1.2 KB of JSON once stored."""
    container = {
        "name": "web",
        "image": "minik.local/httpd:1",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 80}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
    }
    labels = {"app": "bench", "tier": "front"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }


CREATE = """
local thread_number = 0
function setup(thread) thread:set("id", thread_number); thread_number = thread_number + 1 end
local count = 0
function request()
  count = count + 1
  local name = string.format("b{run}-%d-%d", id, count)
  return wrk.format("POST", "{path}", nil, (string.gsub([==[{body}]==], "NAME", name)))
end
function response(status) if status ~= 201 then bad = (bad or 0) + 1 end end
"""


# Every thread has a connection: a script cannot tell the connections of one thread apart.
APPLY = """
local thread_number = 0
function setup(thread) thread:set("id", thread_number); thread_number = thread_number + 1 end
local bodies = {{bodies}}
local count = 0
function request()
  count = count + 1
  local name = string.format("apply-%d", id)
  local path = string.format("{path}/%s?fieldManager=bench&force=true", name)
  return wrk.format("PATCH", path, nil, (string.gsub(bodies[count % #bodies + 1], "NAME", name)))
end
"""


def wrk(
    url: str, token: str, connections: int, *, create: Any = None, run: str = "", apply: Sequence[Any] = ()
) -> tuple[float, int]:
    """Requests a second and how many failed: GETs of `url`, or creates of `create` (its name is NAME) there.

    `apply`: configurations (their name is NAME) that every connection applies in turn to an object of its own.
    """
    threads = connections if apply else min(connections, 2)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{WRK_SECONDS}s", "-H", f"Authorization: Bearer {token}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if create is not None:
            text = CREATE.replace("{run}", run).replace("{path}", urlsplit(url).path)
            script.write(text.replace("{body}", json.dumps(create)))
            script.flush()
            command += ["-H", "Content-Type: application/json", "-s", script.name]
        if apply:
            bodies = ",".join(f"[==[{json.dumps(body)}]==]" for body in apply)
            script.write(APPLY.replace("{bodies}", bodies).replace("{path}", urlsplit(url).path))
            script.flush()
            command += ["-H", "Content-Type: application/apply-patch+yaml", "-s", script.name]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=120)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    assert rate is not None, done.stdout
    return float(rate.group(1)), int(failed.group(1)) if failed else 0


def rate_text(rates: list[tuple[float, int]]) -> str:
    """The best of several runs: other load on the machine only ever takes away."""
    best = max(rate for rate, _ in rates)
    failed = sum(count for _, count in rates)
    return f"{best:.0f}/s (best of {len(rates)})" + (f", {failed} FAILED" if failed else "")
