"""Pods created and bound a second on 1000 nodes: python bench/schedule_pods.py

Plain ones, and such with required anti-affinity by hostname, and with even spread over zones. Time runs from the first
create to the last binding; the Pods are created over 20 connections, like upstream's scheduler_perf does.
"""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from api import Api, ApiServer
from table import row

NODES, WORKERS = 1000, 20
SETTLE = 3.0  # seconds for what 1000 new nodes set in motion
HOSTNAME, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def node(number: int) -> dict[str, Any]:
    name = f"node-{number:04d}"
    amounts = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": {HOSTNAME: name, ZONE: f"zone-{number % 3}"}},
        "spec": {},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def pod(name: str, group: str, **spec: Any) -> dict[str, Any]:
    requests = {"cpu": "10m", "memory": "16Mi"}
    container = {"name": "c", "image": "pause", "resources": {"requests": requests}}
    return {
        "metadata": {"name": name, "labels": {"app": group}},
        "spec": {"containers": [container], "automountServiceAccountToken": False, **spec},
    }


def plain(number: int) -> dict[str, Any]:
    return pod(f"plain-{number}", "plain")


def apart(number: int) -> dict[str, Any]:
    """Ten groups that each want a node per Pod."""
    group = f"apart-{number % 10}"
    term = {"topologyKey": HOSTNAME, "labelSelector": {"matchLabels": {"app": group}}}
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    return pod(f"apart-{number}", group, affinity=rule)


def even(number: int) -> dict[str, Any]:
    constraint = {
        "topologyKey": ZONE,
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "even"}},
    }
    return pod(f"even-{number}", "even", topologySpreadConstraints=[constraint])


def in_parallel(server: ApiServer, count: int, work: Callable[[Api, int], None]) -> None:
    def run(worker: int) -> None:
        api = Api(server.url, server.data_dir)
        for number in range(worker, count, WORKERS):
            work(api, number)

    threads = [threading.Thread(target=run, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bound(server: ApiServer, prefix: str, count: int, until: float) -> int:
    """Waits until so many Pods are bound; answers how many are."""
    api, seen = Api(server.url, server.data_dir), set()
    seconds = int(until - time.monotonic())
    for event in api.watch(f"/api/v1/pods?watch=1&fieldSelector=spec.nodeName!%3D&timeoutSeconds={seconds}"):
        name = event["object"]["metadata"]["name"]
        if name.startswith(prefix):
            seen.add(name)
        if len(seen) >= count:
            break
    return len(seen)


def wait_untainted(api: Api) -> None:
    """Until the node lifecycle controller has found all nodes ready."""
    until = time.monotonic() + 30
    while any(found["spec"].get("taints") for found in api.request("GET", "/api/v1/nodes")["items"]):
        if time.monotonic() > until:
            raise RuntimeError("nodes stay tainted")
        time.sleep(0.2)


def measure(server: ApiServer, prefix: str, make: Callable[[int], dict[str, Any]], count: int) -> float:
    """Pods a second."""
    path = "/api/v1/namespaces/default/pods"
    results: list[int] = []
    started = time.monotonic()
    waiter = threading.Thread(target=lambda: results.append(bound(server, prefix, count, started + 50)))
    waiter.start()
    in_parallel(server, count, lambda api, number: api.request("POST", path, make(number)))
    waiter.join()
    seconds = time.monotonic() - started
    if results[0] < count:
        raise RuntimeError(f"only {results[0]} of {count} {prefix} Pods were bound in {seconds:.0f} s")
    return count / seconds


def main() -> None:
    cases = {
        "plain": (plain, 3000, "600/s"),
        "apart": (apart, 5000, "300/s"),
        "even": (even, 5000, "300/s"),
    }
    what = {
        "plain": "create and bind 3000 Pods on 1000 nodes",
        "apart": "the same, 5000 Pods, anti-affinity by hostname",
        "even": "the same, 5000 Pods, even over three zones",
    }
    for name in sys.argv[1:] or cases:
        make, count, budget = cases[name]
        with ApiServer(flags=("--disable-agent",)) as server:
            server.prepare()
            in_parallel(server, NODES, lambda api, number: api.request("POST", "/api/v1/nodes", node(number)))
            wait_untainted(server.api)
            time.sleep(SETTLE)
            rate = measure(server, name, make, count)
        row(what[name], f"{rate:.0f}/s", budget)


if __name__ == "__main__":
    main()
