"""Paths outside the resource API: /version, /healthz, /metrics, discovery, OpenAPI, ...

A handler gets the request and the path below the one it was registered for ("" for the path itself).
"""

from collections.abc import Awaitable, Callable, Iterable

from minik.api.request import Request, Response
from minik.api.status import not_allowed
from minik.api.types import UserInfo

NO_GUESS = {"X-Content-Type-Options": "nosniff"}
PathHandler = Callable[[Request, UserInfo, str], Awaitable[Response]]


def get_only(handler: PathHandler) -> PathHandler:
    """The handler of a path that upstream serves by a route: it has no other methods, not even HEAD.

    Plain handlers, such as those of health checks, never look at the method.
    """

    async def routed(request: Request, user: UserInfo, below: str) -> Response:
        if request.method != "GET":
            raise not_allowed()
        return await handler(request, user, below)

    return routed


class Routes:
    """Exact paths, and trees that answer everything below them."""

    def __init__(self) -> None:
        self._exact: dict[str, PathHandler] = {}
        self._slashed: dict[str, PathHandler] = {}
        self._trees: dict[str, PathHandler] = {}

    def add(self, path: str, handler: PathHandler, *, slashed: bool = False) -> None:
        """`slashed`: a trailing slash makes no difference, as where upstream has a route."""
        self._exact[path] = handler
        if slashed:
            self._slashed[f"{path}/"] = handler

    def add_tree(self, path: str, handler: PathHandler) -> None:
        """`path` has no trailing slash; the handler answers it and everything below."""
        self._trees[path] = handler

    def find(self, path: str) -> tuple[PathHandler, str] | None:
        """The handler of a path, and what is below the path that it was registered for."""
        handler = self._exact.get(path) or self._slashed.get(path)
        if handler is not None:
            return handler, ""
        at = len(path)
        while at > 0:
            handler = self._trees.get(path[:at])
            if handler is not None:
                return handler, path[at:]
            at = path.rfind("/", 0, at)
        return None

    def paths(self) -> Iterable[str]:
        return sorted({*self._exact, *self._trees})


def text(status: int, body: str, *, no_guess: bool = False) -> Response:
    """A plain text answer; `no_guess` tells browsers that it is no other."""
    headers = dict(NO_GUESS) if no_guess else {}
    return Response(status=status, content_type="text/plain; charset=utf-8", body=body.encode(), headers=headers)


def page_not_found() -> Response:
    return text(404, "404 page not found\n", no_guess=True)
