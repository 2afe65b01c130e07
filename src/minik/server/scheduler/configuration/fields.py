"""Which fields a KubeSchedulerConfiguration has and of which type: what a strict decoder must know. Pure.

A type is `int`, `float`, `bool` or `str`, a mapping of an object's fields, a one-item list of an item's type, or ANY.
"""

from collections.abc import Iterator, Mapping
from typing import Any

ANY: Any = object()

_PLUGIN = {"name": str, "weight": int}
_SET = {"enabled": [_PLUGIN], "disabled": [_PLUGIN]}
_SHAPE = [{"utilization": int, "score": int}]
_RESOURCES = [{"name": str, "weight": int}]
_TYPE = {"apiVersion": str, "kind": str}
_TLS = {
    "insecure": bool,
    "serverName": str,
    "certFile": str,
    "keyFile": str,
    "caFile": str,
    "certData": str,
    "keyData": str,
    "caData": str,
}
_EXTENDER = {
    "urlPrefix": str,
    "filterVerb": str,
    "preemptVerb": str,
    "prioritizeVerb": str,
    "weight": int,
    "bindVerb": str,
    "enableHTTPS": bool,
    "tlsConfig": _TLS,
    "httpTimeout": str,
    "nodeCacheCapable": bool,
    "managedResources": [{"name": str, "ignoredByScheduler": bool}],
    "ignorable": bool,
}
_POINTS = (
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
    "multiPoint",
)
_PROFILE = {
    "schedulerName": str,
    "percentageOfNodesToScore": int,
    "plugins": dict.fromkeys(_POINTS, _SET),
    "pluginConfig": [{"name": str, "args": ANY}],
}
CONFIGURATION: Mapping[str, Any] = {
    **_TYPE,
    "parallelism": int,
    "leaderElection": {
        "leaderElect": bool,
        "leaseDuration": str,
        "renewDeadline": str,
        "retryPeriod": str,
        "resourceLock": str,
        "resourceName": str,
        "resourceNamespace": str,
    },
    "clientConnection": {
        "kubeconfig": str,
        "acceptContentTypes": str,
        "contentType": str,
        "qps": float,
        "burst": int,
    },
    "enableProfiling": bool,
    "enableContentionProfiling": bool,
    "percentageOfNodesToScore": int,
    "podInitialBackoffSeconds": int,
    "podMaxBackoffSeconds": int,
    "profiles": [_PROFILE],
    "extenders": [_EXTENDER],
    "delayCacheUntilActive": bool,
}
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "DefaultPreemption": {**_TYPE, "minCandidateNodesPercentage": int, "minCandidateNodesAbsolute": int},
    "InterPodAffinity": {**_TYPE, "hardPodAffinityWeight": int, "ignorePreferredTermsOfExistingPods": bool},
    "NodeAffinity": {**_TYPE, "addedAffinity": ANY},
    "NodeResourcesBalancedAllocation": {**_TYPE, "resources": _RESOURCES},
    "NodeResourcesFit": {
        **_TYPE,
        "ignoredResources": [str],
        "ignoredResourceGroups": [str],
        "scoringStrategy": {
            "type": str,
            "resources": _RESOURCES,
            "requestedToCapacityRatio": {"shape": _SHAPE},
        },
    },
    "PodTopologySpread": {**_TYPE, "defaultConstraints": [ANY], "defaultingType": str},
    "VolumeBinding": {**_TYPE, "bindTimeoutSeconds": int, "shape": _SHAPE},
    "DynamicResources": {**_TYPE, "filterTimeout": str, "bindingTimeout": str},
}
_SHOWN = {int: "a number", float: "a number", bool: "true or false", str: "a string"}


def problems(value: Any, expected: Any, path: str = "") -> Iterator[str]:
    """What a strict decoder says of a value. null is always allowed: it counts as absent."""
    if value is None or expected is ANY:
        return
    if isinstance(expected, Mapping):
        if not isinstance(value, dict):
            yield f"{path}: expected an object"
            return
        for key, part in value.items():
            at = f"{path}.{key}" if path else str(key)
            if key in expected:
                yield from problems(part, expected[key], at)
            else:
                yield f'unknown field "{at}"'
    elif isinstance(expected, list):
        if not isinstance(value, list):
            yield f"{path}: expected a list"
            return
        for index, item in enumerate(value):
            yield from problems(item, expected[0], f"{path}[{index}]")
    elif not _is_of(value, expected):
        yield f"{path}: expected {_SHOWN[expected]}, got {value!r}"


def _is_of(value: Any, expected: type) -> bool:
    if expected in (int, float):
        return isinstance(value, (int, expected)) and not isinstance(value, bool)
    return isinstance(value, expected)
