"""Server-side applies of Deployments a second, over the network: python bench/apply.py

Each connection applies to a Deployment of its own: two configurations in turn, so that each changes something, or
always the same one.
"""

from typing import Any

from api import ApiServer, rate_text, wrk
from table import row

CONNECTIONS = 4
PATH = "/apis/apps/v1/namespaces/default/deployments"
CONTAINER = {
    "name": "web",
    "image": "nginx:1.27",
    "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "https"}],
    "env": [{"name": f"V{number}", "value": str(number)} for number in range(8)],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}],
}


def deployment(replicas: int) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [CONTAINER], "volumes": [{"name": "config", "configMap": {"name": "c"}}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "NAME", "labels": {"app": "web", "tier": "front"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


def main() -> None:
    with ApiServer() as server:
        token = server.prepare()
        cases = {"changing": [deployment(3), deployment(5)], "no change": [deployment(3)]}
        for what, bodies in cases.items():
            rates = [wrk(f"{server.url}{PATH}", token, CONNECTIONS, apply=bodies) for _ in range(3)]
            row(f"apply Deployment, {what}, {CONNECTIONS} connections", rate_text(rates), "800/s")


if __name__ == "__main__":
    main()
