"""The default FlowSchemas and PriorityLevelConfigurations.

Upstream's apiserver/pkg/apis/flowcontrol/bootstrap,
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults
"""

from collections.abc import Iterator, Sequence

from minik.api.types import Obj

_AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
_API_VERSION = "flowcontrol.apiserver.k8s.io/v1"

# name -> (shares, lendable percent, queues, hand size); no queues: requests are rejected instead of queued
_LEVELS: dict[str, tuple[int, int, int, int]] = {
    "catch-all": (5, 0, 0, 0),
    "system": (30, 33, 64, 6),
    "node-high": (40, 25, 64, 6),
    "leader-election": (10, 0, 16, 4),
    "workload-high": (40, 50, 128, 6),
    "workload-low": (100, 90, 128, 6),
    "global-default": (20, 50, 128, 6),
}
_QUEUE_LENGTH = 50

_Subject = tuple[str, str]
_Resources = tuple[Sequence[str], Sequence[str], Sequence[str], bool, Sequence[str]]
"""(verbs, groups, resources, cluster scope too, namespaces)"""

_ANY: Sequence[str] = ("*",)
_EVERYTHING: Sequence[_Resources] = ((_ANY, _ANY, _ANY, True, _ANY),)
_GET_CREATE_UPDATE = ("get", "create", "update")
_LEASES: _Resources = (_GET_CREATE_UPDATE, ("coordination.k8s.io",), ("leases",), False, _ANY)
_EVERYBODY = (("Group", "system:unauthenticated"), ("Group", "system:authenticated"))
_MANAGER, _SCHEDULER = ("User", "system:kube-controller-manager"), ("User", "system:kube-scheduler")
_SYSTEM_ACCOUNTS = ("ServiceAccount", "*")

# name, priority level, precedence, distinguished by, subjects, resources, paths
_SCHEMAS: Sequence[tuple[str, str, int, str, Sequence[_Subject], Sequence[_Resources], Obj | None]] = (
    (
        "exempt",
        "exempt",
        1,
        "",
        (("Group", "system:masters"),),
        _EVERYTHING,
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ),
    (
        "probes",
        "exempt",
        2,
        "",
        _EVERYBODY,
        (),
        {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]},
    ),
    (
        "system-leader-election",
        "leader-election",
        100,
        "ByUser",
        (_MANAGER, _SCHEDULER, _SYSTEM_ACCOUNTS),
        (_LEASES,),
        None,
    ),
    (
        "system-node-high",
        "node-high",
        400,
        "ByUser",
        (("Group", "system:nodes"),),
        (
            (_ANY, ("",), ("nodes", "nodes/status"), True, _ANY),
            (_ANY, ("coordination.k8s.io",), ("leases",), False, _ANY),
        ),
        None,
    ),
    ("system-nodes", "system", 500, "ByUser", (("Group", "system:nodes"),), _EVERYTHING, {}),
    ("kube-controller-manager", "workload-high", 800, "ByNamespace", (_MANAGER,), _EVERYTHING, {}),
    ("kube-scheduler", "workload-high", 800, "ByNamespace", (_SCHEDULER,), _EVERYTHING, {}),
    ("kube-system-service-accounts", "workload-high", 900, "ByNamespace", (_SYSTEM_ACCOUNTS,), _EVERYTHING, {}),
    ("service-accounts", "workload-low", 9000, "ByUser", (("Group", "system:serviceaccounts"),), _EVERYTHING, {}),
    ("global-default", "global-default", 9900, "ByUser", _EVERYBODY, _EVERYTHING, {}),
    ("catch-all", "catch-all", 10000, "ByUser", _EVERYBODY, _EVERYTHING, {}),
)
_ALL_PATHS: Obj = {"verbs": ["*"], "nonResourceURLs": ["*"]}


def is_obsolete(obj: Obj) -> bool:
    """Whether an older version made the FlowSchema or PriorityLevelConfiguration, and nobody has taken it over."""
    metadata = obj["metadata"]
    kept = {schema[0] for schema in _SCHEMAS} if obj["kind"] == "FlowSchema" else {"exempt", *_LEVELS}
    return metadata["name"] not in kept and (metadata.get("annotations") or {}).get(_AUTOUPDATE) == "true"


def flow_control_objects(timestamp: str) -> Iterator[Obj]:
    """`timestamp` goes into the conditions of the FlowSchemas."""
    exempt = _object("PriorityLevelConfiguration", "exempt")
    yield {
        **exempt,
        "spec": {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
        "status": {},
    }
    for name in _LEVELS:
        yield {**_object("PriorityLevelConfiguration", name), "spec": _level(name), "status": {}}
    for name, level, precedence, distinguisher, subjects, resources, paths in _SCHEMAS:
        rule: Obj = {"subjects": [_subject(*subject) for subject in subjects]}
        if resources:
            rule["resourceRules"] = [_resource_rule(*resource) for resource in resources]
        if paths is not None:
            rule["nonResourceRules"] = [paths or _ALL_PATHS]
        spec: Obj = {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence}
        if distinguisher:
            spec["distinguisherMethod"] = {"type": distinguisher}
        spec["rules"] = [rule]
        yield {**_object("FlowSchema", name), "spec": spec, "status": {"conditions": [_found(level, timestamp)]}}


def _level(name: str) -> Obj:
    shares, lendable, queues, hand_size = _LEVELS[name]
    response: Obj = {"type": "Reject"}
    if queues:
        queuing = {"queues": queues, "handSize": hand_size, "queueLengthLimit": _QUEUE_LENGTH}
        response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "limitResponse": response, "lendablePercent": lendable}
    return {"type": "Limited", "limited": limited}


def _object(kind: str, name: str) -> Obj:
    metadata = {"name": name, "generation": 1, "annotations": {_AUTOUPDATE: "true"}}
    return {"kind": kind, "apiVersion": _API_VERSION, "metadata": metadata}


def _subject(kind: str, name: str) -> Obj:
    if kind == "ServiceAccount":
        return {"kind": kind, "serviceAccount": {"namespace": "kube-system", "name": name}}
    return {"kind": kind, kind.lower(): {"name": name}}


def _resource_rule(
    verbs: Sequence[str], groups: Sequence[str], resources: Sequence[str], cluster: bool, namespaces: Sequence[str]
) -> Obj:
    rule: Obj = {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources)}
    if cluster:
        rule["clusterScope"] = True
    rule["namespaces"] = list(namespaces)
    return rule


def _found(level: str, timestamp: str) -> Obj:
    return {
        "type": "Dangling",
        "status": "False",
        "lastTransitionTime": timestamp,
        "reason": "Found",
        "message": (f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" and it exists'),
    }
