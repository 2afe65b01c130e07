"""Facts about a Job's Pods: which ended how, completion indexes, and how to build one.

Rules: kubernetes/pkg/controller/job/{indexed_job_utils,job_controller}.go.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from minik.api.types import Obj
from minik.client.clock import parse_time
from minik.server.controllers.claims import Owner
from minik.server.controllers.objects import annotations_of, condition_of, is_deleting
from minik.server.controllers.pod_control import pod_from_template
from minik.server.controllers.pods import phase

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"
INDEX_IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
_LONGEST_PREFIX = 58  # of generated names, which get five letters more


def is_indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def is_tracked(pod: Obj) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Obj) -> int | None:
    try:
        index = int(annotations_of(pod)[INDEX])
    except (KeyError, ValueError):
        return None
    return index if index >= 0 else None


def valid_index(job: Obj, pod: Obj) -> int | None:
    """The Pod's index, if the Job (still) has it."""
    index = index_of(pod)
    return index if index is not None and index < (job["spec"].get("completions") or 0) else None


def indexes_of(pods: Iterable[Obj]) -> set[int]:
    return {index for pod in pods if (index := index_of(pod)) is not None}


def replaces_only_failed(job: Obj) -> bool:
    """Whether a Pod that is on its way out still counts as running."""
    return job["spec"].get("podReplacementPolicy") == "Failed" or bool(job["spec"].get("podFailurePolicy"))


def has_failed(job: Obj, pod: Obj) -> bool:
    """A deleted Pod counts as failed, unless the policy waits for how it really ends."""
    if phase(pod) == "Failed":
        return True
    return not replaces_only_failed(job) and is_deleting(pod) and phase(pod) != "Succeeded"


def ended_at(pod: Obj) -> datetime:
    """When its last container ended, else when it stopped being ready, else was deleted, else was made."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    states = [(each.get("state") or {}).get("terminated") or {} for each in status.get("containerStatuses") or ()]
    if states and all(state.get("finishedAt") for state in states):
        return max(parse_time(state["finishedAt"]) for state in states)
    ready = condition_of(pod, "Ready")
    if ready is not None and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return parse_time(ready["lastTransitionTime"])
    if deleted := metadata.get("deletionTimestamp"):
        return parse_time(deleted) - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
    return parse_time(metadata["creationTimestamp"])


def build_pod(owner: Owner, index: int | None, failures: tuple[int, int] | None = None) -> Obj:
    """`failures`: how often the index failed, counted and ignored, where the Job limits that (backoffLimitPerIndex)."""
    pod = pod_from_template(owner.obj["spec"]["template"], owner)
    metadata = pod["metadata"]
    metadata["finalizers"] = [*(name for name in metadata.get("finalizers", ()) if name != FINALIZER), FINALIZER]
    if index is None:
        return pod
    name = owner.obj["metadata"]["name"]
    suffix = f"-{index}-"
    metadata["generateName"] = name[: _LONGEST_PREFIX - len(suffix)] + suffix
    metadata.setdefault("annotations", {})[INDEX] = str(index)
    metadata.setdefault("labels", {})[INDEX] = str(index)
    if failures is not None:
        metadata["annotations"][INDEX_FAILURES] = str(failures[0])
        if failures[1]:
            metadata["annotations"][INDEX_IGNORED_FAILURES] = str(failures[1])
    pod["spec"]["hostname"] = f"{name}-{index}"
    _tell_index(pod["spec"])
    return pod


def _tell_index(spec: Obj) -> None:
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        variables = container.setdefault("env", [])
        if not any(variable["name"] == INDEX_VARIABLE for variable in variables):
            variables.append({"name": INDEX_VARIABLE, "valueFrom": source})


# -- completed indexes, as status.completedIndexes writes them: "0-2,5"


def parse_indexes(text: str, completions: int) -> set[int]:
    """Parts that are no numbers are passed over."""
    indexes: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            indexes.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return indexes


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
