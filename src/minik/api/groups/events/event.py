"""Event (events.k8s.io/v1): the newer face of v1 Events, which are what is stored.

Rules: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from collections.abc import Callable

from minik.api.groups.conversion import converting
from minik.api.groups.core.event_columns import COLUMNS, cells
from minik.api.groups.core.event_validation import validate_event, validate_event_update
from minik.api.groups.events.event_conversion import from_storage, to_storage
from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR, Obj


def _regarding(key: str) -> Callable[[Obj], str]:
    return lambda obj: str((obj.get("regarding") or {}).get(key, ""))


_SELECTABLE: dict[str, Callable[[Obj], str]] = {
    **{
        f"regarding.{key}": _regarding(key)
        for key in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
    "reason": lambda obj: str(obj.get("reason", "")),
    "reportingController": lambda obj: str(obj.get("reportingController", "")),
    "type": lambda obj: str(obj.get("type", "")),
}

RESOURCES = (
    Resource(
        group="events.k8s.io",
        version="v1",
        kind="Event",
        plural="events",
        singular="event",
        type_name="io.k8s.api.events.v1.Event",
        short_names=("ev",),
        strategy=Strategy(
            validate=converting(to_storage, validate_event),
            validate_update=converting(to_storage, validate_event_update),
            create_on_update=True,
        ),
        columns=COLUMNS,
        cells=converting(to_storage, cells),
        selectable_fields=_SELECTABLE,
        storage=GVR("", "v1", "events"),
        from_storage=from_storage,
        to_storage=to_storage,
        storage_version_hash="r2yiGXH7wu8=",
    ),
)
