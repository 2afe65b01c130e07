"""From a resource request to its handler: does the path exist, does the resource have the verb.

Subresources and resources that are not stored (reviews, componentstatuses) have handlers registered by name.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from minik.api import names
from minik.api.request import Request, Response
from minik.api.scheme import Resource, Scheme, Subresource
from minik.api.status import (
    StatusError,
    bad_request,
    generic_not_found,
    method_not_supported,
    not_allowed,
    not_found,
)
from minik.api.types import UserInfo
from minik.api.validation import show
from minik.server.apiserver.negotiation import JSON, PLAIN, Form, negotiate, wants_pretty
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import create
from minik.server.apiserver.registry.delete import delete
from minik.server.apiserver.registry.delete_collection import delete_collection
from minik.server.apiserver.registry.get import get
from minik.server.apiserver.registry.list import list_objects
from minik.server.apiserver.registry.patch import patch, patch_type
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.update import update
from minik.server.apiserver.registry.watch import watch
from minik.server.apiserver.request_info import RequestInfo

Handler = Callable[[Registry, Call], Awaitable[Response]]

_HANDLERS: dict[str, Handler] = {
    "get": get,
    "list": list_objects,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": delete_collection,
}
_ON_COLLECTION = frozenset({"list", "watch", "create", "deletecollection"})
_ON_OBJECT = frozenset({"get", "watch", "update", "patch", "delete"})
_ACROSS_NAMESPACES = frozenset({"list", "watch"})

_CONNECTIONS = frozenset({"proxy", "exec", "attach", "portforward"})
RESPONDS_ITSELF = frozenset({"log", *_CONNECTIONS})
"""Subresources whose answers are no API objects: Accept headers are their own business."""


_WITHOUT_TABLES = frozenset({"authentication.k8s.io", "authorization.k8s.io", "binding", "eviction", "token"})
"""Groups and subresources whose answers have no rows: what they are asked is not stored."""


class NoSuchPath(Exception):
    """No handler below /apis knows this path: answered with a plain text 404."""


class Dispatcher:
    """Finds and runs the handler of a resource request."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._scheme: Scheme = registry.scheme
        self._subresources: dict[tuple[str, str, str], Handler] = {}
        self._by_name: dict[str, Handler] = {}
        self._virtual: dict[tuple[str, str], Handler] = {}

    def add_subresource(self, name: str, handler: Handler, *, group: str = "", plural: str = "") -> None:
        """Serve a subresource; without `plural` that of every resource which has one of this name."""
        if plural:
            self._subresources[group, plural, name] = handler
        else:
            self._by_name[name] = handler

    def add_virtual(self, group: str, plural: str, handler: Handler) -> None:
        """Serve a resource that is not stored."""
        self._virtual[group, plural] = handler

    async def dispatch(self, request: Request, info: RequestInfo, user: UserInfo) -> Response:
        """Raises StatusError and NoSuchPath."""
        resource = self._scheme.get(info.group, info.version, info.resource)
        if resource is None:
            raise self._unknown(info)
        if resource.custom and _wrong_scope(info, resource):
            raise NoSuchPath()
        if not info.well_formed or (info.has_namespace and not resource.namespaced):
            raise generic_not_found()
        form = self._form(request, info, resource)
        call = Call(request=request, info=info, resource=resource, user=user, form=form)
        if resource.deprecation:
            call.warn(resource.deprecation)
        try:
            return await self._handler(call)(self.registry, call)
        except StatusError as error:
            error.warnings = call.warnings
            raise

    def _unknown(self, info: RequestInfo) -> Exception:
        if info.group and not any(r.group == info.group and r.version == info.version for r in self._scheme):
            return NoSuchPath()
        return generic_not_found()

    def _form(self, request: Request, info: RequestInfo, resource: Resource) -> Form:
        if request.local or info.subresource in RESPONDS_ITSELF:
            return PLAIN
        tables = not (resource.group in _WITHOUT_TABLES or info.subresource in _WITHOUT_TABLES)
        own = not resource.custom
        streams = own and not info.subresource and info.verb in ("list", "watch")
        accept = request.headers.get("accept", "")
        form = negotiate(accept, tables=tables, protobuf=own, routed=own, streams=streams)
        return replace(form, pretty=True) if form.media_type == JSON and wants_pretty(request) else form

    def _handler(self, call: Call) -> Handler:
        info, resource = call.info, call.resource
        if call.request.method == "HEAD" and not resource.custom and info.subresource != "proxy":
            raise not_allowed()  # no other route has it
        if info.subresource:
            return self._subresource_handler(call)
        virtual = self._virtual.get((resource.group, resource.plural))
        if resource.custom:
            _check_custom_verb(call)
        else:
            _check_verb(info, resource, virtual=virtual is not None)
        if virtual is not None:
            return virtual
        if info.name and (problems := names.path_segment(info.name)):
            raise bad_request(f"Name parameter invalid: {show(info.name)}: {';'.join(problems)}")
        return _HANDLERS[info.verb]

    def _subresource_handler(self, call: Call) -> Handler:
        info, resource = call.info, call.resource
        subresource = resource.subresource(info.subresource)
        if subresource is None and resource.custom:
            raise not_found(resource.group, resource.plural, info.name)
        if subresource is None or (resource.namespaced and not info.has_namespace):
            raise generic_not_found()
        verb = "get" if info.verb in ("watch", "list") else info.verb
        if verb not in subresource.verbs and not (info.subresource == "proxy" and call.request.method == "OPTIONS"):
            if resource.custom:
                raise method_not_supported(resource.group, resource.plural, info.verb)
            raise not_allowed()
        if info.subresource in _CONNECTIONS and call.request.query.get("dryRun"):
            raise bad_request("dryRun is not supported")
        handler = self._subresources.get((resource.group, resource.plural, info.subresource))
        handler = handler or self._by_name.get(info.subresource)
        if handler is None:
            raise generic_not_found()
        return handler


def _wrong_scope(info: RequestInfo, resource: Resource) -> bool:
    """Whether a path names a namespace for what has none, or none for what is in one."""
    if resource.namespaced and not info.has_namespace:
        return info.verb not in _ACROSS_NAMESPACES
    return info.has_namespace and not resource.namespaced


def _check_verb(info: RequestInfo, resource: Resource, *, virtual: bool) -> None:
    verb = info.verb
    if resource.namespaced and not info.has_namespace:
        if info.name:
            raise generic_not_found()
        if verb not in _ACROSS_NAMESPACES:
            raise not_allowed()
    allowed = _ON_OBJECT if info.name else _ON_COLLECTION
    if verb not in allowed or verb not in _HANDLERS:
        raise not_allowed()
    if verb not in resource.verbs and not resource.custom:  # those refuse what they do not offer themselves
        if verb == "watch" and "list" in resource.verbs:
            raise method_not_supported(resource.group, resource.plural, "watch")
        raise not_allowed()
    if not resource.stored and not virtual:
        raise generic_not_found()


def _check_custom_verb(call: Call) -> None:
    """Custom resources have no routes: what is to be done is all that is looked at."""
    info, resource = call.info, call.resource
    if info.verb not in _HANDLERS:
        raise method_not_supported(resource.group, resource.plural, info.verb)
    if info.verb in ("update", "patch") and not info.name:
        if info.verb == "patch":
            patch_type(call)
        raise bad_request("name must be provided")


def subresource_of(call: Call) -> Subresource:
    """The subresource the call names; only for handlers registered for one."""
    found = call.resource.subresource(call.info.subresource)
    assert found is not None
    return found
