"""What a Job makes of failures and successes beyond counting: podFailurePolicy, backoffLimitPerIndex, successPolicy.

Rules: kubernetes/pkg/controller/job/{pod_failure_policy,backoff_utils,success_policy}.go.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#handling-pod-and-container-failures
"""

from collections.abc import Iterable, Sequence

from minik.api.types import Obj
from minik.server.controllers.job_pods import INDEX_FAILURES, index_of, parse_indexes
from minik.server.controllers.objects import annotations_of
from minik.server.controllers.pods import phase

# -- backoff limit per index


def limit_per_index(job: Obj) -> int | None:
    limit = job["spec"].get("backoffLimitPerIndex")
    return None if limit is None else int(limit)


def _failures_before(pod: Obj) -> int:
    try:
        return int(annotations_of(pod)[INDEX_FAILURES])
    except (KeyError, ValueError):
        return 0


def fails_its_index(job: Obj, pod: Obj) -> bool:
    """Whether this failed Pod was its index's last."""
    limit = limit_per_index(job)
    if limit is None:
        return False
    return failure_action(job, pod)[0] == "FailIndex" or _failures_before(pod) >= limit


def failures_of_index(job: Obj, pods: Iterable[Obj], index: int) -> int | None:
    """How often the index failed by the Pods there are; None where the Job does not count."""
    if limit_per_index(job) is None:
        return None
    counts = [0]
    for pod in pods:
        if index_of(pod) == index:
            ignored = phase(pod) == "Failed" and failure_action(job, pod)[0] == "Ignore"
            counts.append(_failures_before(pod) + (0 if ignored else 1))
    return max(counts)


# -- success policy


def success_rule(job: Obj, succeeded: set[int]) -> int | None:
    """The number of the first successPolicy rule that the succeeded indexes meet."""
    policy = job["spec"].get("successPolicy") or {}
    completions = job["spec"].get("completions") or 0
    for number, rule in enumerate(policy.get("rules") or ()):
        listed = rule.get("succeededIndexes")
        wanted = parse_indexes(listed, completions) if listed is not None else set(range(completions))
        needed = rule.get("succeededCount", len(wanted))
        if len(succeeded & wanted) >= needed:
            return number
    return None


# -- pod failure policy


def failure_action(job: Obj, pod: Obj) -> tuple[str, str]:
    """(action, message) of the first rule that matches a failed Pod; ("Count", "") when none does."""
    policy = job["spec"].get("podFailurePolicy") or {}
    for number, rule in enumerate(policy.get("rules") or ()):
        reason = _exit_code_match(rule, pod) if rule.get("onExitCodes") else _condition_match(rule, pod)
        if reason:
            metadata = pod["metadata"]
            subject = reason.format(name=f"{metadata['namespace']}/{metadata['name']}")
            return rule["action"], f"{subject} matching {rule['action']} rule at index {number}"
    return "Count", ""


def _exit_code_match(rule: Obj, pod: Obj) -> str:
    wanted = rule["onExitCodes"]
    status = pod.get("status") or {}
    for container in _statuses(status):
        if wanted.get("containerName") and container["name"] != wanted["containerName"]:
            continue
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code and (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {container['name']} for pod {{name}} failed with exit code {code}"
    return ""


def _condition_match(rule: Obj, pod: Obj) -> str:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    for pattern in rule.get("onPodConditions") or ():
        for condition in conditions:
            if condition["type"] == pattern["type"] and condition["status"] == pattern.get("status", "True"):
                return f"Pod {{name}} has condition {condition['type']}"
    return ""


def _statuses(status: Obj) -> Sequence[Obj]:
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
