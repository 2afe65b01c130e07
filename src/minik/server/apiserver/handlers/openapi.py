"""/openapi/v3 and /openapi/v2: the schema of the API, as kubectl explain, validation and code generators read it.

Documents are built in a thread when they are asked for, since they take tens of milliseconds, and are kept compressed
for the next client. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition
"""

import asyncio
import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from minik.api.request import Request, Response
from minik.api.scheme import Scheme
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.routes import Routes, page_not_found

_KEPT = 8  # documents, some 50 KB each
_FOREVER = "public, immutable"  # the URL holds the document's fingerprint
_V2_ACCEPT = "proto-openapi.spec.v2"


class SchemasElsewhere(Protocol):
    """The documents of aggregated API servers."""

    async def index(self) -> Mapping[str, Obj]: ...

    async def swagger(self) -> Sequence[Obj]: ...


class OpenAPI:
    """Answers from the Scheme as it is now."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self.elsewhere: SchemasElsewhere | None = None
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def install(self, routes: Routes) -> None:
        routes.add_tree("/openapi/v3", self._v3)
        routes.add("/openapi/v2", self._v2)

    async def _v3(self, request: Request, _user: UserInfo, below: str) -> Response:
        from minik.api.openapi import v3  # not needed to start, here and below

        if not below:
            index = v3.index(self._scheme)
            if self.elsewhere is not None and (more := await self.elsewhere.index()):
                index["paths"] = dict(sorted((index["paths"] | more).items()))
            return Response(body=to_json(index))
        parts = below[1:].split("/")
        if len(parts) == 2 and parts[0] == "api":
            group, version = "", parts[1]
        elif len(parts) == 3 and parts[0] == "apis":
            group, version = parts[1], parts[2]
        else:
            return page_not_found()
        if not any((r.group, r.version) == (group, version) for r in self._scheme):
            return page_not_found()
        digest = v3.fingerprint(self._scheme, group, version)
        asked = request.query.get("hash", [""])[0]
        if asked and asked != digest:
            return Response(status=301, headers={"Location": f"/openapi/v3{below}?hash={digest}"})
        response = await self._answer(request, digest, lambda: v3.document(self._scheme, group, version) or b"")
        if asked:
            response.headers["Cache-Control"] = _FOREVER
        return response

    async def _v2(self, request: Request, _user: UserInfo, _below: str) -> Response:
        from minik.api.openapi import v2, v2_protobuf, v3

        versions: Sequence[tuple[str, str]] = sorted({(r.group, r.version) for r in self._scheme})
        digest = hashlib.sha256("".join(v3.fingerprint(self._scheme, g, v) for g, v in versions).encode()).hexdigest()
        if _V2_ACCEPT in request.headers.get("accept", ""):
            response = await self._answer(request, f"{digest}p", lambda: v2_protobuf.document(self._scheme))
            response.content_type = v2_protobuf.MEDIA_TYPE
            return response
        others = await self.elsewhere.swagger() if self.elsewhere is not None else ()
        if not others:
            return await self._answer(request, digest, lambda: v2.document(self._scheme))
        from minik.server.apiserver.aggregation.schemas import merged

        whole = hashlib.sha256(digest.encode() + to_json({"others": others})).hexdigest()
        return await self._answer(request, whole, lambda: to_json(merged(v2.build(self._scheme), others)))

    async def _answer(self, request: Request, digest: str, build: Callable[[], bytes]) -> Response:
        headers = {"ETag": f'"{digest}"', "Vary": "Accept"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status=304, headers=headers)
        return Response(body=await asyncio.to_thread(self._document, digest, build), headers=headers)

    def _document(self, digest: str, build: Callable[[], bytes]) -> bytes:
        """Runs in a thread; two threads may build the same document, which does no harm."""
        kept = self._kept.get(digest)
        if kept is not None:
            return zlib.decompress(kept)
        document = build()
        self._kept[digest] = zlib.compress(document, 1)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return document
