"""Warnings about Pods."""

from minik.api.types import Obj


def pod_warnings(_pod: Obj) -> list[str]:
    return []


def template_warnings(_template: Obj | None, _path: str, _old: Obj | None) -> list[str]:
    return []
