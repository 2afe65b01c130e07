"""What is left in a namespace that is being deleted, and how its conditions say so.

Reasons and texts: kubernetes/pkg/controller/namespace/deletion/status_condition_utils.go.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from minik.api.types import GVR, Obj
from minik.server.controllers.objects import with_condition

FINALIZER_ESTIMATE = 15.0  # seconds


@dataclass(slots=True)
class Remaining:
    """Counts of what is still there after a round of deleting; `estimate` is the longest grace left, in seconds."""

    resources: Counter[GVR] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    discovery_failures: list[str] = field(default_factory=list)
    delete_failures: list[str] = field(default_factory=list)
    estimate: float = 0.0

    @property
    def nothing(self) -> bool:
        return not (self.resources or self.discovery_failures or self.delete_failures)


def conditions(current: Sequence[Obj], remaining: Remaining, now: datetime) -> list[Obj]:
    """The five conditions. Failures that never happened are not mentioned until something is left."""
    shown = [
        _failure(
            "NamespaceDeletionDiscoveryFailure",
            "DiscoveryFailed",
            "Discovery failed for some groups, {count} failing: "
            "unable to retrieve the complete list of server APIs: {listed}",
            remaining.discovery_failures,
            ("ResourcesDiscovered", "All resources successfully discovered"),
        ),
        {
            "type": "NamespaceDeletionGroupVersionParsingFailure",
            "status": "False",
            "reason": "ParsedGroupVersions",
            "message": "All legacy kube types successfully parsed",
        },
        _failure(
            "NamespaceDeletionContentFailure",
            "ContentDeletionFailed",
            "Failed to delete all resource types, {count} remaining: {listed}",
            remaining.delete_failures,
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        ),
        _content(remaining),
        _finalizers(remaining),
    ]
    result = [*current]
    for condition in shown:
        result = with_condition(result, condition, now)
    return result


def _failure(type: str, reason: str, text: str, failures: Sequence[str], fine: tuple[str, str]) -> Obj:
    if not failures:
        return {"type": type, "status": "False", "reason": fine[0], "message": fine[1]}
    message = text.format(count=len(failures), listed=", ".join(sorted(failures)))
    return {"type": type, "status": "True", "reason": reason, "message": message}


def _content(remaining: Remaining) -> Obj:
    type = "NamespaceContentRemaining"
    parts = [
        f"{gvr.resource}.{gvr.group} has {count} resource instances"
        for gvr, count in sorted(remaining.resources.items(), key=lambda item: f"{item[0].resource}.{item[0].group}")
    ]
    if not parts:
        message = "All content successfully removed"
        return {"type": type, "status": "False", "reason": "ContentRemoved", "message": message}
    message = f"Some resources are remaining: {', '.join(parts)}"
    return {"type": type, "status": "True", "reason": "SomeResourcesRemain", "message": message}


def _finalizers(remaining: Remaining) -> Obj:
    type = "NamespaceFinalizersRemaining"
    parts = [f"{name} in {count} resource instances" for name, count in sorted(remaining.finalizers.items())]
    if not parts:
        message = "All content-preserving finalizers finished"
        return {"type": type, "status": "False", "reason": "ContentHasNoFinalizers", "message": message}
    message = f"Some content in the namespace has finalizers remaining: {', '.join(parts)}"
    return {"type": type, "status": "True", "reason": "SomeFinalizersRemain", "message": message}
