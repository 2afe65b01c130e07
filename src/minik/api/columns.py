"""What tables (kubectl get) share: the columns Name and Age, and how ages, labels and containers are written.

Rooms build their columns and cells from these. Formats are kubectl's, which prints what the server says.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from minik.api.scheme import Column
from minik.api.types import Obj

CREATION_TIME = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. "
    "It is not guaranteed to be set in happens-before order across separate operations. "
    "Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\n"
    "Populated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
NAME = Column(
    "Name",
    format="name",
    description=(
        "Name must be unique within a namespace. Is required when creating resources, although some resources may "
        "allow a client to request the generation of an appropriate name automatically. Name is primarily intended "
        "for creation idempotence and configuration definition. Cannot be updated. More info: "
        "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
    ),
)
AGE = Column("Age", description=CREATION_TIME)
CONTAINERS = Column("Containers", priority=1, description="Names of each container in the template.")
IMAGES = Column("Images", priority=1, description="Images referenced by each container in the template.")


def parse_time(text: str) -> datetime:
    """An RFC3339 time of the API (seconds or microseconds), aware, in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def human_duration(duration: timedelta) -> str:
    """About two significant units, as kubectl writes ages: 45s, 5m3s, 36h, 12d, 2y40d."""
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(text: str | None, now: datetime) -> str:
    """The age of a time of the API."""
    return human_duration(now - parse_time(text)) if text else "<unknown>"


def age(obj: Obj, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def or_none(text: str | None) -> str:
    return text or "<none>"


def labels_cell(labels: Mapping[str, str] | None) -> str:
    """`a=b,c=d`, sorted."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def container_cells(containers: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """The cells Containers and Images."""
    listed = containers or ()
    return [",".join(each.get("name", "") for each in listed), ",".join(each.get("image", "") for each in listed)]
