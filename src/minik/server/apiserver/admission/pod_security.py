"""PodSecurity: a namespace's labels say which Pod Security Standard its Pods must meet.

https://kubernetes.io/docs/concepts/security/pod-security-admission/ . Enforcing refuses Pods; warning and auditing
also look at the templates of workloads. What the levels demand is in pod_security_checks.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid, invalid_value
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.admission.pod_security_checks import LATEST, violations
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.pod_references import containers

NAMESPACES = GVR("", "v1", "namespaces")
PODS = GVR("", "v1", "pods")
_PREFIX = "pod-security.kubernetes.io/"
_LEVELS = ("privileged", "baseline", "restricted")
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
# (group, plural) -> where the Pod's template is
_TEMPLATES: Mapping[tuple[str, str], Sequence[str]] = {
    ("", "podtemplates"): ("template",),
    ("", "replicationcontrollers"): ("spec", "template"),
    ("apps", "deployments"): ("spec", "template"),
    ("apps", "replicasets"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"),
    ("apps", "daemonsets"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"),
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True)
class Standard:
    """A level at a version of Kubernetes; printed as "baseline:latest"."""

    level: str = "privileged"
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.version == LATEST else f'v1.{self.version}'}"

    def is_tighter_than(self, other: "Standard") -> bool:
        """Whether Pods that the other let in have to be looked at again; versions cannot be compared."""
        if self == other or self.level == "privileged":
            return False
        return self.version != other.version or _LEVELS.index(self.level) > _LEVELS.index(other.level)

    def complaints(self, pod: Obj) -> str:
        """What keeps the Pod from it, `reason (detail)` each; empty if nothing does."""
        found = violations(self.level, self.version, pod)
        return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)

    def reasons(self, pod: Obj) -> str:
        return ", ".join(reason for reason, _ in violations(self.level, self.version, pod))


class PodSecurity(Plugin):
    name = "PodSecurity"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "namespaces"), ("", "pods"), *_TEMPLATES})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None:
            return
        if attributes.gvr.resource == "namespaces":
            self._namespace(attributes, attributes.obj)
        elif attributes.gvr.resource == "pods":
            self._pod(attributes, attributes.obj)
        elif not attributes.subresource:
            self._workload(attributes, attributes.obj)

    def _pod(self, attributes: AdmissionAttributes, pod: Obj) -> None:
        if attributes.subresource not in ("", "ephemeralcontainers"):
            return
        if attributes.operation is UPDATE and not _changes_matter(pod, attributes.old_obj or {}):
            return
        policy = policy_of(self._labels(attributes))
        if any(wanted.level != "privileged" for wanted in (policy.enforce, policy.audit, policy.warn)):
            attributes.annotations[_PREFIX + "enforce-policy"] = str(policy.enforce)
        _audit(attributes, policy.audit, pod)
        complaints = policy.enforce.complaints(pod)
        if complaints:
            raise refuse(attributes, f'violates PodSecurity "{policy.enforce}": {complaints}')
        _warn(attributes, policy.warn, pod)

    def _workload(self, attributes: AdmissionAttributes, obj: Obj) -> None:
        template: Obj = obj
        for field in _TEMPLATES[attributes.gvr.group, attributes.gvr.resource]:
            template = template.get(field) or {}
        if template.get("spec"):
            policy = policy_of(self._labels(attributes))
            pod = {"metadata": {}, **template}
            _audit(attributes, policy.audit, pod)
            _warn(attributes, policy.warn, pod)

    def _labels(self, attributes: AdmissionAttributes) -> Mapping[str, str]:
        namespace = self._objects.get(NAMESPACES, attributes.namespace)
        labels: Mapping[str, str] = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
        return labels

    def _namespace(self, attributes: AdmissionAttributes, namespace: Obj) -> None:
        if attributes.subresource:
            return
        labels = namespace["metadata"].get("labels") or {}
        before = ((attributes.old_obj or {}).get("metadata") or {}).get("labels") or {}
        errors = label_errors(labels)
        if errors and errors != label_errors(before):
            raise invalid("", "Namespace", namespace["metadata"]["name"], errors)
        if attributes.old_obj is not None:
            wanted = policy_of(labels).enforce
            if wanted.is_tighter_than(policy_of(before).enforce):
                self._warn_about_existing(attributes, namespace["metadata"]["name"], wanted)

    def _warn_about_existing(self, attributes: AdmissionAttributes, namespace: str, wanted: Standard) -> None:
        """Pods that are there stay; whoever tightens the level hears of those that would not be let in again."""
        pods_by_reasons: dict[str, list[str]] = {}
        for pod in self._objects.list(PODS, namespace):
            reasons = wanted.reasons(pod)
            if reasons:
                pods_by_reasons.setdefault(reasons, []).append(pod["metadata"]["name"])
        if not pods_by_reasons:
            return
        attributes.warnings.append(
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{wanted}"'
        )
        attributes.warnings += sorted(f"{_some(sorted(names))}: {text}" for text, names in pods_by_reasons.items())


def _some(names: Sequence[str]) -> str:
    others = len(names) - 1
    return names[0] if not others else f"{names[0]} (and {others} other pod{'s' if others > 1 else ''})"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace asks of its Pods."""

    enforce: Standard
    audit: Standard
    warn: Standard


def policy_of(labels: Mapping[str, str]) -> Policy:
    """Of a namespace's labels: whoever says only what is enforced is warned of the same.

    A wrong level enforces the strictest and audits and warns of nothing; a wrong version counts as the latest.
    """
    enforce, audit, warn = (_standard(labels, mode) for mode in ("enforce", "audit", "warn"))
    if _PREFIX + "warn" not in labels and labels.get(_PREFIX + "enforce") in _LEVELS:
        version = warn.version if _PREFIX + "warn-version" in labels else enforce.version
        warn = Standard(enforce.level, version)
    return Policy(enforce, audit, warn)


def _standard(labels: Mapping[str, str], mode: str) -> Standard:
    level = labels.get(_PREFIX + mode, "privileged")
    if level not in _LEVELS:
        level = "restricted" if mode == "enforce" else "privileged"
    found = _VERSION.fullmatch(labels.get(f"{_PREFIX}{mode}-version", ""))
    return Standard(level, int(found[1]) if found else LATEST)


def label_errors(labels: Mapping[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for mode in ("enforce", "audit", "warn"):
        level, version = labels.get(_PREFIX + mode), labels.get(f"{_PREFIX}{mode}-version")
        if level is not None and level not in _LEVELS:
            text = "must be one of privileged, baseline, restricted"
            errors.append(invalid_value(f"metadata.labels[{_PREFIX}{mode}]", level, text))
        if version is not None and version != "latest" and not _VERSION.fullmatch(version):
            text = 'must be "latest" or "v1.x"'
            errors.append(invalid_value(f"metadata.labels[{_PREFIX}{mode}-version]", version, text))
    return errors


def _audit(attributes: AdmissionAttributes, wanted: Standard, pod: Obj) -> None:
    complaints = wanted.complaints(pod)
    if complaints:
        attributes.annotations[_PREFIX + "audit-violations"] = f'would violate PodSecurity "{wanted}": {complaints}'


def _warn(attributes: AdmissionAttributes, wanted: Standard, pod: Obj) -> None:
    complaints = wanted.complaints(pod)
    if complaints:
        attributes.warnings.append(f'would violate PodSecurity "{wanted}": {complaints}')


def _changes_matter(pod: Obj, old: Obj) -> bool:
    """Most of a Pod cannot change; only images and new ephemeral containers are looked at again."""
    new_images = [(container["name"], container.get("image")) for container in containers(pod)]
    return new_images != [(container["name"], container.get("image")) for container in containers(old)]
