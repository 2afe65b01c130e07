"""The OpenAPI documents of aggregated API servers, for this server's own index and its one Swagger 2 document.

They are asked for when a client asks, and what they said is believed for a minute.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from minik.api.types import Obj
from minik.server.apiserver.aggregation.aggregator import Aggregator
from minik.server.apiserver.aggregation.api_service import Backend

_BELIEVED = 60.0  # seconds


class RemoteSchemas:
    """What other servers say of the group versions they serve. One that does not answer is left out."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._kept: dict[tuple[Backend, str], tuple[float, Any]] = {}

    async def index(self) -> Mapping[str, Obj]:
        """Entries of /openapi/v3: "apis/GROUP/VERSION" -> serverRelativeURL."""
        found: dict[str, Obj] = {}
        backends = self._available()
        for backend, document in zip(backends, await self._documents(backends, "/openapi/v3"), strict=True):
            path = backend.base_path.removeprefix("/")
            entry = ((document or {}).get("paths") or {}).get(path)
            if isinstance(entry, dict):
                found[path] = entry
        return found

    async def swagger(self) -> Sequence[Obj]:
        """Swagger 2 documents, each cut down to the paths of its group version."""
        backends = self._available()
        found = zip(backends, await self._documents(backends, "/openapi/v2"), strict=True)
        return [_cut(backend, document) for backend, document in found if document]

    def _available(self) -> list[Backend]:
        known = self._aggregator.known
        return [backend for at, backend in sorted(self._aggregator.elsewhere.items()) if at in known]

    async def _documents(self, backends: Sequence[Backend], path: str) -> Sequence[Any]:
        present = set(self._aggregator.elsewhere.values())
        self._kept = {key: kept for key, kept in self._kept.items() if key[0] in present}
        return await asyncio.gather(*(self._document(backend, path) for backend in backends))

    async def _document(self, backend: Backend, path: str) -> Any:
        now = time.monotonic()
        kept = self._kept.get((backend, path))
        if kept is not None and now < kept[0]:
            return kept[1]
        body = await self._aggregator.fetch(backend, path)
        try:
            document = orjson.loads(body) if body else None
        except orjson.JSONDecodeError:
            document = None
        self._kept[backend, path] = (now + _BELIEVED, document)
        return document


def _cut(backend: Backend, document: Obj) -> Obj:
    paths = document.get("paths") or {}
    below = f"{backend.base_path}/"
    kept = {path: item for path, item in paths.items() if f"{path}/".startswith(below)}
    return {"paths": kept, "definitions": document.get("definitions") or {}}


def merged(own: Obj, others: Sequence[Obj]) -> Obj:
    """This server's Swagger 2 document with those of others; what it says itself stands."""
    paths, definitions = dict(own["paths"]), dict(own["definitions"])
    for other in others:
        paths = {**other["paths"], **paths}
        definitions = {**other["definitions"], **definitions}
    return {**own, "paths": paths, "definitions": definitions}
