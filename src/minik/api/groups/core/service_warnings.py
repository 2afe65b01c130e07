"""Warnings about Services."""

from minik.api.types import Obj


def service_warnings(_new: Obj, _old: Obj | None = None) -> list[str]:
    return []
