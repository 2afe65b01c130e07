"""A large cluster without machines: python bench/fake_cluster.py [nodes [pods]]

Deployments of 100 Pods each, two with a Service, are created at once. Rows: until every Pod is Ready and every
Deployment says so; memory then; processor while nothing happens but the Leases of all nodes.
"""

import sys
import time

from api import Api, ApiServer
from processes import MIB, tree, usage
from table import row

DEPLOYMENT_SIZE = 100
IDLE_SECONDS = 60
WITHIN = 240.0


def deployment(name: str, replicas: int) -> dict[str, object]:
    resources = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    container = {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}], "resources": resources}
    labels = {"app": name}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}}


def wait_nodes(api: Api, count: int) -> None:
    """Until so many nodes are there and none is tainted."""
    until = time.monotonic() + 60
    while True:
        nodes = api.request("GET", "/api/v1/nodes")["items"]
        if len(nodes) >= count and not any(node["spec"].get("taints") for node in nodes):
            return
        if time.monotonic() > until:
            raise RuntimeError(f"{len(nodes)} of {count} nodes, or some tainted, after 60 s")
        time.sleep(0.5)


def wait_deployments(api: Api, counts: dict[str, int], within: float = WITHIN) -> float:
    """Seconds until all of them have their Pods available."""
    started, waiting = time.monotonic(), dict(counts)
    path = f"/apis/apps/v1/namespaces/default/deployments?watch=1&timeoutSeconds={int(within)}"
    for event in api.watch(path):
        found = event["object"]
        name, status = found["metadata"]["name"], found.get("status") or {}
        if status.get("availableReplicas") == counts.get(name):
            waiting.pop(name, None)
        if not waiting:
            return time.monotonic() - started
    raise RuntimeError(f"{len(waiting)} of {len(counts)} Deployments were not available within {within:.0f} s")


def main(nodes: int, pods: int) -> None:
    with ApiServer(flags=("--disable-agent", "--fake-nodes", str(nodes))) as server:
        api, pid = server.api, server.process.pid
        wait_nodes(api, nodes)
        counts = {f"web-{number}": DEPLOYMENT_SIZE for number in range(pods // DEPLOYMENT_SIZE)}
        before, started = usage(tree(pid)), time.monotonic()
        for number, (name, size) in enumerate(counts.items()):
            api.request("POST", "/apis/apps/v1/namespaces/default/deployments", deployment(name, size))
            if number % 50 == 0:
                api.request("POST", "/api/v1/namespaces/default/services", service(name))
        wait_deployments(api, counts)
        seconds = time.monotonic() - started
        settled = usage(tree(pid))
        time.sleep(20)
        quiet = usage(tree(pid))
        time.sleep(IDLE_SECONDS)
        after = usage(tree(pid))
    cluster = f"{nodes} fake nodes"
    cpu = settled.cpu - before.cpu
    row(f"{pods} Pods of Deployments Ready on {cluster}", f"{seconds:.1f} s ({cpu:.1f} s of processor)", "30 s")
    row("memory with all of them", f"{after.rss / MIB:.0f} MB", "1024 MB")
    row("processor with all of them, idle", f"{100 * (after.cpu - quiet.cpu) / IDLE_SECONDS:.1f} %", "5 %")


if __name__ == "__main__":
    chosen = [int(argument) for argument in sys.argv[1:]]
    main(*(chosen + [1000, 10_000][len(chosen) :]))
