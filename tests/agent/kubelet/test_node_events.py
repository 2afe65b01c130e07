"""The Events of a node: its start and what changes about it."""

from typing import Any

import pytest

from minik.agent.kubelet.node_events import NodeEvents, changes


def conditions(**statuses: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": status} for kind, status in statuses.items()]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"MemoryPressure": "False", "Ready": "True"}, ["NodeHasSufficientMemory", "NodeReady"]),
        ({}, {"Ready": "False"}, []),
        ({"Ready": "True"}, {"Ready": "False"}, ["NodeNotReady"]),
        ({"Ready": "Unknown"}, {"Ready": "True"}, ["NodeReady"]),
        ({"DiskPressure": "False"}, {"DiskPressure": "True"}, ["NodeHasDiskPressure"]),
        ({"PIDPressure": "False", "Ready": "True"}, {"PIDPressure": "False", "Ready": "True"}, []),
    ],
)
def test_changed_conditions(before: dict[str, str], now: dict[str, str], told: list[str]) -> None:
    assert list(changes(conditions(**before), conditions(**now))) == told


class Recorder:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def event(self, about: Any, kind: str, reason: str, message: str) -> None:
        self.told.append((about["uid"], kind, reason, message))


def test_cordons_and_reboots() -> None:
    recorder = Recorder()
    events = NodeEvents(recorder, "n")  # type: ignore[arg-type]
    for unschedulable in (False, True, True, False):
        events.seen({"spec": {"unschedulable": unschedulable}})
    events.booted("", "b1")
    events.booted("b1", "b1")
    events.booted("b1", "b2")
    assert recorder.told == [
        ("n", "Normal", "NodeNotSchedulable", "Node n status is now: NodeNotSchedulable"),
        ("n", "Normal", "NodeSchedulable", "Node n status is now: NodeSchedulable"),
        ("n", "Warning", "Rebooted", "Node n has been rebooted, boot id: b2"),
    ]
