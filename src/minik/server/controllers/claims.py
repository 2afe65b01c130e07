"""Who belongs to a controller: adopt what matches and has no owner, release what no longer matches.

Rules: kubernetes/pkg/controller/controller_ref_manager.go.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.server.controllers.objects import controller_of, is_deleting, owner_reference


@dataclass(slots=True)
class Claims:
    """`owned` stay; `adopt` and `release` need a write."""

    owned: list[Obj] = field(default_factory=list)
    adopt: list[Obj] = field(default_factory=list)
    release: list[Obj] = field(default_factory=list)


def sort_claims(owner: Obj, candidates: Iterable[Obj], belongs: Callable[[Obj], bool]) -> Claims:
    """`belongs` says whether the owner's selector matches. Candidates are of the owner's namespace."""
    claims = Claims()
    uid, deleting = owner["metadata"]["uid"], is_deleting(owner)
    for obj in candidates:
        reference = controller_of(obj)
        if reference is not None:
            if reference["uid"] != uid:
                continue
            if belongs(obj):
                claims.owned.append(obj)
            elif not deleting:
                claims.release.append(obj)
        elif not deleting and not is_deleting(obj) and belongs(obj):
            claims.adopt.append(obj)
    return claims


@dataclass(frozen=True, slots=True)
class Owner:
    """The owning object and how it is written in references."""

    resource: GVR
    kind: str
    obj: Obj

    @property
    def api_version(self) -> str:
        return self.resource.api_version


async def claim(
    client: Client,
    owner: Owner,
    resource: GVR,
    candidates: Iterable[Obj],
    belongs: Callable[[Obj], bool],
    *,
    finalizer: str = "",
) -> list[Obj]:
    """Adopt and release as needed; the objects that are the owner's afterwards.

    `finalizer` comes with adoption and goes with release.
    """
    claims = sort_claims(owner.obj, candidates, belongs)
    if claims.adopt and not await _still_wants(client, owner):
        claims.adopt.clear()
    for obj in claims.adopt:
        if (adopted := await _adopt(client, owner, resource, obj, finalizer)) is not None:
            claims.owned.append(adopted)
    for obj in claims.release:
        await _release(client, owner, resource, obj, finalizer)
    return claims.owned


async def _still_wants(client: Client, owner: Owner) -> bool:
    """Ask the API, not the cache, before adopting: a deleted owner must not (upstream: RecheckDeletionTimestamp)."""
    metadata = owner.obj["metadata"]
    try:
        fresh = await client.get(owner.resource, metadata["name"], metadata["namespace"])
    except StatusError as error:
        if error.code == 404:
            return False
        raise
    return fresh["metadata"]["uid"] == metadata["uid"] and not is_deleting(fresh)


async def _adopt(client: Client, owner: Owner, resource: GVR, obj: Obj, finalizer: str) -> Obj | None:
    reference = owner_reference(owner.obj, owner.api_version, owner.kind)
    metadata = obj["metadata"]
    references = [*metadata.get("ownerReferences", ()), reference]
    patch = {"metadata": {"uid": metadata["uid"], "ownerReferences": references}}
    if finalizer:
        patch["metadata"]["finalizers"] = [finalizer]  # merged with those there are
    return await _patch(client, resource, obj, patch)


async def _release(client: Client, owner: Owner, resource: GVR, obj: Obj, finalizer: str) -> None:
    metadata = obj["metadata"]
    gone = [{"$patch": "delete", "uid": owner.obj["metadata"]["uid"]}]
    patch = {"metadata": {"uid": metadata["uid"], "ownerReferences": gone}}
    if finalizer in (metadata.get("finalizers") or ()):
        patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = [finalizer]
    await _patch(client, resource, obj, patch)


async def _patch(client: Client, resource: GVR, obj: Obj, patch: Obj) -> Obj | None:
    metadata = obj["metadata"]
    try:
        return await client.patch(
            resource, metadata["name"], patch, metadata["namespace"], patch_type=STRATEGIC_MERGE_PATCH
        )
    except StatusError as error:
        if error.code in (404, 422):  # gone, or another object of that name, or it got an owner meanwhile
            return None
        raise
