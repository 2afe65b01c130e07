"""Applies, updates and patches of a Deployment per second, one core.

Run: python bench/patch.py
"""

import time
from collections.abc import Callable
from typing import Any

from minik.api.patch import apply, managed_fields, merge_patch, strategic_merge
from minik.api.schema import decode, types

NOW = "2026-01-02T03:04:05Z"
SHAPE = types.get("io.k8s.api.apps.v1.Deployment")
CONTAINER = {
    "name": "web",
    "image": "nginx:1.27",
    "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 443, "name": "https"}],
    "env": [{"name": f"V{number}", "value": str(number)} for number in range(8)],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
    "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}],
}
CONFIGURATION: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [CONTAINER], "volumes": [{"name": "config", "configMap": {"name": "c"}}]},
        },
    },
}


def per_second(work: Callable[[], object], seconds: float = 0.7) -> float:
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / spent


def _apply(live: dict[str, Any] | None, configuration: dict[str, Any], manager: str = "me") -> dict[str, Any]:
    return apply.apply(live, configuration, shape=SHAPE, manager=manager, api_version="apps/v1", now=NOW, force=True)


def _update(live: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    return managed_fields.update(live, new, shape=SHAPE, manager="me", api_version="apps/v1", now=NOW)


def main() -> None:
    live = decode.prune(_apply(None, CONFIGURATION), SHAPE)
    scaled = {**CONFIGURATION, "spec": {**CONFIGURATION["spec"], "replicas": 5}}
    fewer = {**CONFIGURATION, "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}}}
    status = {**live, "status": {"readyReplicas": 3, "replicas": 3}}
    rows: dict[str, Callable[[], object]] = {
        "apply, creates": lambda: _apply(None, CONFIGURATION),
        "apply, same again": lambda: _apply(live, CONFIGURATION),
        "apply, one field changed": lambda: _apply(live, scaled),
        "apply, one field dropped": lambda: _apply(live, fewer),
        "apply, forced from another": lambda: _apply(live, scaled, "other"),
        "update, creates": lambda: _update(None, CONFIGURATION),
        "update, status changed": lambda: _update(live, status),
        "merge patch": lambda: merge_patch.apply(live, {"spec": {"replicas": 5}}),
        "strategic merge patch": lambda: strategic_merge.apply(
            live, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x"}]}}}}, SHAPE
        ),
    }
    for name, work in rows.items():
        rate = per_second(work)
        print(f"{name:28} {rate:9.0f}/s {1e6 / rate:8.0f} us")


if __name__ == "__main__":
    main()
