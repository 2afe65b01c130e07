"""The graph of owner references that garbage collection walks; pure, fed by changes of every resource.

Keeps identity, owners and the state of deletion of each object, never the objects.
Rules: kubernetes/pkg/controller/garbagecollector/graph_builder.go.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from minik.api.types import GVR, Obj
from minik.client.informer import Change
from minik.server.controllers.discovery import ApiResource

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"  # finalizers


def slim(obj: Obj) -> Obj:
    """All that garbage collection needs of an object; the transform of its own informers."""
    metadata = obj["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "ownerReferences", "finalizers", "deletionTimestamp")
    return {"metadata": {name: metadata[name] for name in names if name in metadata}}


def slim_definition(obj: Obj) -> Obj:
    """A CustomResourceDefinition with the kinds it defines, too."""
    spec = obj["spec"]
    versions = [{"name": version["name"]} for version in spec["versions"]]
    return {
        **slim(obj),
        "spec": {"group": spec["group"], "names": {"kind": spec["names"]["kind"]}, "versions": versions},
    }


def defined_kinds(definition: Obj) -> list[tuple[str, str]]:
    """(apiVersion, kind) of every version of a CustomResourceDefinition."""
    spec = definition["spec"]
    return [(f"{spec['group']}/{version['name']}", spec["names"]["kind"]) for version in spec["versions"]]


@dataclass(slots=True)
class Node:
    uid: str
    gvr: GVR
    kind: str
    namespace: str
    name: str
    owners: tuple[Obj, ...] = ()
    deleting: bool = False
    deleting_dependents: bool = False  # deleted in the foreground: waits for its dependents
    orphaning: bool = False


@dataclass(slots=True)
class Effects:
    """What a change asks for, by uid: look whether to delete; detach the dependents of."""

    look_at: set[str] = field(default_factory=set)
    orphan: set[str] = field(default_factory=set)
    misplaced: list[tuple[Node, Obj]] = field(default_factory=list)  # owner references across namespaces


class OwnerGraph:
    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}  # uid of an owner, known or not -> uids

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        return [self._nodes[dependent] for dependent in self._dependents.get(uid, ())]

    def blocking_dependents(self, uid: str) -> Iterator[Node]:
        for node in self.dependents(uid):
            if any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in node.owners):
                yield node

    def apply(self, resource: ApiResource, change: Change) -> Effects:
        effects = Effects()
        if change.new is None:
            self._remove(change.obj["metadata"]["uid"], effects)
            return effects
        if change.old is not None and change.old["metadata"]["uid"] != change.new["metadata"]["uid"]:
            self._remove(change.old["metadata"]["uid"], effects)
        self._put(_node(resource, change.new), effects)
        return effects

    def forget(self, gvr: GVR) -> set[str]:
        """The resource is no longer served: nothing can be said about its objects. Returns their dependents' uids."""
        dependents: set[str] = set()
        for node in [node for node in self._nodes.values() if node.gvr == gvr]:
            self._unlink(node)
            del self._nodes[node.uid]
            dependents.update(self._dependents.get(node.uid, ()))
        return dependents

    def _put(self, node: Node, effects: Effects) -> None:
        old = self._nodes.get(node.uid)
        if old is not None:
            self._unlink(old)
            self._note_unblocked(old, node, effects)
        self._nodes[node.uid] = node
        for reference in node.owners:
            self._dependents.setdefault(reference["uid"], set()).add(node.uid)
        self._check_owners(node, old, effects)
        if old is None:
            self._check_dependents(node, effects)
        if node.deleting_dependents and not (old is not None and old.deleting_dependents):
            effects.look_at.add(node.uid)
            effects.look_at.update(self._dependents.get(node.uid, ()))
        if node.orphaning and not (old is not None and old.orphaning):
            effects.orphan.add(node.uid)

    def _check_owners(self, node: Node, old: Node | None, effects: Effects) -> None:
        known = {reference["uid"] for reference in old.owners} if old is not None else set()
        for reference in node.owners:
            owner = self._nodes.get(reference["uid"])
            if owner is None or owner.deleting_dependents or not refers_to(node, reference, owner):
                effects.look_at.add(node.uid)
            if owner is not None and reference["uid"] not in known and owner.namespace not in ("", node.namespace):
                effects.misplaced.append((node, reference))

    def _check_dependents(self, owner: Node, effects: Effects) -> None:
        """Those that named an owner nobody had seen yet, which turns out to be something else or somewhere else."""
        for dependent in self.dependents(owner.uid):
            for reference in dependent.owners:
                if reference["uid"] == owner.uid and not refers_to(dependent, reference, owner):
                    effects.look_at.add(dependent.uid)
                    if owner.namespace not in ("", dependent.namespace):
                        effects.misplaced.append((dependent, reference))

    def _note_unblocked(self, old: Node, new: Node, effects: Effects) -> None:
        """Owners that waited for this object and need not any more."""
        blocking = {reference["uid"] for reference in new.owners if reference.get("blockOwnerDeletion")}
        for reference in old.owners:
            if reference.get("blockOwnerDeletion") and reference["uid"] not in blocking:
                self._look_at_waiting(reference["uid"], effects)

    def _remove(self, uid: str, effects: Effects) -> None:
        node = self._nodes.pop(uid, None)
        if node is None:
            return
        self._unlink(node)
        effects.look_at.update(self._dependents.get(uid, ()))
        for reference in node.owners:
            self._look_at_waiting(reference["uid"], effects)

    def _look_at_waiting(self, uid: str, effects: Effects) -> None:
        owner = self._nodes.get(uid)
        if owner is not None and owner.deleting_dependents:
            effects.look_at.add(uid)

    def _unlink(self, node: Node) -> None:
        for reference in node.owners:
            dependents = self._dependents.get(reference["uid"])
            if dependents is not None:
                dependents.discard(node.uid)
                if not dependents:
                    del self._dependents[reference["uid"]]


def refers_to(dependent: Node, reference: Obj, owner: Node) -> bool:
    """Whether the reference's coordinates are the owner's, not only its uid."""
    group = reference["apiVersion"].rpartition("/")[0]
    same = (reference["kind"], reference["name"], group) == (owner.kind, owner.name, owner.gvr.group)
    return same and owner.namespace in ("", dependent.namespace)


def split_references(references: Iterable[Obj], uids: set[str]) -> list[Obj]:
    """The references that stay when those to `uids` are taken away."""
    return [reference for reference in references if reference["uid"] not in uids]


def _node(resource: ApiResource, obj: Obj) -> Node:
    metadata = obj["metadata"]
    deleting = "deletionTimestamp" in metadata
    finalizers = metadata.get("finalizers") or ()
    return Node(
        uid=metadata["uid"],
        gvr=resource.gvr,
        kind=resource.kind,
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        owners=tuple(metadata.get("ownerReferences") or ()),
        deleting=deleting,
        deleting_dependents=deleting and FOREGROUND in finalizers,
        orphaning=deleting and ORPHAN in finalizers,
    )
