"""Event (events.k8s.io/v1)."""

from minik.api.scheme import Resource
from minik.api.types import GVR

RESOURCES = (
    Resource(
        group="events.k8s.io",
        version="v1",
        kind="Event",
        plural="events",
        singular="event",
        type_name="io.k8s.api.events.v1.Event",
        short_names=("ev",),
        storage=GVR("", "v1", "events"),
        storage_version_hash="r2yiGXH7wu8=",
    ),
)
