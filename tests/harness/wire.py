"""Raw HTTP to an API server, for what no client library would send. An answer that takes too long is an error."""

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import yaml


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One kept-alive connection with the client certificate of a kubeconfig."""

    def __init__(self, kubeconfig: Path, *, timeout: float) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        self._context = _context(content)
        address = urlsplit(content["clusters"][0]["cluster"]["server"])
        self._host, self._port, self._timeout = address.hostname or "", address.port, timeout
        self._connection: http.client.HTTPSConnection | None = None

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Any = None,
        *,
        media_type: str = "application/json",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`body`: bytes go out as they are, anything else as JSON. Raises TimeoutError."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        url = quote(path, safe="/%:") + (f"?{urlencode(query, errors='surrogatepass')}" if query else "")
        sent = {"Accept": "application/json", **(headers or {})}
        if raw is not None:
            sent["Content-Type"] = media_type
        try:
            return self._send(method, url, raw, sent)
        except (http.client.RemoteDisconnected, ConnectionError):  # an idle connection may be closed at any time
            self.close()
            return self._send(method, url, raw, sent)

    def lines(self, path: str, *, query: Mapping[str, str]) -> Iterator[bytes]:
        """Of an answer that goes on, such as a watch's. Ends the connection."""
        try:
            assert self._connection is None
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
            self._connection.request("GET", f"{path}?{urlencode(query)}", None, {"Accept": "application/json"})
            yield from self._connection.getresponse()
        finally:
            self.close()

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
        try:
            self._connection.request(method, url, body, dict(headers))
            response = self._connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())
        except BaseException:
            self.close()
            raise


def _context(kubeconfig: Any) -> ssl.SSLContext:
    user, cluster = kubeconfig["users"][0]["user"], kubeconfig["clusters"][0]["cluster"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(user["client-certificate-data"]))
        pair.write(base64.b64decode(user["client-key-data"]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context
