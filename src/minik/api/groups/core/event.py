"""Event (v1): what happened to an object; soft state that is kept for an hour.

events.k8s.io/v1 is the same object with other field names; its room translates.
Rules: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from collections.abc import Callable

from minik.api import names
from minik.api.groups.core.event_columns import COLUMNS, cells
from minik.api.groups.core.event_validation import validate_core_event, validate_core_event_update
from minik.api.scheme import Resource, Strategy
from minik.api.types import Obj


def _involved(key: str) -> Callable[[Obj], str]:
    return lambda obj: str((obj.get("involvedObject") or {}).get(key, ""))


def _source(obj: Obj) -> str:
    return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")


SELECTABLE_FIELDS: dict[str, Callable[[Obj], str]] = {
    **{
        f"involvedObject.{key}": _involved(key)
        for key in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
    "reason": lambda obj: str(obj.get("reason", "")),
    "reportingComponent": lambda obj: str(obj.get("reportingComponent", "")),
    "source": _source,
    "type": lambda obj: str(obj.get("type", "")),
}

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Event",
        plural="events",
        singular="event",
        type_name="io.k8s.api.core.v1.Event",
        short_names=("ev",),
        strategy=Strategy(
            validate=validate_core_event,
            validate_update=validate_core_event_update,
            create_on_update=True,
            name_errors=names.path_segment_name,
            metadata_checks=(),
        ),
        columns=COLUMNS,
        cells=cells,
        selectable_fields=SELECTABLE_FIELDS,
        storage_version_hash="r2yiGXH7wu8=",
    ),
)
