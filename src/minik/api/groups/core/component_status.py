"""ComponentStatus (v1): health of the control plane, deprecated and computed on every request."""

from datetime import datetime
from typing import Any

from minik.api.columns import NAME
from minik.api.scheme import Column, Resource
from minik.api.types import Obj

_COLUMNS = (
    NAME,
    Column("Status", description="Status of the component conditions"),
    Column("Message", description="Message of the component conditions"),
    Column("Error", description="Error of the component conditions"),
)


def _cells(obj: Obj, _now: datetime) -> list[Any]:
    for condition in obj.get("conditions") or ():
        if condition.get("type") == "Healthy":
            status = "Healthy" if condition.get("status") == "True" else "Unhealthy"
            return [obj["metadata"]["name"], status, condition.get("message", ""), condition.get("error", "")]
    return [obj["metadata"]["name"], "Unknown", "", ""]


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ComponentStatus",
        plural="componentstatuses",
        singular="componentstatus",
        type_name="io.k8s.api.core.v1.ComponentStatus",
        namespaced=False,
        short_names=("cs",),
        verbs=("get", "list"),
        stored=False,
        columns=_COLUMNS,
        cells=_cells,
        deprecation="v1 ComponentStatus is deprecated in v1.19+",
    ),
)
