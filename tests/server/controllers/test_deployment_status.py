from datetime import UTC, datetime, timedelta

import pytest

from minik.server.controllers import deployment_status as progress
from minik.server.controllers.deployment_revision import (
    REVISION,
    REVISION_HISTORY,
    build_replica_set,
    find_new,
    same_template,
    set_annotations,
    superfluous,
    template_hash,
)
from minik.server.controllers.deployment_rollout import Sets
from minik.server.controllers.objects import find_condition

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}


def deployment(replicas: int = 2, **status) -> dict:
    return {
        "metadata": {"name": "web", "namespace": "ns", "uid": "d", "generation": 3},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": TEMPLATE,
            "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
        "status": status,
    }


def replica_set(name: str, replicas: int, available: int, **extra) -> dict:
    counts = {"replicas": replicas, "readyReplicas": available, "availableReplicas": available}
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": name, "annotations": {}, **extra},
        "spec": {"replicas": replicas, "template": TEMPLATE},
        "status": counts,
    }


def progressing(reason: str, status: str = "True", since: timedelta = timedelta(0)) -> dict:
    return progress.condition("Progressing", status, reason, "m", NOW - since)


def shown(status: dict, type: str) -> tuple[str, str, str]:
    condition = find_condition(status["conditions"], type)
    return condition["status"], condition["reason"], condition["message"]


def test_complete_rollout():
    obj = deployment()
    status = progress.rollout_status(Sets(obj, replica_set("web-x", 2, 2), []), [progressing("X")], NOW)
    assert shown(status, "Progressing") == (
        "True",
        "NewReplicaSetAvailable",
        'ReplicaSet "web-x" has successfully progressed.',
    )
    assert shown(status, "Available") == (
        "True",
        "MinimumReplicasAvailable",
        "Deployment has minimum availability.",
    )
    assert (status["observedGeneration"], status["replicas"], status["updatedReplicas"]) == (3, 2, 2)
    assert "unavailableReplicas" not in status


def test_new_pods_are_progress():
    status = progress.rollout_status(Sets(deployment(), replica_set("web-x", 1, 0), []), [progressing("X")], NOW)
    assert shown(status, "Progressing") == ("True", "ReplicaSetUpdated", 'ReplicaSet "web-x" is progressing.')
    assert shown(status, "Available")[1] == "MinimumReplicasUnavailable"
    assert status["unavailableReplicas"] == 1


def test_deadline_passes_without_progress():
    obj = deployment(replicas=2, updatedReplicas=1)
    stuck = [progressing("ReplicaSetUpdated", since=timedelta(seconds=601))]
    status = progress.rollout_status(Sets(obj, replica_set("web-x", 1, 0), []), stuck, NOW)
    assert shown(status, "Progressing") == (
        "False",
        "ProgressDeadlineExceeded",
        'ReplicaSet "web-x" has timed out progressing.',
    )


def test_looks_again_at_the_deadline():
    obj = deployment()
    status = {"conditions": [progressing("ReplicaSetUpdated", since=timedelta(seconds=100))]}
    assert progress.look_again_in(obj, status, NOW) == pytest.approx(501)
    status = {"conditions": [progressing("NewReplicaSetAvailable")]}
    assert progress.look_again_in(obj, status, NOW) is None


def test_pausing_and_resuming_are_told():
    obj = deployment()
    obj["spec"]["paused"] = True
    paused = progress.with_pause_conditions(obj, [progressing("X")], NOW)
    assert paused[0]["reason"] == "DeploymentPaused"
    obj["spec"]["paused"] = False
    assert progress.with_pause_conditions(obj, paused, NOW)[0]["reason"] == "DeploymentResumed"


def test_failure_of_a_replica_set_is_passed_on():
    failing = replica_set("web-x", 2, 0)
    failing["status"]["conditions"] = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
    ]
    status = progress.rollout_status(Sets(deployment(), failing, []), [], NOW)
    assert shown(status, "ReplicaFailure") == ("True", "FailedCreate", "quota")


def test_hash_is_stable_and_moved_by_collisions():
    assert template_hash(TEMPLATE, None) == template_hash(dict(reversed(TEMPLATE.items())), None)
    assert template_hash(TEMPLATE, None) != template_hash(TEMPLATE, 1)
    assert set(template_hash(TEMPLATE, None)) <= set("bcdfghjklmnpqrstvwxz2456789")


def test_template_is_the_same_but_for_hash_and_empty_fields():
    built = build_replica_set(deployment(), 1, 3)
    assert same_template(built["spec"]["template"], TEMPLATE)
    filled = {**TEMPLATE, "spec": {"containers": [{"name": "c", "image": "i:1", "resources": {}}]}}
    assert same_template(filled, TEMPLATE)
    assert find_new(deployment(), [built]) is built


def test_rollback_keeps_the_revisions_it_had():
    current = {REVISION: "1"}
    assert set_annotations(deployment(), current, 4) == {REVISION: "4", REVISION_HISTORY: "1"}
    again = {REVISION: "4", REVISION_HISTORY: "1"}
    assert set_annotations(deployment(), again, 6)[REVISION_HISTORY] == "1,4"
    assert set_annotations(deployment(), again, 3) == again


def test_history_limit_spares_sets_in_use():
    obj = deployment()
    obj["spec"]["revisionHistoryLimit"] = 1
    olds = [replica_set(f"r{n}", 0, 0, annotations={REVISION: str(n)}) for n in (3, 1, 2)]
    assert [rs["metadata"]["name"] for rs in superfluous(obj, olds)] == ["r1", "r2"]
    olds[1]["status"]["replicas"] = 1
    assert [rs["metadata"]["name"] for rs in superfluous(obj, olds)] == ["r2"]
