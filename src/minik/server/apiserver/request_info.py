"""What a request asks for: path and method turned into group, version, resource, namespace, name, subresource and verb.

Pure. Rules: apiserver's RequestInfoFactory, https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_STREAMING = frozenset({"proxy"})  # subresources that keep the rest of the path


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request, taken apart. `verb` is the API verb for resources, the lower-case method otherwise.

    `well_formed` is false for a path below /api or /apis that no resource can have (answered with 404).
    """

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""  # what follows a proxy subresource, with its leading slash
    has_namespace: bool = False
    well_formed: bool = True


def truthy(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """A boolean parameter as Go's url.Values conversion reads it: given, and not "false" or "0"."""
    values = query.get(name)
    return values is not None and len(values) > 0 and values[0].lower() not in ("false", "0")


def resolve(method: str, path: str, query: Mapping[str, Sequence[str]]) -> RequestInfo:
    """Take a request apart. `path` is the raw, still percent-encoded path without the query."""
    if query and method in ("GET", "HEAD") and truthy(query, "watch"):
        return _resolve(method, path, True)
    return _resolve(method, path, False)


@lru_cache(maxsize=4096)
def _resolve(method: str, path: str, watch: bool) -> RequestInfo:
    parts = path.split("/")
    if parts[-1] == "" and len(parts) > 2:
        parts.pop()
    if len(parts) >= 4 and parts[1] == "api":
        group, version, rest = "", parts[2], parts[3:]
    elif len(parts) >= 5 and parts[1] == "apis":
        group, version, rest = parts[2], parts[3], parts[4:]
    else:
        return RequestInfo(method.lower(), unquote(path) if "%" in path else path)
    segments = [unquote(part) if "%" in part else part for part in rest]
    well_formed = "" not in segments and not any("/" in segment for segment in segments)
    old_watch = segments[0] == "watch" and len(segments) > 1  # the old form /api/v1/watch/...
    if old_watch:
        segments = segments[1:]
    return _resource_info(method, path, group, version, segments, watch, old_watch, well_formed)


def _resource_info(
    method: str,
    path: str,
    group: str,
    version: str,
    segments: list[str],
    watch: bool,
    old_watch: bool,
    well_formed: bool,
) -> RequestInfo:
    namespace, has_namespace = "", False
    if segments[0] == "namespaces" and not group:
        if len(segments) > 1:
            namespace = segments[1]
        if len(segments) > 2 and segments[2] not in _NAMESPACE_SUBRESOURCES:
            segments, has_namespace = segments[2:], True
    elif segments[0] == "namespaces" and len(segments) > 2:
        namespace, segments, has_namespace = segments[1], segments[2:], True
    resource = segments[0]
    name = segments[1] if len(segments) > 1 else ""
    subresource = segments[2] if len(segments) > 2 else ""
    rest = ""
    if len(segments) > 3:
        if subresource in _STREAMING:
            rest = "/" + "/".join(segments[3:])
            well_formed = True
        else:
            well_formed = False
    if subresource in _STREAMING and path.endswith("/"):
        rest += "/"
    return RequestInfo(
        _verb(method, name, watch, old_watch),
        path,
        True,
        group,
        version,
        namespace,
        resource,
        name,
        subresource,
        rest,
        has_namespace,
        well_formed,
    )


def _verb(method: str, name: str, watch: bool, old_watch: bool) -> str:
    verb = _VERBS.get(method, "")  # upstream knows no other methods of resources
    if old_watch:
        return "watch" if verb == "get" else ""
    if not name:
        if verb == "get":
            return "watch" if watch else "list"
        return "deletecollection" if verb == "delete" else verb
    return verb  # a parameter makes no watch of the read of one object
