"""The runtime's event stream: tells which container exited or ran out of memory, the moment it happens.

containerd's own events service is used because CRI's GetContainerEvents only exists from containerd 1.7 on; its few
messages are parsed from the wire here. Another runtime is asked for CRI events, and one that has neither is listed
once a second.
https://github.com/containerd/containerd/blob/main/api/services/events/v1/events.proto
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import grpc
from cri_api.v1 import api_pb2 as cri
from cri_api.v1.api_pb2_grpc import RuntimeServiceStub

from minik.agent.kubelet.runtime import Runtime

log = logging.getLogger("minik.kubelet")

NAMESPACE = "k8s.io"
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 5.0  # seconds
RELIST_PERIOD = 1.0  # seconds, only for runtimes without events
_SUBSCRIBE = "/containerd.services.events.v1.Events/Subscribe"
_FILTERS = (
    f'namespace=={NAMESPACE},topic=="/tasks/exit"',
    f'namespace=={NAMESPACE},topic=="/tasks/delete"',
    f'namespace=={NAMESPACE},topic=="/tasks/oom"',
)


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """Something happened to a container or sandbox. An empty `container_id` means: look at everything again."""

    topic: str  # "/tasks/exit", "/tasks/delete", "/tasks/oom", "relist"
    container_id: str
    exec_id: str = ""  # set when only a process inside the container exited


class RecentEnds:
    """Containers and sandboxes of which the runtime has told that they ended, the latest ones.

    It tells before its lists show it, and it may tell before the one who starts a container knows of it.
    """

    def __init__(self, kept: int = 1024) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._kept = kept

    def add(self, container_id: str) -> None:
        self._ids[container_id] = None
        while len(self._ids) > self._kept:
            self._ids.popitem(last=False)

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._ids


async def watch(runtime: Runtime) -> AsyncIterator[RuntimeEvent]:
    """Events for ever. Every (re)connection starts with a "relist", for what was missed."""
    backoff = FIRST_BACKOFF
    source: Callable[[Runtime], AsyncIterator[RuntimeEvent]] = _containerd_events
    while True:
        try:
            async for event in source(runtime):
                if event.container_id:
                    backoff = FIRST_BACKOFF
                yield event
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                source = _cri_events if source is _containerd_events else _relist
                continue
            log.info("the runtime's event stream broke: %s", error.details())
        await asyncio.sleep(backoff)
        backoff = min(backoff * 2, LONGEST_BACKOFF)


async def _containerd_events(runtime: Runtime) -> AsyncIterator[RuntimeEvent]:
    request = b"".join(_field(1, text.encode()) for text in _FILTERS)
    subscribe = runtime.channel.unary_stream(
        _SUBSCRIBE, request_serializer=lambda body: body, response_deserializer=lambda body: body
    )
    stream = subscribe(request, metadata=(("containerd-namespace", NAMESPACE),), wait_for_ready=True)
    try:
        yield RuntimeEvent("relist", "")
        async for message in stream:
            event = parse_envelope(message)
            if event is not None:
                yield event
    finally:
        stream.cancel()


async def _cri_events(runtime: Runtime) -> AsyncIterator[RuntimeEvent]:
    stream = RuntimeServiceStub(runtime.channel).GetContainerEvents(  # type: ignore[no-untyped-call]
        cri.GetEventsRequest()
    )
    try:
        yield RuntimeEvent("relist", "")
        async for message in stream:
            if message.container_event_type in (cri.CONTAINER_STOPPED_EVENT, cri.CONTAINER_DELETED_EVENT):
                yield RuntimeEvent("/tasks/delete", message.container_id)
    finally:
        stream.cancel()


async def _relist(_: Runtime) -> AsyncIterator[RuntimeEvent]:
    while True:
        yield RuntimeEvent("relist", "")
        await asyncio.sleep(RELIST_PERIOD)


def parse_envelope(message: bytes) -> RuntimeEvent | None:
    """An Envelope {timestamp=1, namespace=2, topic=3, event=4 Any}, or None when it is none of ours."""
    fields = dict(_fields(message))
    topic = fields.get(3, b"").decode()
    payload = dict(_fields(fields.get(4, b""))).get(2, b"")  # Any {type_url=1, value=2}
    values = dict(_fields(payload))
    container_id = values.get(1, b"").decode()
    if topic == "/tasks/oom":  # TaskOOM {container_id=1}
        return RuntimeEvent(topic, container_id)
    if topic == "/tasks/exit":  # TaskExit {container_id=1, id=2, ...}; id is the exec's, or again the container's
        process = values.get(2, b"").decode()
    elif topic == "/tasks/delete":  # TaskDelete {container_id=1, pid=2, exit_status=3, exited_at=4, id=5}
        process = values.get(5, b"").decode()
    else:
        return None
    return RuntimeEvent(topic, container_id, "" if process in ("", container_id) else process)


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message; others are skipped."""
    position, end = 0, len(message)
    while position < end:
        key, position = _read_varint(message, position)
        kind = key & 7
        if kind == 2:
            size, position = _read_varint(message, position)
            yield key >> 3, message[position : position + size]
            position += size
        elif kind == 0:
            _, position = _read_varint(message, position)
        else:
            position += 8 if kind == 1 else 4


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
