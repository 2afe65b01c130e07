import asyncio

from fake_client import FakeClient, until

from minik.client.event_correlator import COMBINED, EventCorrelator
from minik.client.events import NORMAL, EventBroadcaster, object_reference
from minik.client.resources import EVENTS

POD = {"metadata": {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "7"}}


def record(broadcaster: EventBroadcaster, message: str, reason: str = "Pulled") -> None:
    recorder = broadcaster.recorder("kubelet", "n1")
    recorder.event(object_reference("v1", "Pod", POD, "spec.containers{c}"), NORMAL, reason, message)


async def test_event_is_written_with_source_and_reference():
    client = FakeClient()
    broadcaster = EventBroadcaster(client, client.clock)
    task = asyncio.create_task(broadcaster.run(asyncio.Event()))
    record(broadcaster, "hello")
    await until(lambda: client.all(EVENTS))
    event = client.all(EVENTS)[0]
    assert event["metadata"]["name"].startswith("p.")
    assert event["involvedObject"] == {
        "kind": "Pod",
        "namespace": "ns",
        "name": "p",
        "uid": "u",
        "apiVersion": "v1",
        "resourceVersion": "7",
        "fieldPath": "spec.containers{c}",
    }
    assert event["source"] == {"component": "kubelet", "host": "n1"}
    assert (event["count"], event["type"], event["reportingComponent"]) == (1, "Normal", "kubelet")

    record(broadcaster, "hello")
    await until(lambda: client.all(EVENTS)[0]["count"] == 2)
    assert len(client.all(EVENTS)) == 1
    task.cancel()


async def test_expired_event_is_created_anew():
    client = FakeClient()
    broadcaster = EventBroadcaster(client, client.clock)
    task = asyncio.create_task(broadcaster.run(asyncio.Event()))
    record(broadcaster, "hello")
    await until(lambda: client.all(EVENTS))
    client.remove(EVENTS, client.all(EVENTS)[0]["metadata"]["name"], "ns")
    record(broadcaster, "hello")
    await until(lambda: client.all(EVENTS))
    assert client.all(EVENTS)[0]["count"] == 2
    task.cancel()


async def test_counts_within_a_batch_are_written_once():
    client = FakeClient()
    broadcaster = EventBroadcaster(client, client.clock)
    for _ in range(3):
        record(broadcaster, "hello")
    record(broadcaster, "other")
    batch = [broadcaster._queue.get_nowait() for _ in range(4)]
    outcomes = broadcaster.merge(batch)
    assert [(o.event["message"], o.event["count"], o.patch) for o in outcomes] == [
        ("hello", 3, None),
        ("other", 1, None),
    ]


async def test_stopping_writes_what_is_left():
    client = FakeClient()
    broadcaster = EventBroadcaster(client, client.clock)
    task = asyncio.create_task(broadcaster.run(asyncio.Event()))
    await asyncio.sleep(0)
    record(broadcaster, "hello")
    task.cancel()
    await asyncio.wait([task])
    assert client.all(EVENTS)


def event(message: str, name: str = "p") -> dict:
    return {
        "metadata": {"name": f"{name}.{message}", "namespace": "ns"},
        "involvedObject": {"kind": "Pod", "namespace": "ns", "name": name},
        "source": {"component": "kubelet"},
        "reason": "R",
        "type": "Normal",
        "message": message,
        "count": 1,
        "firstTimestamp": "t1",
        "lastTimestamp": "t1",
        "reportingComponent": "kubelet",
        "reportingInstance": "",
    }


def test_tenth_similar_message_is_combined():
    correlator = EventCorrelator()
    outcomes = [correlator.correlate(event(f"m{n}"), now=0) for n in range(12)]
    assert [o.event["message"] for o in outcomes[:9]] == [f"m{n}" for n in range(9)]
    assert outcomes[9].event["message"] == COMBINED + "m9"
    assert outcomes[9].patch is None
    assert outcomes[11].patch == {"count": 3, "lastTimestamp": "t1", "message": COMBINED + "m11"}
    assert outcomes[11].event["metadata"]["name"] == outcomes[9].event["metadata"]["name"]


def test_source_that_talks_too_much_is_silenced_per_object():
    correlator = EventCorrelator()
    outcomes = [correlator.correlate(event("m"), now=0) for _ in range(30)]
    assert sum(o is not None for o in outcomes) == 25
    assert correlator.correlate(event("m", "other"), now=0) is not None
    assert correlator.correlate(event("m"), now=299) is None
    assert correlator.correlate(event("m"), now=301) is not None
