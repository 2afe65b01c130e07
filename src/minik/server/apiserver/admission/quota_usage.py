"""What an object counts against a ResourceQuota.

Rules: upstream's pkg/quota/v1/evaluator/core, https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from minik.api.pod_resources import pod_quantities
from minik.api.quantity import Quantity, of, parse
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.quota_devices import Around, device_usage

Usage = dict[str, Quantity]

_STORAGE_CLASS_SUFFIX = ".storageclass.storage.k8s.io/"
_ATTRIBUTES_CLASS_SUFFIX = ".volumeattributesclass.storage.k8s.io/"
_NATIVE = ("cpu", "memory", "ephemeral-storage")
# resources that may be limited by their bare plural, as before count/<plural>
_BARE = frozenset(
    {"configmaps", "secrets", "replicationcontrollers", "resourcequotas", "services", "pods", "persistentvolumeclaims"}
)
# compute resources that every container must state where a quota limits them
_STATED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


def usage(resource: GVR, obj: Obj, around: Around) -> Usage:
    """Everything `obj` uses, by the names quotas use."""
    plural = resource.resource
    name = f"count/{plural}.{resource.group}" if resource.group else f"count/{plural}"
    used = {name: of(1)}
    if name == "count/resourceclaims.resource.k8s.io":
        used |= device_usage(obj, around, _pod_usage)
    if not resource.group:
        if plural in _BARE and plural != "pods":
            used[plural] = of(1)
        special = _SPECIAL.get(plural)
        if special is not None:
            used |= special(obj)
    return used


def _pod_usage(pod: Obj) -> Usage:
    if _is_finished(pod) or _is_stuck(pod):
        return {}
    used = {"pods": of(1)}
    for name, amount in pod_quantities(pod, "requests").items():
        if name in _NATIVE or name.startswith("hugepages-"):
            used[name] = amount
        used[f"requests.{name}"] = amount
    for name, amount in pod_quantities(pod, "limits").items():
        if name in _NATIVE:
            used[f"limits.{name}"] = amount
    return used


def _service_usage(service: Obj) -> Usage:
    spec = service.get("spec") or {}
    kind, ports = spec.get("type"), len(spec.get("ports") or ())
    used = {"services.loadbalancers": of(0), "services.nodeports": of(0)}
    if kind == "NodePort":
        used["services.nodeports"] = of(ports)
    elif kind == "LoadBalancer":
        used["services.loadbalancers"] = of(1)
        if spec.get("allocateLoadBalancerNodePorts") is not False:
            used["services.nodeports"] = of(ports)
        else:
            used["services.nodeports"] = of(sum(1 for port in spec.get("ports") or () if port.get("nodePort")))
    return used


def _claim_usage(claim: Obj) -> Usage:
    spec = claim.get("spec") or {}
    annotations = claim["metadata"].get("annotations") or {}
    storage_class = annotations.get("volume.beta.kubernetes.io/storage-class") or spec.get("storageClassName")
    attributes_class = spec.get("volumeAttributesClassName")
    prefixes = [""]
    prefixes += [storage_class + _STORAGE_CLASS_SUFFIX] if storage_class else []
    prefixes += [attributes_class + _ATTRIBUTES_CLASS_SUFFIX] if attributes_class else []
    used: Usage = {prefix + "persistentvolumeclaims": of(1) for prefix in prefixes}
    requested = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if requested is not None:
        asked = parse(requested)
        allocated = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
        if allocated is not None:
            asked = max(asked, parse(allocated))
        used |= {prefix + "requests.storage": asked for prefix in prefixes}
    return used


_SPECIAL: Mapping[str, Callable[[Obj], Usage]] = {
    "pods": _pod_usage,
    "services": _service_usage,
    "persistentvolumeclaims": _claim_usage,
}


def unstated(pod: Obj, limited: Iterable[str]) -> str:
    """What containers leave open although a quota limits it: "requests.cpu for: a,b; ..." or ""."""
    missing: dict[str, set[str]] = {}
    wanted = [name for name in limited if name in _STATED]
    spec = pod["spec"]
    if any((spec.get("resources") or {}).values()):
        wanted = [name for name in wanted if not _stated(spec, name)]
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for name in wanted:
            if not _stated(container, name):
                missing.setdefault(name, set()).add(container["name"])
    return "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))


def _stated(holder: Obj, name: str) -> bool:
    which, _, resource = name.rpartition(".")
    return resource in ((holder.get("resources") or {}).get(which or "requests") or {})


def in_all_scopes(quota: Obj, resource: GVR, obj: Obj) -> bool:
    """Whether `obj` is within every scope of the quota, of which there may be none."""
    spec = quota.get("spec") or {}
    for scope in spec.get("scopes") or ():
        if not in_scope(scope, "Exists", (), resource, obj):
            return False
    for expression in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        operator, values = expression.get("operator", ""), expression.get("values") or ()
        if not in_scope(expression.get("scopeName", ""), operator, values, resource, obj):
            return False
    return True


def in_scope(scope: str, operator: str, values: Iterable[str], resource: GVR, obj: Obj) -> bool:
    """Whether `obj` is within one scope of a quota."""
    if resource.group or resource.resource != "pods":
        if scope == "VolumeAttributesClass" and resource.resource == "persistentvolumeclaims":
            return _matches(operator, values, (obj.get("spec") or {}).get("volumeAttributesClassName") or "")
        return False
    spec = obj["spec"]
    if scope == "Terminating":
        return is_terminating(obj)
    if scope == "NotTerminating":
        return not is_terminating(obj)
    if scope == "BestEffort":
        return _is_best_effort(obj)
    if scope == "NotBestEffort":
        return not _is_best_effort(obj)
    if scope == "PriorityClass":
        return _matches(operator, values, spec.get("priorityClassName") or "")
    if scope == "CrossNamespacePodAffinity":
        return _has_cross_namespace_affinity(spec.get("affinity") or {})
    return False


def is_terminating(pod: Obj) -> bool:
    """Whether the Pod may only run for so long. The one scope that an update can change."""
    return pod["spec"].get("activeDeadlineSeconds") is not None


def _matches(operator: str, values: Iterable[str], value: str) -> bool:
    if operator == "Exists":
        return bool(value)
    if operator == "DoesNotExist":
        return not value
    return (value in values) == (operator == "In")


def _is_best_effort(pod: Obj) -> bool:
    spec = pod["spec"]
    holders = (spec, *(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    for holder in holders:
        resources = holder.get("resources") or {}
        for which in ("requests", "limits"):
            for name, value in (resources.get(which) or {}).items():
                if name in ("cpu", "memory") and parse(value).nanos:
                    return False
    return True


def _has_cross_namespace_affinity(affinity: Obj) -> bool:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        terms = list(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [item.get("podAffinityTerm") or {} for item in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False


def _is_finished(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _is_stuck(pod: Obj) -> bool:
    """Whether it should long have been gone: a lost node must not keep others from taking its place."""
    metadata = pod["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    if not deleted or grace is None:
        return False
    return bool(datetime.now(UTC) > datetime.fromisoformat(deleted) + timedelta(seconds=grace))
