"""Warnings about Nodes: fields without function."""

from minik.api.types import Obj

_ANNOTATION = "scheduler.alpha.kubernetes.io/preferAvoidPods"


def node_warnings(node: Obj, _old: Obj | None = None) -> list[str]:
    spec = node.get("spec") or {}
    warnings: list[str] = []
    if spec.get("configSource") is not None:
        warnings.append("spec.configSource: the feature is no longer supported")
    if spec.get("externalID"):
        warnings.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    if _ANNOTATION in (node["metadata"].get("annotations") or {}):
        text = "deprecated since v1.22; use Taints and Tolerations instead"
        warnings.append(f"metadata.annotations[{_ANNOTATION}]: {text}")
    return warnings
