"""Warnings about Pods and pod templates: legal, but hardly meant.

Order and texts are upstream's (pkg/api/pod warnings).
"""

from collections.abc import Iterator, Mapping, Sequence

from minik.api.groups.core.node_labels import DEPRECATED_LABELS, node_selector_term_warnings
from minik.api.groups.core.pod_scheduling_fields import APPARMOR_PREFIX
from minik.api.groups.core.volume_path_warnings import path_warnings
from minik.api.groups.core.windows_validation import containers_with_paths
from minik.api.ip_validation import ip_warnings
from minik.api.quantity import parse
from minik.api.types import Obj

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/"
_SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_VOLUMES = {
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "ephemeral": ("ephemeral", ""),
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}
_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def _fraction(resources: Mapping[str, str] | None, name: str, path: str) -> Iterator[str]:
    text = (resources or {}).get(name)
    if text is not None and parse(text).milli % 1000:
        yield f'{path}[{name}]: fractional byte value "{text}" is invalid, must be an integer'


def claim_spec_warnings(spec: Obj, path: str) -> list[str]:
    """Of a PersistentVolumeClaim's spec, wherever it stands."""
    resources = spec.get("resources") or {}
    return [
        warning
        for which in ("requests", "limits")
        for warning in _fraction(resources.get(which), "storage", f"{path}.resources.{which}")
    ]


def _node_label_warnings(spec: Obj, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in DEPRECATED_LABELS:
            yield f"{path}.nodeSelector[{key}]: {DEPRECATED_LABELS[key]}"
    affinity, at = (spec.get("affinity") or {}).get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from node_selector_term_warnings(term, f"{at}.{_REQUIRED}.nodeSelectorTerms[{index}]")
    for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        term = weighted.get("preference") or {}
        yield from node_selector_term_warnings(term, f"{at}.{_PREFERRED}[{index}].preference", check_values=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        at, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey", "")
        if key in DEPRECATED_LABELS:
            yield f"{at}.topologyKey: {key} is {DEPRECATED_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{at}.labelSelector: {_NULL_SELECTOR}"


def _volume_warnings(spec: Obj, path: str) -> Iterator[str]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        at = f"{path}.volumes[{index}]"
        for kind, (shown, text) in _VOLUMES.items():
            if volume.get(kind) is None:
                continue
            if kind == "ephemeral":
                template = volume["ephemeral"].get("volumeClaimTemplate") or {}
                yield from claim_spec_warnings(template.get("spec") or {}, f"{at}.ephemeral.volumeClaimTemplate.spec")
            else:
                yield f"{at}.{shown}: {text}"


def _list_warnings(spec: Obj, path: str) -> Iterator[str]:
    """Repeated and empty entries of hostAliases and imagePullSecrets; fractions of a byte in overhead."""
    seen: set[str] = set()
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        if alias.get("ip", "") in seen:
            yield f'{path}.hostAliases[{index}].ip: duplicate ip "{alias["ip"]}"'
        seen.add(alias.get("ip", ""))
    secrets: Sequence[str] = [each.get("name", "") for each in spec.get("imagePullSecrets") or ()]
    for index, name in enumerate(secrets):
        if name in secrets[:index]:
            yield f'{path}.imagePullSecrets[{index}].name: duplicate name "{name}"'
    for index, name in enumerate(secrets):
        if not name:
            yield f'{path}.imagePullSecrets[{index}].name: invalid empty name ""'
    for name in ("memory", "ephemeral-storage"):
        yield from _fraction(spec.get("overhead"), name, f"{path}.overhead")


def _environment_warnings(container: Obj, path: str) -> Iterator[str]:
    """A variable that hides an earlier one without building on it."""
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name", ""), variable.get("value", "")
        reference = f"$({name})"
        hides = variable.get("valueFrom") is not None or value == reference or reference not in value
        if name in seen and hides:
            text = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{path}.env[{index}]: {text}"
        seen.add(name)


def _container_warnings(spec: Obj, annotations: Mapping[str, str], path: str, meta_path: str) -> Iterator[str]:
    of_pod = spec.get("securityContext") or {}
    is_template = not meta_path.startswith("metadata")
    for container, at in containers_with_paths(spec, path):
        name, context = container.get("name", ""), container.get("securityContext") or {}
        if context.get("seccompProfile") is None and _SECCOMP_PREFIX + name in annotations:
            yield f"{meta_path}.annotations[{_SECCOMP_PREFIX + name}]: {_SECCOMP_TEXT}"
        has_profile = of_pod.get("appArmorProfile") is not None or context.get("appArmorProfile") is not None
        if is_template and not has_profile and APPARMOR_PREFIX + name in annotations:
            text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            yield f"{meta_path}.annotations[{APPARMOR_PREFIX + name}]: {text}"
        resources = container.get("resources") or {}
        for resource in ("memory", "ephemeral-storage"):
            for which in ("limits", "requests"):
                yield from _fraction(resources.get(which), resource, f"{at}.resources.{which}")
        yield from _environment_warnings(container, at)


def _overlap(port: Obj, other: Obj) -> str:
    """How two definitions of the same port and protocol get in each other's way, if they do."""
    mine, theirs = (
        (port.get("hostIP", ""), port.get("hostPort", 0)),
        (other.get("hostIP", ""), other.get("hostPort", 0)),
    )
    if mine == theirs:
        return "duplicate"
    if not mine[1] or not theirs[1]:
        return "overlapping"
    if mine[1] == theirs[1] and bool(mine[0]) != bool(theirs[0]):
        return "dangerously ambiguous"
    return ""


def _port_warnings(spec: Obj, path: str) -> Iterator[str]:
    seen: dict[tuple[int, str], list[tuple[str, Obj]]] = {}
    for container, container_path in containers_with_paths(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            at = f"{container_path}.ports[{index}]"
            if port.get("hostIP") and not port.get("hostPort"):
                shown = " ".join(
                    f"{go}:{port.get(key, empty)}"
                    for go, key, empty in (
                        ("Name", "name", ""),
                        ("HostPort", "hostPort", 0),
                        ("ContainerPort", "containerPort", 0),
                        ("Protocol", "protocol", ""),
                        ("HostIP", "hostIP", ""),
                    )
                )
                yield f"{at}: hostIP set without hostPort: {{{shown}}}"
            others = seen.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
            for other_path, other in others:
                kind = _overlap(port, other)
                if kind:
                    yield f"{at}: {kind} port definition with {other_path}"
            others.append((at, port))


def _affinity_warnings(spec: Obj, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules, at = (spec.get("affinity") or {}).get(kind) or {}, f"{path}.affinity.{kind}"
        for index, term in enumerate(rules.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{at}.{_REQUIRED}[{index}].labelSelector: {_NULL_SELECTOR}"
        for index, weighted in enumerate(rules.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{at}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NULL_SELECTOR}"


def _address_warnings(spec: Obj, path: str) -> Iterator[str]:
    for index, address in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from ip_warnings(address, f"{path}.dnsConfig.nameservers[{index}]")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from ip_warnings(alias.get("ip", ""), f"{path}.hostAliases[{index}].ip")


def _warnings(obj: Obj, prefix: str) -> list[str]:
    spec, annotations = obj.get("spec") or {}, (obj.get("metadata") or {}).get("annotations") or {}
    path, meta_path = f"{prefix}spec", f"{prefix}metadata"
    warnings = [*_node_label_warnings(spec, path)]
    warnings += [f"{meta_path}.annotations[{key}]: {text}" for key, text in _ANNOTATIONS.items() if key in annotations]
    warnings += [*_volume_warnings(spec, path), *path_warnings(spec), *_list_warnings(spec, path)]
    if (spec.get("securityContext") or {}).get("seccompProfile") is None and _SECCOMP in annotations:
        warnings.append(f"{meta_path}.annotations[{_SECCOMP}]: {_SECCOMP_TEXT}")
    warnings += [*_container_warnings(spec, annotations, path, meta_path), *_port_warnings(spec, path)]
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        warnings.append(f"{path}.terminationGracePeriodSeconds: {text}")
    return [*warnings, *_affinity_warnings(spec, path), *_address_warnings(spec, path)]


def pod_warnings(pod: Obj) -> list[str]:
    return _warnings(pod, "")


def template_warnings(template: Obj | None, path: str) -> list[str]:
    """Of the pod template at `path`."""
    return [] if template is None else _warnings(template, f"{path}.")
