"""Event (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Event",
        plural="events",
        singular="event",
        type_name="io.k8s.api.core.v1.Event",
        short_names=("ev",),
        storage_version_hash="r2yiGXH7wu8=",
    ),
)
