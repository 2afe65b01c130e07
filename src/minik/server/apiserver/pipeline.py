"""The way of every request, whichever door it came through.

    door -> request info -> authenticate -> impersonate -> flow control -> authorize -> handler

What goes wrong becomes a Status. Callers in the same process (Request.local) get it raised instead.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from minik.api.request import Request, Response
from minik.api.status import StatusError, internal_error, too_large, unauthorized
from minik.api.types import UserInfo
from minik.server.apiserver.attributes import SUPERUSERS, Attributes, Authorize, Decision
from minik.server.apiserver.authn.impersonation import asks_for_another, wanted_user
from minik.server.apiserver.authz.authorizer import refusal
from minik.server.apiserver.deadlines import REQUEST_TIMEOUT, Deadlines, Running, asked_for, too_late
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.level import Rejected
from minik.server.apiserver.metrics import RequestMetrics
from minik.server.apiserver.negotiation import error_form
from minik.server.apiserver.registry.answer import encoded
from minik.server.apiserver.registry.body import MAX_BODY
from minik.server.apiserver.registry.dispatch import Dispatcher, NoSuchPath
from minik.server.apiserver.request_info import RequestInfo, resolve
from minik.server.apiserver.routes import NO_GUESS, Routes, page_not_found, text
from minik.store.engine import StoreWriteError

log = logging.getLogger("minik.apiserver")

Authenticate = Callable[[Request], Awaitable[UserInfo | None]]
Impersonate = Callable[[UserInfo, Attributes], Awaitable[tuple[UserInfo, str]]]
"""From whom the sender wants to be and what the request is about (as its real sender) to whom it goes on as."""


class Aggregation(Protocol):
    """Group versions that other API servers serve, by (group, version)."""

    @property
    def elsewhere(self) -> Mapping[tuple[str, str], Any]: ...

    async def serve(self, backend: Any, request: Request, info: RequestInfo, user: UserInfo) -> Response: ...


class Auditing(Protocol):
    """Records requests; what it puts into Request.audit is told what the pipeline finds out."""

    async def audited(self, request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response: ...


_ALLOWED = Decision(True)
_STREAMS = frozenset({"exec", "attach", "portforward", "proxy", "log"})


class Pipeline:
    """One request in, one answer out."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        routes: Routes,
        *,
        authenticate: Authenticate,
        impersonate: Impersonate,
        authorize: Authorize,
        flow_control: FlowControl | None = None,
        metrics: RequestMetrics | None = None,
        request_timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        self._dispatcher = dispatcher
        self._routes = routes
        self._authenticate = authenticate
        self._impersonate = impersonate
        self._authorize = authorize
        self._flow_control = flow_control or FlowControl()
        self._deadlines = Deadlines(request_timeout)
        self._metrics = metrics or RequestMetrics()
        self.aggregation: Aggregation | None = None
        self.auditor: Auditing | None = None

    async def handle(self, request: Request) -> Response:
        """Never raises for HTTP requests; for local ones raises StatusError."""
        if self.auditor is not None:
            return await self.auditor.audited(request, self._handle)
        return await self._handle(request)

    async def _handle(self, request: Request) -> Response:
        info = resolve(request.method, request.path, request.query)
        started = time.perf_counter()
        running: Running | None = None
        try:
            if not (request.local or is_long_running(info)):
                limit = self._deadlines.limit
                running = self._deadlines.start(asked_for(request.query, limit) if request.query else limit)
            response = await self._serve(request, info)
        except StatusError as error:
            if request.local:
                self._metrics.observe(info, error.code, started)
                raise
            response = status_response(request, error)
        except asyncio.CancelledError:
            if running is None or not running.overdue:
                raise
            running.task.uncancel()
            response = status_response(request, too_late(info.verb))
        except Exception as error:
            told = isinstance(
                error, StoreWriteError
            )  # the store has said what is wrong; a full disk refuses every write
            log.error("%s %s failed: %s", request.method, request.path, error, exc_info=not told)
            failure = internal_error(str(error) or type(error).__name__)
            if request.local:
                self._metrics.observe(info, 500, started)
                raise failure from error
            response = status_response(request, failure)
        finally:
            if running is not None:
                self._deadlines.end(running)
        self._metrics.observe(info, response.status, started, len(response.body))
        return response

    def at_once(self, request: Request) -> Response | None:
        """The answer, if there is a good one that needs no waiting.

        None: ask `handle`, which may do the same work once more, so this is only for reads.
        """
        info = resolve(request.method, request.path, request.query)
        if self.auditor is not None or info.subresource or self.is_elsewhere(info):
            return None
        started = time.perf_counter()
        serving = self._serve(request, info)
        try:
            serving.send(None)
        except StopIteration as done:
            response: Response = done.value
            self._metrics.observe(info, response.status, started, len(response.body))
            return response
        except Exception:  # `handle` finds it too, and says what is wrong
            return None
        serving.close()
        return None

    async def _serve(self, request: Request, info: RequestInfo) -> Response:
        user = request.user if request.local else await self._authenticate(request)
        if request.audit is not None:
            request.audit.authenticated(user, info)
        if user is None:
            raise unauthorized()
        if not request.local and asks_for_another(request.headers):
            user = await self._acting(request, info, user)
        if len(request.body) > MAX_BODY:
            raise too_large(MAX_BODY)
        if request.local:
            return await self._authorized(request, info, user)
        flow = self._flow_control.flow(info, user)
        request.flow = flow.uids
        if is_long_running(info) and info.verb != "watch":
            return await self._authorized(request, info, user)
        try:
            seats = await flow.enter(request.query)
        except Rejected:
            response = text(429, "Too many requests, please try again later.\n")
            response.headers |= {"Retry-After": "1", **NO_GUESS}
            return response
        try:
            return await self._authorized(request, info, user)
        finally:
            flow.leave(seats)

    async def _acting(self, request: Request, info: RequestInfo, user: UserInfo) -> UserInfo:
        """Whom `user` wants to be for this request."""
        wanted = wanted_user(request)
        if wanted is None:
            return user
        try:
            acting, constraint = await self._impersonate(wanted, attributes_of(request, info, user))
        except StatusError as error:
            error.headers = NO_GUESS
            raise
        if request.audit is not None:
            request.audit.impersonated(acting, constraint)
        return acting

    async def _authorized(self, request: Request, info: RequestInfo, user: UserInfo) -> Response:
        if SUPERUSERS not in user.groups:
            await self._check(request, info, user)
        elif request.audit is not None:
            request.audit.decided(_ALLOWED)
        if self.aggregation is not None and self.aggregation.elsewhere:
            backend = self.aggregation.elsewhere.get(_group_version(info))
            if backend is not None:
                return await self.aggregation.serve(backend, request, info, user)
        if info.is_resource:
            try:
                return await self._dispatcher.dispatch(request, info, user)
            except NoSuchPath:
                return page_not_found()
        return await self._path(request, info, user)

    def is_elsewhere(self, info: RequestInfo) -> bool:
        """Whether another API server answers this."""
        aggregation = self.aggregation
        return aggregation is not None and bool(aggregation.elsewhere) and _group_version(info) in aggregation.elsewhere

    async def _check(self, request: Request, info: RequestInfo, user: UserInfo) -> None:
        attributes = attributes_of(request, info, user)
        decision = await self._authorize(attributes)
        if request.audit is not None:
            request.audit.decided(decision)
        if not decision.allowed:
            error = refusal(attributes, decision.reason)
            error.headers = NO_GUESS
            raise error

    async def _path(self, request: Request, info: RequestInfo, user: UserInfo) -> Response:
        found = self._routes.find(info.path)
        if found is None:
            return page_not_found()
        handler, below = found
        return await handler(request, user, below)


def is_long_running(info: RequestInfo) -> bool:
    """Watches and streams, which have no deadline and take no seat."""
    return info.verb == "watch" or info.subresource in _STREAMS


def _group_version(info: RequestInfo) -> tuple[str, str]:
    """Of a resource, or of the discovery or schema document of a group version; else two empty strings."""
    if info.is_resource:
        return info.group, info.version
    path = info.path.removeprefix("/openapi/v3").rstrip("/")
    parts = path.split("/")
    return (parts[2], parts[3]) if len(parts) == 4 and parts[1] == "apis" else ("", "")


def attributes_of(request: Request, info: RequestInfo, user: UserInfo) -> Attributes:
    if not info.is_resource:
        return Attributes(user=user, verb=request.method.lower(), path=info.path)
    query = request.query
    return Attributes(
        user=user,
        verb=info.verb,
        path=info.path,
        resource_request=True,
        namespace=info.namespace,
        api_group=info.group,
        api_version=info.version,
        resource=info.resource,
        subresource=info.subresource,
        name=info.name or _named_by_selector(request, info),
        label_selector=next(iter(query.get("labelSelector", ())), ""),
        field_selector=next(iter(query.get("fieldSelector", ())), ""),
    )


def _named_by_selector(request: Request, info: RequestInfo) -> str:
    """A list or watch of one name by field selector counts as about that object."""
    if info.verb not in ("list", "watch") or not request.query:
        return ""
    text = next(iter(request.query.get("fieldSelector", ())), "")
    terms = [term.partition("=") for term in text.split(",")]
    return next((v.lstrip("=") for key, op, v in terms if key == "metadata.name" and op), "")


def status_response(request: Request, error: StatusError) -> Response:
    """The Status of an error, in JSON or YAML."""
    form = error_form(request.headers.get("accept", ""))
    response = encoded(error.code, error.status(), form, list(error.warnings))
    response.headers |= error.headers
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
