"""Warnings about Nodes: fields without function."""

from minik.api.types import Obj


def node_warnings(node: Obj, _old: Obj | None = None) -> list[str]:
    if (node.get("spec") or {}).get("externalID"):
        return ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]
    return []
