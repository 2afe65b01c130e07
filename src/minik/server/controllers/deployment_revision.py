"""ReplicaSets of a Deployment as its history: which is the new one, revisions, annotations, names.

Rules: kubernetes/pkg/controller/deployment/util/deployment_util.go. The hash in names is FNV-1a of the template's
canonical JSON, not of Go's memory layout as upstream; all that matters is that it is stable.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from minik.api.types import Obj
from minik.server.controllers.objects import annotations_of, own_copy, owner_reference

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
HASH_LABEL = "pod-template-hash"
HISTORY_LENGTH = 2000  # characters

_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
}
_SAFE = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: no words


def template_hash(template: Obj, collisions: int | None) -> str:
    """The pod-template-hash; `collisions` (status.collisionCount) makes it another one."""
    value = 0x811C9DC5
    data = orjson.dumps(without_empty(template), option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(value))


def same_template(one: Obj, other: Obj) -> bool:
    """Equal but for the pod-template-hash label; absent and empty are the same, as to Go's DeepEqual."""
    return bool(without_empty(without_hash(one)) == without_empty(without_hash(other)))


def without_hash(template: Obj) -> Obj:
    """The template without the pod-template-hash label, as the Deployment has it."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != HASH_LABEL}
    return {**template, "metadata": {**metadata, "labels": labels}}


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = ((name, without_empty(item)) for name, item in value.items())
        return {name: item for name, item in kept if item is not None and item != {} and item != []}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def by_creation(sets: Iterable[Obj]) -> list[Obj]:
    return sorted(sets, key=lambda rs: (rs["metadata"].get("creationTimestamp", ""), rs["metadata"]["name"]))


def find_new(deployment: Obj, sets: Sequence[Obj]) -> Obj | None:
    """The oldest ReplicaSet with the Deployment's template."""
    template = deployment["spec"]["template"]
    return next((rs for rs in by_creation(sets) if same_template(rs["spec"]["template"], template)), None)


def revision(obj: Obj) -> int:
    return _number(annotations_of(obj).get(REVISION)) or 0


def next_revision(old_sets: Iterable[Obj]) -> int:
    return max([revision(rs) for rs in old_sets], default=0) + 1


def desired_replicas(replica_set: Obj) -> int | None:
    return _number(annotations_of(replica_set).get(DESIRED_REPLICAS))


def max_replicas(replica_set: Obj) -> int | None:
    return _number(annotations_of(replica_set).get(MAX_REPLICAS))


def _number(text: Any) -> int | None:
    try:
        return int(text)
    except (TypeError, ValueError):
        return None


def set_annotations(deployment: Obj, current: dict[str, str], new_revision: int) -> dict[str, str]:
    """The annotations of the new ReplicaSet: the Deployment's, its revision, and the revisions it had before."""
    annotations = {**current}
    annotations |= {name: value for name, value in annotations_of(deployment).items() if name not in _NOT_COPIED}
    old = current.get(REVISION)
    if (_number(old) or 0) < new_revision:
        annotations[REVISION] = str(new_revision)
        if old is not None:
            annotations[REVISION_HISTORY] = _history(current.get(REVISION_HISTORY, ""), old)
    return annotations


def annotations_of_rolled_back(deployment: Obj, target: Obj) -> dict[str, str]:
    """A Deployment's annotations after going back to `target`: that ReplicaSet's, but for the controller's own."""
    own = {name: value for name, value in annotations_of(deployment).items() if name in _NOT_COPIED}
    return own | {name: value for name, value in annotations_of(target).items() if name not in _NOT_COPIED}


def _history(history: str, old: str) -> str:
    revisions = [*history.split(","), old] if history else [old]
    while len(",".join(revisions)) > HISTORY_LENGTH and len(revisions) > 1:
        revisions.pop(0)
    return ",".join(revisions)


def replicas_annotations(desired: int, maximum: int) -> dict[str, str]:
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(maximum)}


def build_replica_set(deployment: Obj, new_revision: int, maximum: int) -> Obj:
    """The ReplicaSet for the Deployment's present template, without replicas yet."""
    spec, metadata = deployment["spec"], deployment["metadata"]
    pod_hash = template_hash(spec["template"], (deployment.get("status") or {}).get("collisionCount"))
    template = own_copy(spec["template"])
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    labels[HASH_LABEL] = pod_hash
    selector = own_copy(spec["selector"])
    selector.setdefault("matchLabels", {})[HASH_LABEL] = pod_hash
    annotations = set_annotations(deployment, {}, new_revision)
    annotations |= replicas_annotations(spec.get("replicas", 1), maximum)
    replica_set: Obj = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{metadata['name']}-{pod_hash}",
            "namespace": metadata["namespace"],
            "labels": {**labels},
            "annotations": annotations,
            "ownerReferences": [owner_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return replica_set


def superfluous(deployment: Obj, old_sets: Sequence[Obj]) -> list[Obj]:
    """Old ReplicaSets beyond the history limit that are empty and settled."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == 2**31 - 1:
        return []
    alive = sorted((rs for rs in old_sets if "deletionTimestamp" not in rs["metadata"]), key=revision)
    return [rs for rs in alive[: max(0, len(alive) - limit)] if _is_settled_and_empty(rs)]


def _is_settled_and_empty(replica_set: Obj) -> bool:
    status, metadata = replica_set.get("status") or {}, replica_set["metadata"]
    observed = metadata.get("generation", 0) <= status.get("observedGeneration", 0)
    return not status.get("replicas") and not replica_set["spec"].get("replicas", 1) and observed
