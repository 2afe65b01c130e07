"""The door for callers in the API server's own process: requests go straight into the pipeline.

Objects are shared with every other reader and never encoded; see client.Client for the contract.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson

from minik.api.request import Request, Response, WatchEvent
from minik.api.status import StatusError
from minik.api.types import GVR, Obj, UserInfo
from minik.client.client import MERGE_PATCH, ListResult
from minik.client.paths import (
    delete_options,
    list_query,
    patch_query,
    path,
    raise_watch_error,
    watch_query,
)
from minik.client.request_counts import COUNTS

Handle = Callable[[Request], Awaitable[Response]]
_NO_HEADERS: Mapping[str, str] = {}

_HERE = "localhost"  # the host such requests are counted under
_NOT_SERVED = "the server could not find the requested resource"


class LocalClient:
    """client.Client over `Pipeline.handle`, as one identity. `agent` names the field manager of its writes."""

    def __init__(self, handle: Handle, user: UserInfo, *, agent: str = "minik") -> None:
        self._handle = handle
        self._user = user
        self._headers = {"user-agent": agent}

    async def _send(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, Sequence[str]] | None = None,
        obj: Obj | None = None,
        body: bytes = b"",
        content_type: str = "",
    ) -> Response:
        headers = {**self._headers, "content-type": content_type} if content_type else self._headers
        request = Request(
            method=method,
            path=where,
            query=query or {},
            headers=headers,
            body=body,
            obj=obj,
            user=self._user,
            local=True,
        )
        try:
            response = await self._handle(request)
        except StatusError as error:
            COUNTS.add(str(error.code), _HERE, method)
            raise
        COUNTS.add(str(response.status), _HERE, method)
        if response.status >= 400:  # a path that nothing serves is answered with plain text
            raise StatusError(response.status, "NotFound" if response.status == 404 else "", _NOT_SERVED)
        return response

    async def _object(self, method: str, where: str, **content: Any) -> Obj:
        response = await self._send(method, where, **content)
        if response.obj is not None:
            return response.obj
        return orjson.loads(response.body) if response.body else {}

    async def get(self, resource: GVR, name: str, namespace: str | None = None, *, subresource: str = "") -> Obj:
        return await self._object("GET", path(resource, namespace, name, subresource))

    async def list(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_token: str = "",
        metric_label_selector: str = "",
    ) -> ListResult:
        query = list_query(
            label_selector, field_selector, resource_version, limit, continue_token, metric_label_selector
        )
        response = await self._send("GET", path(resource, namespace), query=query)
        items = response.items
        if items is None:  # a list at a path that is not a collection's, as metrics of objects are
            items = (response.obj or orjson.loads(response.body or b"{}")).get("items")
        return ListResult(items or [], response.resource_version, response.continue_token)

    async def create(
        self, resource: GVR, obj: Obj, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Obj:
        where = path(resource, _namespace(obj, namespace), name, subresource)
        return await self._object("POST", where, obj=_own(obj))

    async def update(self, resource: GVR, obj: Obj, namespace: str | None = None, *, subresource: str = "") -> Obj:
        where = path(resource, _namespace(obj, namespace), obj["metadata"]["name"], subresource)
        return await self._object("PUT", where, obj=_own(obj))

    async def patch(
        self,
        resource: GVR,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Obj:
        where = path(resource, namespace, name, subresource)
        query = patch_query(field_manager, force)
        body = orjson.dumps(patch)
        return await self._object("PATCH", where, query=query, body=body, content_type=patch_type)

    async def delete(
        self,
        resource: GVR,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Obj:
        options = delete_options(grace_period_seconds, propagation_policy, uid, resource_version)
        return await self._object("DELETE", path(resource, namespace, name), obj=options)

    async def delete_collection(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
    ) -> None:
        query = list_query(label_selector, field_selector, "", 0, "")
        options = delete_options(None, propagation_policy, "", "")
        await self._send("DELETE", path(resource, namespace), query=query, obj=options)

    async def watch(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        query = watch_query(resource_version, label_selector, field_selector, allow_bookmarks, send_initial_events)
        response = await self._send("GET", path(resource, namespace), query=query)
        events = response.events
        if events is None:
            raise StatusError(405, "MethodNotAllowed", f"{resource.resource} cannot be watched")
        try:
            async for batch in events:
                for event in batch:
                    if event.type == "ERROR":
                        raise_watch_error(event.obj)
                yield batch
        finally:
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()


def _namespace(obj: Obj, namespace: str | None) -> str | None:
    return namespace if namespace is not None else (obj.get("metadata") or {}).get("namespace")


def _own(obj: Obj) -> Obj:
    """A copy for the pipeline, which changes what it is given."""
    return orjson.loads(orjson.dumps(obj))  # type: ignore[no-any-return]
