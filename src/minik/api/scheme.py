"""What the API server knows about resources: one `Resource` per (group, version, plural), kept in a `Scheme`.

A room under `api/groups/` describes one kind and exports `RESOURCES`, a tuple of these. Everything here is data and
pure functions; nothing does I/O. A kind that leaves a hook out gets upstream's generic behaviour.
Rules: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

if TYPE_CHECKING:
    from minik.api.schema.types import Shape

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


def _nothing(_: Obj) -> None:
    return None


def _nothing_to_compare(_new: Obj, _old: Obj) -> None:
    return None


def _valid(_: Obj) -> list[FieldError]:
    return []


def _valid_update(_new: Obj, _old: Obj) -> list[FieldError]:
    return []


def _no_warnings(_new: Obj, _old: Obj | None) -> list[str]:
    return []


def _no_warnings_yet(_: Obj) -> list[str]:
    return []


def _same(obj: Obj) -> Obj:
    return obj


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """The rules of one kind's writes (upstream: the registry strategies). All functions get whole objects.

    Order on create: default -> mutating admission -> default -> prepare_create -> validate -> validating admission.
    Order on update: default -> mutating admission -> default -> prepare_update -> validate_update -> admission.
    `metadata` (names, labels, annotations, owner references, finalizers, generation) is prepared and validated by
    the registry for every kind; hooks deal with the rest. On update the registry has already carried over what no
    client may change in metadata, and bumps `metadata.generation` when `generation_changes(new, old)`.
    """

    default: Callable[[Obj], None] = _nothing
    prepare_create: Callable[[Obj], None] = _nothing
    prepare_update: Callable[[Obj, Obj], None] = _nothing_to_compare
    validate: Callable[[Obj], list[FieldError]] = _valid
    validate_update: Callable[[Obj, Obj], list[FieldError]] = _valid_update
    canonicalize: Callable[[Obj], None] = _nothing  # what is valid, before it is stored and answered
    warn: Callable[[Obj, Obj | None], list[str]] = _no_warnings
    warn_sent: Callable[[Obj], list[str]] = _no_warnings_yet  # of a new object before prepare_create, valid or not
    has_generation: bool = False
    generation_changes: Callable[[Obj, Obj], bool] | None = None  # None: `spec` differs
    create_on_update: bool = False
    unconditional_update: bool = True
    # seconds of grace for a delete that asked for `requested` (None: not said); 0 deletes at once; None: not graceful
    grace_period: Callable[[Obj, int | None], int] | None = None
    default_propagation: str = "Background"  # "Orphan" for the few old kinds
    deletion_warning: str = ""  # what a DELETE is warned of that leaves propagation to the kind
    undeletable: Mapping[str, str] = field(default_factory=dict)  # names no DELETE may name: why
    # (name, is_prefix) -> complaints; None: DNS-1123 subdomain
    name_errors: Callable[[str, bool], list[str]] | None = None
    # the first DELETE of an object marks it, and it stays until its finalizers are gone: (object, now) -> None
    hold: Callable[[Obj, datetime], None] | None = None
    # what the kind's own validation of an update asks of metadata once more, each time with a cause of its own:
    # "update" (what may change), "create" (the rules of a new object)
    metadata_checks: Sequence[str] = ("update",)
    # fields this endpoint ignores or resets, as field-set paths: ("status",) or ("spec", "x")
    reset_fields: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """`pods/status`, `deployments/scale`, `pods/exec`, ...

    kind_* is what the subresource speaks in discovery (Scale, Eviction, TokenRequest, PodExecOptions...).
    `status`-like subresources (update of part of the same object) carry a Strategy; the others are served by a
    handler of that name in server/apiserver/subresources/.
    """

    name: str
    kind: str
    kind_group: str = ""
    kind_version: str = ""
    verbs: Sequence[str] = ("get", "patch", "update")
    strategy: Strategy | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a Table (meta/v1 TableColumnDefinition)."""

    name: str
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Everything the API server knows of one resource in one version.

    `type_name` is the OpenAPI name of its schema (io.k8s.api.apps.v1.Deployment). `storage` is where and in which
    version it is kept: ("apps", "v1", "deployments"); resources that are the same objects in other versions or
    groups (events, HPA v1) share it, and from_storage/to_storage translate (both may change their argument and
    return it). A virtual resource (reviews, componentstatuses) has `stored=False` and a handler of its own.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    type_name: str
    namespaced: bool = True
    short_names: Sequence[str] = ()
    categories: Sequence[str] = ()
    verbs: Sequence[str] = ALL_VERBS
    strategy: Strategy = field(default_factory=Strategy)
    subresources: Sequence[Subresource] = ()
    columns: Sequence[Column] = (Column("Name", format="name"), Column("Age"))
    # cells of one row, same order as columns; None: name and creation time
    cells: Callable[[Obj, datetime], list[Any]] | None = None
    # what the rows of a listed Table are sorted by; None: as listed
    row_order: Callable[[Obj], Any] | None = None
    # TableRowConditions of one row (finished Pods are marked Completed); None: none
    row_conditions: Callable[[Obj], list[Obj]] | None = None
    # field selector label -> getter; metadata.name and metadata.namespace are always there
    selectable_fields: Mapping[str, Callable[[Obj], str]] = field(default_factory=dict)
    storage: GVR | None = None
    from_storage: Callable[[Obj], Obj] = _same
    to_storage: Callable[[Obj], Obj] = _same
    stored: bool = True
    list_kind: str = ""
    storage_version_hash: str = ""
    deprecation: str = ""  # text of the Warning header every request gets
    custom: bool = False  # defined by a CustomResourceDefinition
    shape: "Shape | None" = None  # of a custom resource: schema.structural.shape(its openAPIV3Schema)
    # of a custom resource: values stored after this revision need no pruning and defaulting when they are read
    written_since: int = 0
    scale_paths: Mapping[str, str] | None = None  # of a custom resource: spec.versions[].subresources.scale
    converted_by: Mapping[str, Any] | None = None  # of a custom resource: spec.conversion.webhook

    @property
    def gvr(self) -> GVR:
        return GVR(self.group, self.version, self.plural)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def error_group(self) -> str:
        """The group that errors about its objects name: that of their storage, which events.k8s.io shares with v1."""
        return self.storage.group if self.storage else self.group

    @property
    def kube_finalizers(self) -> bool:
        """Whether its finalizers need a domain: those of the core validation do, but not what extends the API."""
        return not self.custom and self.group not in ("apiextensions.k8s.io", "apiregistration.k8s.io")

    def subresource(self, name: str) -> Subresource | None:
        return next((s for s in self.subresources if s.name == name), None)


class Scheme:
    """All resources served. Built once at start; CRDs add and remove entries while running.

    `generation` grows with every change, for those who keep what they computed from the scheme.
    """

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_gvr: dict[GVR, Resource] = {}
        self._by_kind: dict[tuple[str, str, str], Resource] = {}
        self.generation = 0
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        self.generation += 1
        self._by_gvr[resource.gvr] = resource
        self._by_kind[resource.group, resource.version, resource.kind] = resource

    def remove(self, gvr: GVR) -> None:
        self.generation += 1
        resource = self._by_gvr.pop(gvr, None)
        if resource is not None:
            self._by_kind.pop((resource.group, resource.version, resource.kind), None)

    def get(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_gvr.get(GVR(group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> Resource | None:
        return self._by_kind.get((group, version, kind))

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._by_gvr.values()))  # OpenAPI documents are built in threads
