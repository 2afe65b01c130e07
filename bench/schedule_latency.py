"""From a Pod's creation to its binding when nothing else goes on: python bench/schedule_latency.py"""

import threading
import time

from api import Api, ApiServer
from schedule_pods import node, plain, wait_untainted
from table import row

PODS, NODES = 200, 20
PATH = "/api/v1/namespaces/default/pods"


def main() -> None:
    bound: dict[str, float] = {}
    with ApiServer(flags=("--disable-agent",)) as server:
        server.prepare()
        for number in range(NODES):
            server.api.request("POST", "/api/v1/nodes", node(number))
        wait_untainted(server.api)

        def follow() -> None:
            watcher = Api(server.url, server.data_dir)
            for event in watcher.watch("/api/v1/pods?watch=1&fieldSelector=spec.nodeName!%3D&timeoutSeconds=60"):
                bound.setdefault(event["object"]["metadata"]["name"], time.monotonic())
                if len(bound) == PODS:
                    return

        thread = threading.Thread(target=follow)
        thread.start()
        created = {}
        for number in range(PODS):
            pod = plain(number)
            server.api.request("POST", PATH, pod)
            created[pod["metadata"]["name"]] = time.monotonic()
            time.sleep(0.02)  # so that each finds an idle scheduler
        thread.join()
    waits = sorted(bound[name] - since for name, since in created.items())
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    row("one Pod created -> bound, idle: p50, p99", f"{middle * 1000:.1f} ms, {late * 1000:.1f} ms", "p99 20 ms")


if __name__ == "__main__":
    main()
