"""One Deployment of 500 Pods on 100 fake nodes, from its creation: python bench/deployment_500.py

Rows: until all Pods exist, until all have a node, until the Deployment says that all are available.
"""

import time
from typing import Any

from api import Api, ApiServer
from fake_cluster import deployment, wait_nodes
from table import row, seconds

PODS, NODES, RUNS = 500, 100, 3
WITHIN = 60


def run(server: ApiServer, name: str) -> tuple[float, float, float]:
    """Seconds until all Pods are created, bound and available."""
    api, started = Api(server.url, server.data_dir), time.monotonic()
    created: dict[str, float] = {}
    bound: dict[str, float] = {}
    ready: dict[str, float] = {}
    api.request("POST", "/apis/apps/v1/namespaces/default/deployments", deployment(name, PODS))
    for event in api.watch(f"/api/v1/pods?watch=1&labelSelector=app%3D{name}&timeoutSeconds={WITHIN}"):
        pod, now = event["object"], time.monotonic() - started
        uid = pod["metadata"]["uid"]
        created.setdefault(uid, now)
        if pod["spec"].get("nodeName"):
            bound.setdefault(uid, now)
        if is_ready(pod):
            ready.setdefault(uid, now)
        if len(ready) == PODS:
            break
    else:
        raise RuntimeError(f"{len(created)} Pods created, {len(bound)} bound, {len(ready)} Ready in {WITHIN} s")
    path = f"/apis/apps/v1/namespaces/default/deployments/{name}"
    while (api.request("GET", path)["status"]).get("availableReplicas") != PODS:
        if time.monotonic() - started > WITHIN:
            raise RuntimeError(f"the Deployment is not available within {WITHIN} s")
        time.sleep(0.02)
    return max(created.values()), max(bound.values()), time.monotonic() - started


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def main() -> None:
    with ApiServer(flags=("--disable-agent", "--fake-nodes", str(NODES))) as server:
        wait_nodes(server.api, NODES)
        runs = [run(server, f"web-{number}") for number in range(RUNS)]
    created, bound, available = (list(values) for values in zip(*runs, strict=True))
    row(f"a Deployment of {PODS}: all its Pods created", seconds(created), "1.5 s")
    row("all of them bound", seconds(bound), "2.5 s")
    row("and available (fake nodes)", seconds(available), "3.5 s")


if __name__ == "__main__":
    main()
