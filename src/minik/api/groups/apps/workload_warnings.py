"""Warnings about workloads as such; those about their pod templates are core's."""

from minik.api import names
from minik.api.types import Obj


def name_warnings(obj: Obj, old: Obj | None) -> list[str]:
    """Of a new object whose name its Pods take over."""
    complaints = names.dns_label(obj["metadata"].get("name", "")) if old is None else []
    if not complaints:
        return []
    text = (
        "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
    )
    return [f"metadata.name: {text}: [{' '.join(complaints)}]"]


def spec_changed(new: Obj, old: Obj | None) -> bool:
    """Whether there is something new to warn about: the object is new, or a generation later."""
    return old is None or new["metadata"].get("generation") != old["metadata"].get("generation")
