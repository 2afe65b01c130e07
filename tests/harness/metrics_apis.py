"""The custom and external metrics APIs as an adapter serves them: values are what the test says, requests are kept."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from harness.cluster import eventually
from harness.objects import Objects
from minik.server.certificates import certificate_pem, key_pem, new_key, self_signed_authority

GROUPS = {"custom.metrics.k8s.io": "v1beta2", "external.metrics.k8s.io": "v1beta1"}


class MetricsApis:
    """`values`: path below the version -> items of the list that is answered; nothing else is served."""

    def __init__(self, directory: Path) -> None:
        self.values: dict[str, list[Any]] = {}
        self.queries: dict[str, dict[str, list[str]]] = {}  # of the last request, by path
        key = new_key()
        certificate = self_signed_authority("metrics", datetime.now(UTC), timedelta(days=1), key).certificate
        pair = directory / "metrics.pem"
        pair.write_bytes(certificate_pem(certificate) + key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port

    @contextmanager
    def serving(self, objects: Objects) -> Iterator["MetricsApis"]:
        """Registered with the API server, behind a Service of the namespace."""
        thread = Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        objects.create("services", "metrics", {"spec": {"type": "ExternalName", "externalName": "localhost"}})
        for group, version in GROUPS.items():
            spec = {
                "group": group,
                "version": version,
                "service": {"name": "metrics", "namespace": objects.namespace, "port": self.port},
                "insecureSkipTLSVerify": True,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            }
            objects.create("apiservices", f"{version}.{group}", {"spec": spec})
        try:
            for group, version in GROUPS.items():
                name = f"{version}.{group}"
                eventually(lambda name=name: _is_available(objects, name), every=0.05, what=f"{name} being available")
            yield self
        finally:
            for group, version in GROUPS.items():
                objects.delete("apiservices", f"{version}.{group}")
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

    def answer(self, path: str, query: str) -> tuple[int, Any]:
        _, _, group, version, *rest = unquote(path).split("/")
        if not rest:
            return 200, {"kind": "APIResourceList", "groupVersion": f"{group}/{version}", "resources": []}
        where = "/".join(rest)
        self.queries[where] = parse_qs(query)
        if where not in self.values:
            text = "the server could not find the metric for what was asked"
            return 404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": text}
        kind = "MetricValueList" if group.startswith("custom") else "ExternalMetricValueList"
        return 200, {"kind": kind, "apiVersion": f"{group}/{version}", "metadata": {}, "items": self.values[where]}


def _is_available(objects: Objects, name: str) -> bool:
    conditions = (objects.get("apiservices", name).get("status") or {}).get("conditions") or [{"status": ""}]
    assert conditions[0]["status"] == "True", conditions
    return True


def _handler(apis: MetricsApis) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            status, content = (404, {}) if url.path.count("/") < 3 else apis.answer(url.path, url.query)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    return Handler
