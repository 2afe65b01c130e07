"""Process start -> /readyz and -> the node is Ready, containerd started cold: python bench/start_node.py (root)"""

import tempfile
import time
from pathlib import Path

from api import Api, wait_answer
from node import Cluster
from table import row, seconds


def once() -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="minik-bench-") as directory:
        cluster = Cluster(Path(directory) / "c")
        try:
            cluster.start()
            started = time.monotonic()
            answered = wait_answer(cluster.url)
            _wait_ready(Api(cluster.url, cluster.data_dir))
            return answered, time.monotonic() - started
        finally:
            cluster.destroy()


def _wait_ready(api: Api) -> None:
    for event in api.watch("/api/v1/nodes?watch=true"):
        conditions = event["object"].get("status", {}).get("conditions", ())
        if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
            return


if __name__ == "__main__":
    times = [once() for _ in range(5)]
    row("start -> /readyz, with a node on the machine", seconds([answered for answered, _ in times]), "1.0 s")
    row("start -> node Ready, containerd cold", seconds([ready for _, ready in times]), "3 s")
