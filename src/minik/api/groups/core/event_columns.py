"""The row of an Event (v1 and events.k8s.io/v1, which share storage) in tables."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from minik.api.columns import NAME, since
from minik.api.scheme import Column
from minik.api.types import Obj

COLUMNS = (
    Column("Last Seen", description="The time at which the most recent occurrence of this event was recorded."),
    Column("Type", description="Type of this event (Normal, Warning), new types could be added in the future"),
    Column(
        "Reason",
        description=(
            "This should be a short, machine understandable string that gives the reason for the transition "
            "into the object's current status."
        ),
    ),
    Column("Object", description="The object that this event is about."),
    Column(
        "Subobject",
        priority=1,
        description=(
            "If referring to a piece of an object instead of an entire object, this string should contain a "
            "valid JSON/Go field access statement, such as desiredState.manifest.containers[2]. For example, if "
            "the object reference is to a container within a pod, this would take on a value like: "
            '"spec.containers{name}" (where "name" refers to the name of the container that triggered the '
            'event) or if no container name is specified "spec.containers[2]" (container with index 2 in this '
            "pod). This syntax is chosen only to have some well-defined way of referencing a part of an object."
        ),
    ),
    Column(
        "Source",
        priority=1,
        description=("The component reporting this event. Should be a short machine understandable string."),
    ),
    Column("Message", description="A human-readable description of the status of this operation."),
    Column(
        "First Seen",
        priority=1,
        description=("The time at which the event was first recorded. (Time of server receipt is in TypeMeta.)"),
    ),
    Column("Count", priority=1, description="The number of times this event has occurred."),
    replace(NAME, priority=1),
)


def _source(event: Obj) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    instance = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {instance}" if instance else str(component)


def _target(event: Obj) -> str:
    about = event.get("involvedObject") or {}
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def cells(event: Obj, now: datetime) -> list[Any]:
    """Of a core/v1 Event. Old events count and have first and last time, new ones a series and an event time."""
    first = since(event.get("firstTimestamp") or event.get("eventTime"), now)
    last = since(event["lastTimestamp"], now) if event.get("lastTimestamp") else first
    count = event.get("count") or 1
    series = event.get("series")
    if series:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    return [
        last,
        event.get("type", ""),
        event.get("reason", ""),
        _target(event),
        (event.get("involvedObject") or {}).get("fieldPath", ""),
        _source(event),
        event.get("message", "").strip(),
        first,
        count,
        event["metadata"]["name"],
    ]
