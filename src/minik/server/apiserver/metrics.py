"""What the API server counts, under upstream's metric names.

https://kubernetes.io/docs/reference/instrumentation/metrics/
Counting is on the way of every request, so children are looked up once per kind of request and kept.
"""

import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from minik.server.apiserver.request_info import RequestInfo

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 15, 30, 60)
_LONG_RUNNING = frozenset({"exec", "attach", "portforward", "proxy", "log"})


class RequestMetrics:
    """apiserver_request_total and apiserver_request_duration_seconds."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        labels = ("verb", "group", "version", "resource", "subresource", "scope", "component")
        self._total = Counter(
            "apiserver_request_total",
            "Counter of apiserver requests broken out for each verb, group, version, resource, scope and code.",
            ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds for each verb, group, version, resource and scope.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.watchers = Gauge(
            "apiserver_longrunning_requests",
            "Gauge of all active long-running apiserver requests.",
            ("verb",),
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, str, str, str, int], tuple[Any, Any]] = {}

    def observe(self, info: RequestInfo, code: int, started: float) -> None:
        """Count a finished request; `started` is time.perf_counter()'s."""
        key = (info.verb, info.group, info.resource, info.subresource, info.version, code)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = self._make(info, code)
        total, duration = children
        total.inc()
        if duration is not None:
            duration.observe(time.perf_counter() - started)

    def _make(self, info: RequestInfo, code: int) -> tuple[Any, Any]:
        verb = {"create": "POST", "update": "PUT", "deletecollection": "DELETECOLLECTION"}.get(
            info.verb, info.verb.upper()
        )
        scope = ("resource" if info.name else "namespace" if info.namespace else "cluster") if info.is_resource else ""
        labels = (verb, info.group, info.version, info.resource, info.subresource, scope, "apiserver")
        total = self._total.labels(
            verb, "", info.group, info.version, info.resource, info.subresource, scope, "apiserver", str(code)
        )
        streaming = info.verb == "watch" or info.subresource in _LONG_RUNNING
        return total, None if streaming else self._duration.labels(*labels)
