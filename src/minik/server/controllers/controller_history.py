"""ControllerRevisions: the history of the templates of DaemonSets and StatefulSets.

Rules: kubernetes/pkg/controller/history. As with Deployments the hash is of canonical JSON.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from minik.api.selectors import LabelSelector
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.informer import Informer
from minik.server.controllers import indexes
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.deployment_revision import template_hash, without_empty
from minik.server.controllers.objects import annotations_of, is_deleting, labels_of, own_copy, owner_reference

CONTROLLER_REVISIONS = GVR("apps", "v1", "controllerrevisions")
HASH_LABEL = "controller-revision-hash"
COLLISION_LIMIT = 20


class HashCollisionError(Exception):
    """Another object has every name tried; the next run tries again."""


def template_data(template: Obj) -> Obj:
    """A revision's data: the patch that brings this template back.

    With sorted keys, as Go writes maps: kubectl and others find the present revision by comparing bytes.
    """
    data = {"spec": {"template": {**template, "$patch": "replace"}}}
    ordered: Obj = orjson.loads(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))
    return ordered


def template_of(revision: Obj) -> Obj:
    template = own_copy(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template


def hash_of(revision: Obj) -> str:
    return labels_of(revision).get(HASH_LABEL, "")


def by_revision(revisions: Iterable[Obj]) -> list[Obj]:
    return sorted(revisions, key=lambda r: (r["revision"], r["metadata"].get("creationTimestamp", "")))


def build(owner: Owner, template: Obj, number: int, collisions: int) -> Obj:
    digest = template_hash(template, collisions)
    name = owner.obj["metadata"]["name"][:223]
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{name}-{digest}",
            "namespace": owner.obj["metadata"]["namespace"],
            "labels": {**labels, HASH_LABEL: digest},
            "annotations": dict(annotations_of(owner.obj)),  # kubectl shows the change-cause of each
            "ownerReferences": [owner_reference(owner.obj, owner.api_version, owner.kind)],
        },
        "data": template_data(template),
        "revision": number,
    }


async def claimed(client: Client, owner: Owner, revisions: Informer, selector: LabelSelector) -> list[Obj]:
    """The owner's revisions: those it has, and orphans that match, such as a deleted owner of that name left."""
    candidates = [
        *revisions.by_index(indexes.CONTROLLER, owner.obj["metadata"]["uid"]),
        *revisions.by_index(indexes.ORPHANS, owner.obj["metadata"]["namespace"]),
    ]
    return await claim(client, owner, CONTROLLER_REVISIONS, candidates, lambda one: selector.matches(labels_of(one)))


async def latest(client: Client, owner: Owner, revisions: Sequence[Obj], template: Obj) -> Obj:
    """The revision of the present template, made the newest: found, or created."""
    ordered = by_revision(revisions)
    number = ordered[-1]["revision"] + 1 if ordered else 1
    wanted = without_empty(template_data(template))
    equal = [revision for revision in ordered if without_empty(revision["data"]) == wanted]
    if not equal:
        return await _create(client, owner, template, number)
    if equal[-1] is ordered[-1]:
        return equal[-1]
    changed = {**equal[-1], "revision": number}
    return await client.update(CONTROLLER_REVISIONS, changed, owner.obj["metadata"]["namespace"])


async def _create(client: Client, owner: Owner, template: Obj, number: int) -> Obj:
    namespace = owner.obj["metadata"]["namespace"]
    collisions = (owner.obj.get("status") or {}).get("collisionCount") or 0
    for attempt in range(collisions, collisions + COLLISION_LIMIT):
        wanted = build(owner, template, number, attempt)
        try:
            return await client.create(CONTROLLER_REVISIONS, wanted, namespace)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        found = await client.get(CONTROLLER_REVISIONS, wanted["metadata"]["name"], namespace)
        if without_empty(found["data"]) == without_empty(wanted["data"]):
            return found
    raise HashCollisionError(f"no free name for a revision of {owner.obj['metadata']['name']}")


def duplicates(revisions: Iterable[Obj], latest: Obj) -> list[Obj]:
    """The other revisions with the template of `latest`."""
    data, name = without_empty(latest["data"]), latest["metadata"]["name"]
    return [one for one in revisions if one["metadata"]["name"] != name and without_empty(one["data"]) == data]


def superfluous(revisions: Iterable[Obj], in_use: set[Any], limit: int) -> list[Obj]:
    """The oldest revisions beyond the limit. `in_use` holds names and hashes that Pods or the status refer to."""
    spare = [
        revision
        for revision in by_revision(revisions)
        if revision["metadata"]["name"] not in in_use and hash_of(revision) not in in_use and not is_deleting(revision)
    ]
    return spare[: max(0, len(spare) - limit)]


async def forget(client: Client, revisions: Iterable[Obj]) -> None:
    for revision in revisions:
        metadata = revision["metadata"]
        try:
            await client.delete(CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
        except StatusError as error:
            if error.code != 404:
                raise
