"""/statusz and /flagz: how long this server has been up, and what it was started with.

https://kubernetes.io/docs/reference/instrumentation/zpages/ . Plain text, or a document for who accepts it by group,
version and kind.
"""

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from minik.api.request import Request, Response
from minik.api.types import Obj, UserInfo
from minik.config import ServerConfig
from minik.server.apiserver.handlers.version import MAJOR, MINOR, version_info
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.routes import Routes, text

_COMPONENT = "kube-apiserver"
_GROUP = "config.k8s.io"
_VERSIONS = ("v1beta1", "v1alpha1")
_WARNING = (
    "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is "
    "for debugging purposes only."
)
_SECRET = frozenset({"token"})
_SHOWN_PATHS = ("/healthz", "/livez", "/metrics", "/readyz", "/statusz", "/version")


def install(routes: Routes, config: ServerConfig) -> None:
    started = time.time()

    def status() -> Obj:
        version = f"{MAJOR}.{MINOR}"
        return {
            "startTime": datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "uptimeSeconds": int(time.time() - started),
            "goVersion": version_info()["goVersion"],
            "binaryVersion": f"{version}.0",
            "emulationVersion": version,
            "paths": list(_SHOWN_PATHS),
        }

    flags = flags_of(config)
    _add(routes, "Statusz", status, status_text)
    _add(
        routes, "Flagz", lambda: {"flags": flags}, lambda page: "".join(f"{k}={v}\n" for k, v in page["flags"].items())
    )


def _add(routes: Routes, kind: str, page: Callable[[], Obj], as_text: Callable[[Obj], str]) -> None:
    name = kind.lower()

    async def handle(request: Request, _user: UserInfo, _below: str) -> Response:
        accept = request.headers.get("accept", "")
        version = wanted_version(accept, kind)
        if version:
            head = {"kind": kind, "apiVersion": f"{_GROUP}/{version}", "metadata": {"name": _COMPONENT}}
            return Response(body=to_json({**head, **page()}))
        if accept and not any(each in accept for each in ("text/plain", "text/*", "*/*")):
            return text(406, "the request does not accept any of: text/plain, application/json with g, v and as\n")
        return text(200, f"\n{_COMPONENT} {name}\n{_WARNING}\n\n{as_text(page())}")

    routes.add(f"/{name}", handle)


def wanted_version(accept: str, kind: str) -> str:
    """The version of the document that an Accept header asks for, "" for plain text."""
    for each in accept.split(","):
        media_type, *parameters = (part.strip() for part in each.split(";"))
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        if media_type == "application/json" and given.get("g") == _GROUP and given.get("as") == kind:
            return given["v"] if given.get("v") in _VERSIONS else ""
    return ""


def status_text(status: Obj) -> str:
    minutes, seconds = divmod(status["uptimeSeconds"], 60)
    hours, minutes = divmod(minutes, 60)
    started = datetime.fromisoformat(status["startTime"]).strftime("%a %b %d %H:%M:%S UTC %Y")
    return (
        f"Started: {started}\n"
        f"Up: {hours} hr {minutes:02} min {seconds:02} sec\n"
        f"Go version: {status['goVersion']}\n"
        f"Binary version: {status['binaryVersion']}\n"
        f"Emulation version: {status['emulationVersion']}\n"
        f"Paths: {' '.join(status['paths'])}\n"
    )


def flags_of(config: ServerConfig) -> dict[str, str]:
    """Flags by name; what must stay secret is only told to be set."""
    found: dict[str, str] = {}
    for part in (config.agent, config):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.name != "agent":
                found[field.name.replace("_", "-")] = _shown(field.name, value)
    return dict(sorted(found.items()))


def _shown(name: str, value: object) -> str:
    if name in _SECRET:
        return "CONFIDENTIAL" if value else ""
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, (str, int, Path)) else ""
