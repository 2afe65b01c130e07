"""Rolls a Deployment back to the template of an old ReplicaSet, when an annotation asks for it.

`kubectl rollout undo` writes the template itself; older clients set `deprecated.deployment.rollback.to`, which is
what spec.rollbackTo became. Rules and texts: kubernetes/pkg/controller/deployment/rollback.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.client.events import NORMAL, WARNING
from minik.server.controllers import deployment_revision as revisions
from minik.server.controllers.objects import annotations_of, own_copy

ROLLBACK_TO = "deprecated.deployment.rollback.to"


@dataclass(frozen=True, slots=True)
class Rollback:
    """The Deployment to write, and the Event that tells of it."""

    deployment: Obj
    type: str
    reason: str
    message: str


def is_wanted(deployment: Obj) -> bool:
    return _wanted(deployment) is not None


def _wanted(deployment: Obj) -> int | None:
    """The revision to go back to; 0 is the last one before the present."""
    try:
        return int(annotations_of(deployment)[ROLLBACK_TO])
    except (KeyError, ValueError):
        return None


def roll_back(deployment: Obj, sets: Sequence[Obj]) -> Rollback:
    """`sets` are all ReplicaSets of the Deployment. The annotation goes, whatever comes of it."""
    changed = own_copy(deployment)
    del changed["metadata"]["annotations"][ROLLBACK_TO]
    number = _wanted(deployment) or _last_revision(sets)
    if number == 0:
        reason = "DeploymentRollbackRevisionNotFound"
        return Rollback(changed, WARNING, reason, "Unable to find last revision.")
    target = next((rs for rs in sets if revisions.revision(rs) == number), None)
    if target is None:
        reason = "DeploymentRollbackRevisionNotFound"
        return Rollback(changed, WARNING, reason, "Unable to find the revision to rollback to.")
    name = deployment["metadata"]["name"]
    if revisions.same_template(deployment["spec"]["template"], target["spec"]["template"]):
        text = f'The rollback revision contains the same template as current deployment "{name}"'
        return Rollback(changed, WARNING, "DeploymentRollbackTemplateUnchanged", text)
    changed["spec"]["template"] = revisions.without_hash(target["spec"]["template"])
    changed["metadata"]["annotations"] = revisions.annotations_of_rolled_back(changed, target)
    return Rollback(changed, NORMAL, "DeploymentRollback", f'Rolled back deployment "{name}" to revision {number}')


def _last_revision(sets: Sequence[Obj]) -> int:
    """The second newest; 0 when there is none."""
    ordered = sorted({revisions.revision(rs) for rs in sets} - {0})
    return ordered[-2] if len(ordered) > 1 else 0
