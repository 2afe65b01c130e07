"""/api and /apis: which groups, versions and resources there are, plain and aggregated.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from minik.api import discovery
from minik.api.request import Request, Response
from minik.api.scheme import Scheme
from minik.api.status import generic_not_found, not_allowed
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.aggregation.discovered import GroupVersion, completed
from minik.server.apiserver.negotiation import JSON, YAML, Form, clauses, negotiate
from minik.server.apiserver.registry.answer import encoded
from minik.server.apiserver.routes import Routes, get_only, page_not_found

_AGGREGATED = "APIGroupDiscoveryList"
_GROUP, _VERSION = "apidiscovery.k8s.io", "v2"


class ServedElsewhere(Protocol):
    """Groups of aggregated API servers, and the resources of those that answer."""

    @property
    def groups(self) -> Mapping[str, list[str]]: ...

    @property
    def priorities(self) -> Mapping[GroupVersion, tuple[int, int]]: ...

    @property
    def known(self) -> Mapping[GroupVersion, list[Obj]]: ...


class Discovery:
    """Answers from the Scheme as it is now. `address` is host:port as clients should know it."""

    def __init__(self, scheme: Scheme, address: str) -> None:
        self._scheme = scheme
        self._address = address
        self.elsewhere: ServedElsewhere | None = None

    def _extra(self) -> Mapping[str, list[str]] | None:
        return None if self.elsewhere is None else self.elsewhere.groups

    def _priorities(self) -> Mapping[GroupVersion, tuple[int, int]] | None:
        return None if self.elsewhere is None else self.elsewhere.priorities

    def install(self, routes: Routes) -> None:
        routes.add_tree("/api", get_only(self._api))
        routes.add_tree("/apis", self._apis)

    async def _api(self, request: Request, _user: UserInfo, below: str) -> Response:
        below = below.rstrip("/")
        if not below:
            return self._root(request, core=True)
        document = discovery.api_resource_list(self._scheme, "", below[1:])
        if document is None:
            raise generic_not_found()
        return _document(request, document)

    async def _apis(self, request: Request, _user: UserInfo, below: str) -> Response:
        below = below.rstrip("/")
        if not below:
            return self._root(request, core=False)
        group, _, version = below[1:].partition("/")
        if version:
            document = discovery.api_resource_list(self._scheme, group, version)
            if document is not None and request.method != "GET":
                raise not_allowed()
        else:
            document = discovery.api_group(self._scheme, group, self._extra(), self._priorities())
        return page_not_found() if document is None else _document(request, document)

    def _root(self, request: Request, *, core: bool) -> Response:
        media_type = aggregated(request.headers.get("accept", ""))
        if media_type:
            content_type = f"{media_type};g={_GROUP};v={_VERSION};as={_AGGREGATED}"
            document = discovery.aggregated(
                self._scheme, core=core, version=_VERSION, stale=self._extra(), priorities=self._priorities()
            )
            if self.elsewhere is not None:
                document = completed(document, self.elsewhere.known)
            return _tagged(request, content_type, encoded(200, document, Form(media_type), []).body)
        if core:
            return _document(request, discovery.api_versions(self._address))
        return _document(request, discovery.api_group_list(self._scheme, self._extra(), self._priorities()))


@lru_cache(maxsize=64)
def aggregated(accept: str) -> str:
    """The media type of aggregated discovery to answer with, "" for the plain form."""
    wanted = {"g": _GROUP, "v": _VERSION, "as": _AGGREGATED}
    for clause in clauses(accept):
        media_type = JSON if clause.media_type in ("*/*", "application/*") else clause.media_type
        if media_type in (JSON, YAML) and wanted.items() <= clause.parameters.items():
            return media_type
    return ""


def _tagged(request: Request, content_type: str, body: bytes) -> Response:
    """An answer that clients keep until its contents change."""
    tag = f'"{hashlib.sha512(body).hexdigest().upper()}"'
    headers = {"ETag": tag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("if-none-match") == tag:
        return Response(status=304, content_type="", headers=headers)
    return Response(content_type=content_type, body=body, headers=headers)


def _document(request: Request, document: Obj) -> Response:
    return encoded(200, document, negotiate(request.headers.get("accept", ""), transforms=False), [])
