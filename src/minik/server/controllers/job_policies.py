"""What a Job makes of failures and successes beyond counting: podFailurePolicy, backoffLimitPerIndex, successPolicy.

Rules: kubernetes/pkg/controller/job/{pod_failure_policy,backoff_utils,success_policy}.go.
https://kubernetes.io/docs/concepts/workloads/controllers/job/#handling-pod-and-container-failures
"""

from collections.abc import Sequence

from minik.api.types import Obj
from minik.server.controllers.job_pods import INDEX_FAILURES, INDEX_IGNORED_FAILURES, parse_indexes
from minik.server.controllers.objects import annotations_of

# -- backoff limit per index


def limit_per_index(job: Obj) -> int | None:
    limit = job["spec"].get("backoffLimitPerIndex")
    return None if limit is None else int(limit)


def _annotated(pod: Obj, name: str) -> int:
    text = annotations_of(pod).get(name, "0")
    return int(text) if text.isdecimal() and int(text) < 2**31 else 0


def failures_before(pod: Obj) -> int:
    """How often its index failed before it, ignored failures too."""
    return _annotated(pod, INDEX_FAILURES) + _annotated(pod, INDEX_IGNORED_FAILURES)


def fails_its_index(job: Obj, pod: Obj) -> bool:
    """Whether this failed Pod was its index's last."""
    limit = limit_per_index(job)
    if limit is None:
        return False
    action = failure_action(job, pod)[0]
    return action == "FailIndex" or (action != "Ignore" and _annotated(pod, INDEX_FAILURES) >= limit)


def failures_after(job: Obj, replaced: Obj | None) -> tuple[int, int]:
    """What the Pod that replaces another notes of its index: failures that count, and ignored ones."""
    if replaced is None:
        return 0, 0
    counted, ignored = _annotated(replaced, INDEX_FAILURES), _annotated(replaced, INDEX_IGNORED_FAILURES)
    if failure_action(job, replaced)[0] == "Ignore":
        return counted, ignored + 1
    return counted + 1, ignored


# -- success policy


def success_rule(job: Obj, succeeded: set[int]) -> int | None:
    """The number of the first successPolicy rule that the succeeded indexes meet."""
    policy = job["spec"].get("successPolicy") or {}
    completions = job["spec"].get("completions") or 0
    for number, rule in enumerate(policy.get("rules") or ()):
        listed, needed = rule.get("succeededIndexes"), rule.get("succeededCount")
        wanted = succeeded if listed is None else parse_indexes(listed, completions)
        met = len(succeeded & wanted)
        if met and ((needed is not None and met >= needed) or (listed is not None and met == len(wanted))):
            return number
    return None


# -- pod failure policy


def failure_action(job: Obj, pod: Obj) -> tuple[str, str]:
    """(action, message) of the first rule that matches a failed Pod; ("", "") when none does: it is counted."""
    policy = job["spec"].get("podFailurePolicy") or {}
    metadata = pod["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    for number, rule in enumerate(policy.get("rules") or ()):
        why = _exit_code_match(rule, pod, name) if rule.get("onExitCodes") else _condition_match(rule, pod, name)
        if why:
            return rule["action"], f"{why} matching {rule['action']} rule at index {number}"
    return "", ""


def _exit_code_match(rule: Obj, pod: Obj, name: str) -> str:
    wanted = rule["onExitCodes"]
    for container in _statuses(pod.get("status") or {}):
        if wanted.get("containerName") and container["name"] != wanted["containerName"]:
            continue
        code = ((container.get("state") or {}).get("terminated") or {}).get("exitCode", 0)
        if code and (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {container['name']} for pod {name} failed with exit code {code}"
    return ""


def _condition_match(rule: Obj, pod: Obj, name: str) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        for pattern in rule.get("onPodConditions") or ():
            if condition["type"] == pattern["type"] and condition["status"] == pattern.get("status", "True"):
                return f"Pod {name} has condition {condition['type']}"
    return ""


def _statuses(status: Obj) -> Sequence[Obj]:
    return [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
