"""Creates of ConfigMaps and Pods a second: python bench/create_objects.py [directory to measure the disk of]"""

import sys
from pathlib import Path
from typing import Any

from api import ApiServer, pod, rate_text, wrk
from table import row

NAMESPACE = "/api/v1/namespaces/default"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "NAME"}, "data": {"key": "x" * 200}}
CASES: tuple[tuple[str, str, Any, dict[int, str]], ...] = (
    ("ConfigMap", "configmaps", CONFIG_MAP, {1: "900/s", 20: "2500/s"}),
    ("Pod", "pods", pod("NAME"), {1: "600/s", 20: "1300/s"}),
)


def main(directory: Path | None) -> None:
    for kind, plural, body, budgets in CASES:
        with ApiServer(directory=directory) as server:
            token = server.prepare()
            for connections, budget in budgets.items():
                url = f"{server.url}{NAMESPACE}/{plural}"
                rates = [wrk(url, token, connections, create=body, run=f"{connections}-{at}") for at in range(3)]
                row(f"create {kind}, {connections} connections", rate_text(rates), budget)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
