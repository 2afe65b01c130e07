"""Decides how a Deployment's ReplicaSets are scaled: rolling, recreating, and in proportion when it is resized.

Every function returns the scalings to do now, and none when the rollout waits for Pods. Rules and arithmetic:
kubernetes/pkg/controller/deployment/{rolling,recreate,sync}.go.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from minik.api.types import Obj
from minik.server.controllers.deployment_revision import by_creation, desired_replicas, max_replicas
from minik.server.controllers.pods import is_finished
from minik.server.controllers.rolling import is_rolling, limits


@dataclass(frozen=True, slots=True)
class Scaling:
    replica_set: Obj
    replicas: int


@dataclass(frozen=True, slots=True)
class Sets:
    """A Deployment with its ReplicaSets: the one with its present template, if any, and the others."""

    deployment: Obj
    new: Obj | None
    old: Sequence[Obj]

    @property
    def all(self) -> list[Obj]:
        return [*self.old, *([self.new] if self.new is not None else [])]

    @property
    def desired(self) -> int:
        return int(self.deployment["spec"].get("replicas", 1))

    def with_written(self, written: Obj) -> "Sets":
        """The same with one ReplicaSet replaced by what the API answered."""
        uid = written["metadata"]["uid"]
        if self.new is not None and self.new["metadata"]["uid"] == uid:
            return replace(self, new=written)
        return replace(self, old=[written if rs["metadata"]["uid"] == uid else rs for rs in self.old])


def wanted(replica_set: Obj) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def count(replica_set: Obj, field: str) -> int:
    """A number of the status: replicas, readyReplicas, availableReplicas."""
    return int((replica_set.get("status") or {}).get(field, 0))


def total_wanted(sets: Iterable[Obj]) -> int:
    return sum(map(wanted, sets))


def active(sets: Iterable[Obj]) -> list[Obj]:
    return [rs for rs in sets if wanted(rs) > 0]


def new_set_size(sets: Sets, current: int) -> int:
    """How large the new ReplicaSet, now `current`, may become. `sets.all` counts towards the surge."""
    if not is_rolling(sets.deployment):
        return sets.desired
    surge, _ = limits(sets.deployment)
    room = sets.desired + surge - total_wanted(sets.all)
    if room <= 0:
        return current
    return current + min(room, sets.desired - current)


def scale_new(sets: Sets) -> list[Scaling]:
    """Rolling: bring the new ReplicaSet towards the wanted size."""
    if sets.new is None or wanted(sets.new) == sets.desired:
        return []
    if wanted(sets.new) > sets.desired:
        return [Scaling(sets.new, sets.desired)]
    size = new_set_size(sets, wanted(sets.new))
    return [Scaling(sets.new, size)] if size != wanted(sets.new) else []


def scale_down_old(sets: Sets) -> list[Scaling]:
    """Rolling: take from the old ReplicaSets what availability allows, unhealthy Pods first."""
    if sets.new is None or total_wanted(sets.old) == 0:
        return []
    _, max_unavailable = limits(sets.deployment)
    min_available = sets.desired - max_unavailable
    new_unavailable = wanted(sets.new) - count(sets.new, "availableReplicas")
    may_go = total_wanted(sets.all) - min_available - new_unavailable
    if may_go <= 0:
        return []
    sizes = {rs["metadata"]["uid"]: wanted(rs) for rs in sets.old}
    oldest_first = by_creation(active(sets.old))
    _take_unhealthy(oldest_first, sizes, may_go)
    spare = sum(count(rs, "availableReplicas") for rs in sets.all) - min_available
    _take(oldest_first, sizes, spare)
    return [
        Scaling(rs, sizes[rs["metadata"]["uid"]]) for rs in oldest_first if sizes[rs["metadata"]["uid"]] != wanted(rs)
    ]


def _take_unhealthy(sets: Sequence[Obj], sizes: dict[str, int], budget: int) -> None:
    for rs in sets:
        unhealthy = max(0, sizes[rs["metadata"]["uid"]] - count(rs, "availableReplicas"))
        taken = min(budget, unhealthy)
        sizes[rs["metadata"]["uid"]] -= taken
        budget -= taken


def _take(sets: Sequence[Obj], sizes: dict[str, int], budget: int) -> None:
    for rs in sets:
        taken = max(0, min(budget, sizes[rs["metadata"]["uid"]]))
        sizes[rs["metadata"]["uid"]] -= taken
        budget -= taken


def stop_old(sets: Sets) -> list[Scaling]:
    """Recreate: every old ReplicaSet to nothing."""
    return [Scaling(rs, 0) for rs in active(sets.old)]


def old_pods_remain(sets: Sets, pods: Iterable[Obj]) -> bool:
    """Recreate: whether Pods other than the new ReplicaSet's still run. `pods` are all of the Deployment's."""
    if any(count(rs, "replicas") for rs in sets.old):
        return True
    new_uid = sets.new["metadata"]["uid"] if sets.new is not None else ""
    return any(not is_finished(pod) and not _owned_by(pod, new_uid) for pod in pods)


def _owned_by(pod: Obj, uid: str) -> bool:
    return any(ref.get("controller") and ref["uid"] == uid for ref in pod["metadata"].get("ownerReferences") or ())


def was_resized(sets: Sets) -> bool:
    """Whether `spec.replicas` changed since the ReplicaSets were last scaled."""
    return any((desired := desired_replicas(rs)) is not None and desired != sets.desired for rs in active(sets.all))


def resize(sets: Sets) -> list[Scaling]:
    """After a change of `spec.replicas`: the only active set takes it all; in mid-rollout each takes its share."""
    single, is_single = _active_or_latest(sets)
    if is_single:
        return [Scaling(single, sets.desired)] if single is not None else []  # of that size its annotations may differ
    if _is_saturated(sets):
        return [Scaling(rs, 0) for rs in active(sets.old)]
    if not is_rolling(sets.deployment):
        return []
    return _in_proportion(sets)


def _active_or_latest(sets: Sets) -> tuple[Obj | None, bool]:
    running = active(sets.all)
    if len(running) > 1:
        return None, False
    if running:
        return running[0], True
    if sets.new is not None:
        return sets.new, True
    return (by_creation(sets.old)[-1] if sets.old else None), True


def _is_saturated(sets: Sets) -> bool:
    if sets.new is None:
        return False
    size = sets.desired
    sizes = (wanted(sets.new), desired_replicas(sets.new), count(sets.new, "availableReplicas"))
    return sizes == (size, size, size)


def _in_proportion(sets: Sets) -> list[Scaling]:
    surge, _ = limits(sets.deployment)
    running = active(sets.all)
    allowed = sets.desired + surge if sets.desired > 0 else 0
    to_add = allowed - total_wanted(running)
    # largest first; of equals the newest grows and the oldest shrinks
    ordered = by_creation(running)
    if to_add > 0:
        ordered.reverse()
    ordered.sort(key=wanted, reverse=True)
    sizes, added = [], 0
    for rs in ordered:
        share = _share(rs, sets.deployment, sets.desired, surge, to_add - added) if to_add else 0
        sizes.append(wanted(rs) + share)
        added += share
    if sizes and to_add:
        sizes[0] = max(0, sizes[0] + to_add - added)
    return [Scaling(rs, size) for rs, size in zip(ordered, sizes, strict=True)]


def _share(replica_set: Obj, deployment: Obj, desired: int, surge: int, left: int) -> int:
    """What one ReplicaSet gains or loses of what is `left` to distribute."""
    if wanted(replica_set) == 0 or left == 0:
        return 0
    if desired == 0:
        fraction = -wanted(replica_set)
    else:
        before = max_replicas(replica_set) or (deployment.get("status") or {}).get("replicas", 0) or wanted(replica_set)
        fraction = math.floor(wanted(replica_set) * (desired + surge) / before + 0.5) - wanted(replica_set)
    return min(fraction, left) if left > 0 else max(fraction, left)
