"""Which operations a resource has: paths, methods, operation ids, parameters.

One neutral form that v3.py and v2.py write down in their ways. Names follow upstream's generator, so that generated
clients get the method names people know (readAppsV1NamespacedDeployment).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from minik.api.schema import types
from minik.api.schema.types import GroupVersionKind
from minik.api.scheme import Resource, Subresource

MEDIA_TYPES = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
_CUSTOM_TYPES = ("application/json", "application/yaml")
_STATUS = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_STREAMS = {"attach", "exec", "portforward", "proxy", "log"}  # speak neither JSON nor an API type
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_GRACE = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_COLLECTION = tuple(sorted({*_GRACE, *_LIST} - {"allowWatchBookmarks", "watch"}))
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_PATCH = (*_WRITE, "force")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `body` and `answer` are names of types ("" for none).

    `accepts` and `answers`: media types of bodies that come and go.
    """

    path: str
    method: str
    action: str
    operation_id: str
    description: str
    kind: GroupVersionKind
    tag: str
    parameters: tuple[str, ...] = ()
    body: str = ""
    answer: str = ""
    codes: tuple[str, ...] = ("200",)
    watchable: bool = False
    accepts: tuple[str, ...] = ("*/*",)
    answers: tuple[str, ...] = MEDIA_TYPES

    @property
    def path_parameters(self) -> list[str]:
        return sorted(_PATH_PARAMETER.findall(self.path))


def of_resource(resource: Resource, type_name: str, list_name: str) -> Iterator[Operation]:
    """Every operation of a resource and its subresources."""
    build = _Builder(resource, type_name)
    yield from build.collection(list_name)
    yield from build.item()
    for sub in sorted(resource.subresources, key=lambda s: s.name):
        yield from build.subresource(sub)


def base_path(group: str, version: str) -> str:
    return f"/apis/{group}/{version}" if group else f"/api/{version}"


def title(group: str) -> str:
    """`RbacAuthorization` of rbac.authorization.k8s.io, `Core` of the core group."""
    parts = re.split(r"[.\-]", group.removesuffix(".k8s.io")) if group else ["core"]
    return "".join(part[:1].upper() + part[1:] for part in parts)


def _with_article(kind: str) -> str:
    """Plurals have none."""
    if kind.endswith("s") and not kind.endswith("ss"):
        return kind
    return f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"


class _Builder:
    """What is said of custom resources differs in places: upstream's texts of theirs come from elsewhere."""

    def __init__(self, resource: Resource, type_name: str) -> None:
        self.resource = resource
        self.custom = resource.custom
        self.accepts = _CUSTOM_TYPES if resource.custom else ("*/*",)
        self.answers = _CUSTOM_TYPES if resource.custom else MEDIA_TYPES
        self.type_name = type_name
        self.kind = GroupVersionKind(resource.group, resource.version, resource.kind)
        version = resource.version[:1].upper() + resource.version[1:]
        self.prefix = title(resource.group) + version
        group = title(resource.group)
        self.tag = f"{group[:1].lower()}{group[1:]}_{resource.version}"
        self.base = base_path(resource.group, resource.version)
        self.scope = "Namespaced" if resource.namespaced else ""
        namespaces = "/namespaces/{namespace}" if resource.namespaced else ""
        # clients that find strategic merge patches offered use them
        self.patch_types = _PATCH_TYPES[:3] if resource.custom else _PATCH_TYPES
        self.collection_path = f"{self.base}{namespaces}/{resource.plural}"
        self.item_path = self.collection_path + "/{name}"

    def has(self, verb: str) -> bool:
        return verb in self.resource.verbs

    def collection(self, list_name: str) -> Iterator[Operation]:
        kind, path = self.resource.kind, self.collection_path
        if self.has("list"):
            listing = f"{'list' if self.custom else 'list or watch'} objects of kind {kind}"
            if self.resource.namespaced:
                operation_id = f"list{self.prefix}{kind}ForAllNamespaces"
                everywhere = f"{self.base}/{self.resource.plural}"
                yield self._read(everywhere, "list", operation_id, listing, list_name)
            operation_id = f"list{self.prefix}{self.scope}{kind}"
            yield self._read(path, "list", operation_id, listing, list_name)
        if self.has("create"):
            yield self._write(
                path, "post", "create", f"create {_with_article(kind)}", self.type_name, ("200", "201", "202")
            )
        if self.has("deletecollection"):
            yield Operation(
                path,
                "delete",
                "deletecollection",
                f"delete{self.prefix}Collection{self.scope}{kind}",
                f"delete collection of {kind}",
                self.kind,
                self.tag,
                _LIST if self.custom else _COLLECTION,
                body="" if self.custom else _DELETE_OPTIONS,
                answer=_STATUS,
                accepts=self.accepts,
                answers=self.answers,
            )

    def item(self) -> Iterator[Operation]:
        kind, path = self.resource.kind, self.item_path
        if self.has("get"):
            operation_id = f"read{self.prefix}{self.scope}{kind}"
            yield self._read(path, "get", operation_id, f"read the specified {kind}", self.type_name)
        if self.has("update"):
            yield self._write(path, "put", "replace", f"replace the specified {kind}", self.type_name)
        if self.has("patch"):
            yield self._write(path, "patch", "patch", f"partially update the specified {kind}", self.type_name)
        if self.has("delete"):
            yield Operation(
                path,
                "delete",
                "delete",
                f"delete{self.prefix}{self.scope}{kind}",
                f"delete {_with_article(kind)}",
                self.kind,
                self.tag,
                _GRACE,
                body=_DELETE_OPTIONS,
                answer=_STATUS,
                codes=("200", "202"),
                accepts=self.accepts,
                answers=self.answers,
            )

    def subresource(self, sub: Subresource) -> Iterator[Operation]:
        """`sub.kind` speaks; streams have no type in the schema."""
        kind = GroupVersionKind(
            sub.kind_group if sub.kind_version else self.kind.group, sub.kind_version or self.kind.version, sub.kind
        )
        path, name = f"{self.item_path}/{sub.name}", sub.name[:1].upper() + sub.name[1:]
        if sub.name in _STREAMS:
            yield from self._streams(sub, path, name, kind)
            return
        spoken = self.kind if self.custom else kind
        same = (kind.group, kind.version, kind.kind) == tuple(self.kind)
        type_name = self.type_name if same else types.name_of(*kind) or ""
        what = f"{sub.name} of the specified {self.resource.kind}"
        if "get" in sub.verbs:
            operation_id = f"read{self.prefix}{self.scope}{self.resource.kind}{name}"
            yield self._read(path, "get", operation_id, f"read {what}", type_name, spoken)
        if "create" in sub.verbs:
            what_new = f"create {what}"
            yield self._write(path, "post", "create", what_new, type_name, ("200", "201", "202"), name, spoken)
        if "update" in sub.verbs:
            yield self._write(path, "put", "replace", f"replace {what}", type_name, suffix=name, kind=spoken)
        if "patch" in sub.verbs:
            yield self._write(path, "patch", "patch", f"partially update {what}", type_name, suffix=name, kind=spoken)

    def _streams(self, sub: Subresource, path: str, name: str, kind: GroupVersionKind) -> Iterator[Operation]:
        methods = {"get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
        for verb in sorted(set(sub.verbs) & methods.keys()):
            method = methods[verb]
            if sub.name == "log":
                operation_id, action = f"read{self.prefix}{self.scope}{self.resource.kind}{name}", "get"
            else:
                start = f"connect{self.prefix}{method.capitalize()}"
                operation_id, action = f"{start}{self.scope}{self.resource.kind}{name}", "connect"
            about = f"connect {method.upper()} requests to {sub.name} of {self.resource.kind}"
            yield Operation(path, method, action, operation_id, about, kind, self.tag, answers=("*/*",))

    def _read(
        self, path: str, action: str, operation_id: str, about: str, answer: str, kind: GroupVersionKind | None = None
    ) -> Operation:
        listing = action == "list"
        return Operation(
            path,
            "get",
            action,
            operation_id,
            about,
            kind or self.kind,
            self.tag,
            _LIST if listing else ("resourceVersion",) if self.custom else (),
            answer=answer,
            watchable=listing and not self.custom,
            accepts=self.accepts,
            answers=self.answers,
        )

    def _write(
        self,
        path: str,
        method: str,
        verb: str,
        about: str,
        type_name: str,
        codes: tuple[str, ...] = ("200", "201"),
        suffix: str = "",
        kind: GroupVersionKind | None = None,
    ) -> Operation:
        patch = method == "patch"
        return Operation(
            path,
            method,
            method,
            f"{verb}{self.prefix}{self.scope}{self.resource.kind}{suffix}",
            about,
            kind or self.kind,
            self.tag,
            _PATCH if patch else _WRITE,
            body="io.k8s.apimachinery.pkg.apis.meta.v1.Patch" if patch else type_name,
            answer=type_name,
            codes=("200",) if patch and self.custom else codes,
            accepts=self.patch_types if patch else self.accepts,
            answers=self.answers,
        )
