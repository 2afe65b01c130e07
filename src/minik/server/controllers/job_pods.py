"""Facts about a Job's Pods: which ended how, completion indexes, and how to build one.

Rules: kubernetes/pkg/controller/job/{indexed_job_utils,job_controller}.go.
"""

from collections.abc import Iterable
from datetime import datetime

from minik.api.types import Obj
from minik.client.clock import parse_time
from minik.server.controllers.claims import Owner
from minik.server.controllers.objects import annotations_of, is_deleting
from minik.server.controllers.pod_control import pod_from_template
from minik.server.controllers.pods import phase

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def is_tracked(pod: Obj) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Obj) -> int | None:
    try:
        return int(annotations_of(pod)[INDEX])
    except (KeyError, ValueError):
        return None


def replaces_only_failed(job: Obj) -> bool:
    """Whether a Pod that is on its way out still counts as running."""
    return job["spec"].get("podReplacementPolicy") == "Failed" or bool(job["spec"].get("podFailurePolicy"))


def has_failed(job: Obj, pod: Obj) -> bool:
    """A deleted Pod counts as failed, unless the policy waits for how it really ends."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and is_deleting(pod) and phase(pod) != "Succeeded"


def ended_at(pod: Obj) -> datetime | None:
    """When its last container ended; for Pods that never ran when they were deleted."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    times = [
        parse_time(ended["finishedAt"])
        for status in statuses
        if (ended := (status.get("state") or {}).get("terminated")) and ended.get("finishedAt")
    ]
    if times:
        return max(times)
    deleted = pod["metadata"].get("deletionTimestamp")
    return parse_time(deleted) if deleted else None


def build_pod(owner: Owner, index: int | None, failures: int | None = None) -> Obj:
    """`failures`: how often the index failed before, where the Job limits that (backoffLimitPerIndex)."""
    pod = pod_from_template(owner.obj["spec"]["template"], owner)
    metadata = pod["metadata"]
    metadata["finalizers"] = [*metadata.get("finalizers", ()), FINALIZER]
    if index is None:
        return pod
    name = owner.obj["metadata"]["name"]
    metadata["generateName"] = f"{name[:240]}-{index}-"
    metadata.setdefault("annotations", {})[INDEX] = str(index)
    metadata.setdefault("labels", {})[INDEX] = str(index)
    if failures is not None:
        metadata["annotations"][INDEX_FAILURES] = str(failures)
    spec = pod["spec"]
    spec["hostname"] = f"{name}-{index}"
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        variables = container.setdefault("env", [])
        if not any(variable["name"] == INDEX_VARIABLE for variable in variables):
            variables.append({"name": INDEX_VARIABLE, "valueFrom": source})
    return pod


# -- completed indexes, as status.completedIndexes writes them: "0-2,5"


def parse_indexes(text: str, completions: int) -> set[int]:
    indexes: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        indexes.update(range(int(first), int(last or first) + 1))
    return {index for index in indexes if index < completions}


def format_indexes(indexes: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(
        str(first) if first == last else f"{first}{',' if last == first + 1 else '-'}{last}" for first, last in runs
    )
