"""/healthz, /livez and /readyz: named checks, each also at a path of its own.

https://kubernetes.io/docs/reference/using-api/health-checks/
"""

from collections.abc import Awaitable, Callable, Sequence

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.request_info import truthy
from minik.server.apiserver.routes import Routes, page_not_found, text

Check = Callable[[], Awaitable[str]]
"""Returns "" when all is well, else what is wrong."""


async def _always_well() -> str:
    return ""


PING = ("ping", _always_well)


class Health:
    """The three endpoints. A check's name is what clients see; order is kept."""

    def __init__(self) -> None:
        self._checks: dict[str, list[tuple[str, Check]]] = {"healthz": [PING], "livez": [PING], "readyz": [PING]}

    def add(self, name: str, check: Check, *, to: Sequence[str] = ("healthz", "livez", "readyz")) -> None:
        for endpoint in to:
            self._checks[endpoint].append((name, check))

    def install(self, routes: Routes) -> None:
        for endpoint in self._checks:
            routes.add_tree(f"/{endpoint}", self._handler(endpoint))

    def _handler(self, endpoint: str) -> Callable[[Request, UserInfo, str], Awaitable[Response]]:
        async def handle(request: Request, _user: UserInfo, below: str) -> Response:
            if below:
                return await self._single(endpoint, below[1:])
            return await self._all(endpoint, request)

        return handle

    async def _single(self, endpoint: str, name: str) -> Response:
        check = next((check for known, check in self._checks[endpoint] if known == name), None)
        if check is None:
            return page_not_found()
        trouble = await check()
        return text(500, f"internal server error: {trouble}\n") if trouble else text(200, "ok")

    async def _all(self, endpoint: str, request: Request) -> Response:
        left_out = {name for value in request.query.get("exclude", ()) for name in value.split(",")}
        lines, failed = [], False
        for name, check in self._checks[endpoint]:
            if name in left_out:
                left_out.discard(name)
                lines.append(f"[+]{name} excluded: ok\n")
                continue
            trouble = await check()
            failed = failed or bool(trouble)
            lines.append(f"[-]{name} failed: reason withheld\n" if trouble else f"[+]{name} ok\n")
        if left_out:
            names = ", ".join(f'"{name}"' for name in sorted(left_out))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}\n")
        if failed:
            return text(500, f"{''.join(lines)}{endpoint} check failed\n")
        if "verbose" in request.query and (truthy(request.query, "verbose") or request.query["verbose"][0] == ""):
            return text(200, f"{''.join(lines)}{endpoint} check passed\n")
        return text(200, "ok")
