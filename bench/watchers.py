"""A thousand watchers of one resource: how late they hear of a change, and what memory each costs.

Run: python bench/watchers.py [watchers] [changes a second]. The watchers are bare TLS connections in a process of their
own that count events by their bytes, and read the time in one of every fifty.
"""

import asyncio
import multiprocessing
import re
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from api import ApiServer
from processes import tree, usage
from table import row

SECONDS = 6.0
SETTLE = 1.0  # seconds before changes are counted
SAMPLED = 50  # every which watcher reads the times in its events
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/pods"
_SENT = re.compile(rb'"sent":"([0-9.]+)"')


class Watching(asyncio.Protocol):
    """One watch. `delays` is None for those that only count."""

    def __init__(self, request: bytes, delays: list[float] | None) -> None:
        self.events = 0
        self.began = asyncio.get_running_loop().create_future()
        self._request = request
        self._delays = delays

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]  # uvloop has classes of its own

    def data_received(self, data: bytes) -> None:
        if not self.began.done():
            self.began.set_result(None)
        self.events += data.count(b'{"type":')
        if self._delays is not None:
            now = time.time()
            self._delays += [now - float(sent) for sent in _SENT.findall(data)]


async def _watch(url: str, keys: str, targets: list[str], pipe: Any) -> None:
    """Opens a watch a target, says so through `pipe`, and when told to stop sends delays and how many events came."""
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(f"{keys}/client-admin.crt", f"{keys}/client-admin.key")
    address = urlsplit(url)
    delays: list[float] = []
    watching = []
    for number, target in enumerate(targets):
        request = f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        watch = Watching(request, None if number % SAMPLED else delays)
        await loop.create_connection(lambda watch=watch: watch, address.hostname, address.port, ssl=context)
        watching.append(watch)
    await asyncio.gather(*(watch.began for watch in watching))
    pipe.send("ready")
    await loop.run_in_executor(None, pipe.recv)
    pipe.send((delays, sum(watch.events for watch in watching)))


def _watch_process(url: str, keys: str, targets: list[str], pipe: Any) -> None:
    uvloop.run(_watch(url, keys, targets, pipe))


def _change(server: ApiServer, rate: int, patch: Any, path: str) -> float:
    """Changes an object at a steady rate; the rate that was reached."""
    started = time.monotonic()
    count = 0
    while (elapsed := time.monotonic() - started) < SECONDS:
        if count > elapsed * rate:
            time.sleep(count / rate - elapsed)
        server.api.patch(path, patch(count))
        count += 1
    return count / SECONDS


def measure(name: str, targets: list[str], rate: int, prepare: Any, patch: Any, path: str, budget: str) -> None:
    with ApiServer() as server:
        prepare(server)
        pids = tree(server.process.pid)
        before = usage(pids)
        ours, theirs = multiprocessing.Pipe()
        keys = str(Path(server.data_dir) / "server" / "tls")
        child = multiprocessing.get_context("spawn").Process(
            target=_watch_process, args=(server.url, keys, targets, theirs), daemon=True
        )
        child.start()
        if not ours.poll(60):
            raise TimeoutError("the watches did not begin")
        ours.recv()
        time.sleep(SETTLE)
        opened = usage(pids)
        reached = _change(server, rate, patch, path)
        after = usage(pids)
        time.sleep(SETTLE)
        ours.send("stop")
        delays, events = ours.recv()
        child.join(10)
    delays.sort()
    late = f"p50 {_at(delays, 0.5):.0f} ms, p99 {_at(delays, 0.99):.0f} ms" if delays else "nothing sampled"
    busy = (after.cpu - opened.cpu) / SECONDS
    row(f"{name}, {reached:.0f} changes/s", f"{late}, {busy * 100:.0f}% CPU, {events} events", budget)
    each = (opened.rss - before.rss) / len(targets) / 1024
    row(
        f"{name}: memory for each",
        f"{each:.0f} KB, {(after.rss - before.rss) / len(targets) / 1024:.0f} KB after",
        "40 KB",
    )


def _at(values: list[float], part: float) -> float:
    return values[min(int(len(values) * part), len(values) - 1)] * 1000


def _plain(count: int, rate: int) -> None:
    def prepare(server: ApiServer) -> None:
        body = {"metadata": {"name": "changing"}, "data": {"key": "x" * 200}}
        server.api.request("POST", CONFIG_MAPS, body)

    def patch(_: int) -> Any:
        return {"data": {"sent": f"{time.time():.6f}"}}

    targets = [f"{CONFIG_MAPS}?watch=true"] * count
    measure(f"{count} watchers of ConfigMaps", targets, rate, prepare, patch, f"{CONFIG_MAPS}/changing", "p99 < 50 ms")


def _by_node(count: int, rate: int) -> None:
    path = "/api/v1/namespaces/default/pods"

    def prepare(server: ApiServer) -> None:
        server.api.request("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        spec = {"nodeName": "node-0", "containers": [{"name": "c", "image": "x"}]}
        server.api.request("POST", path, {"metadata": {"name": "changing"}, "spec": spec})

    def patch(_: int) -> Any:
        return {"metadata": {"annotations": {"sent": f"{time.time():.6f}"}}}

    targets = [f"{PODS}?watch=true&fieldSelector=spec.nodeName%3Dnode-{number}" for number in range(count)]
    measure(
        f"{count} watchers of one node's Pods each", targets, rate, prepare, patch, f"{path}/changing", "p99 < 50 ms"
    )


def main(count: int, rate: int) -> None:
    _plain(count, rate)
    _by_node(count, rate)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3])) if len(sys.argv) > 2 else main(1000, 200)
