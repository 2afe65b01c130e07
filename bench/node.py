"""A whole cluster for the benchmarks: tests/harness, its API on a kept connection, and Pods to time."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api import Api

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness.cluster import IMAGE, Cluster

PODS = "/api/v1/namespaces/default/pods"


@contextmanager
def cluster(*, image: bool = False) -> Iterator[tuple[Cluster, Api]]:
    """A started cluster whose node is Ready; with the sample image when asked."""
    with tempfile.TemporaryDirectory(prefix="minik-bench-") as directory, Cluster(Path(directory) / "c") as started:
        if image:
            started.import_sample()
        yield started, Api(started.url, started.data_dir)


def pod(name: str, *, grace: int = 30) -> dict[str, Any]:
    """Serves HTTP at once and ends on SIGTERM."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"bench": "yes"}},
        "spec": {
            "terminationGracePeriodSeconds": grace,
            "containers": [{"name": "web", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}],
        },
    }


class Watcher:
    """Follows the bench's Pods over one watch that is open before anything happens."""

    def __init__(self, api: Api) -> None:
        now = api.request("GET", PODS)["metadata"]["resourceVersion"]
        self._events = api.watch(f"{PODS}?watch=true&labelSelector=bench&resourceVersion={now}")

    def until_running(self, names: set[str]) -> float:
        """The moment the last of these Pods was seen Running and ready."""
        waiting = set(names)
        while waiting:
            event = next(self._events)
            status = event["object"].get("status", {})
            if status.get("phase") == "Running" and all(c["ready"] for c in status.get("containerStatuses", ())):
                waiting.discard(event["object"]["metadata"]["name"])
        return time.monotonic()

    def until_gone(self, names: set[str]) -> float:
        waiting = set(names)
        while waiting:
            event = next(self._events)
            if event["type"] == "DELETED":
                waiting.discard(event["object"]["metadata"]["name"])
        return time.monotonic()


def start_and_stop(api: Api, names: list[str]) -> tuple[float, float]:
    """Seconds until all run, and until all are gone again."""
    watcher = Watcher(api)
    started = time.monotonic()
    for name in names:
        api.request("POST", PODS, pod(name))
    running = watcher.until_running(set(names)) - started
    time.sleep(1)
    started = time.monotonic()
    for name in names:
        api.request("DELETE", f"{PODS}/{name}")
    return running, watcher.until_gone(set(names)) - started
