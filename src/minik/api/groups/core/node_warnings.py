"""Warnings about Nodes."""

from minik.api.types import Obj


def node_warnings(_new: Obj, _old: Obj | None = None) -> list[str]:
    return []
