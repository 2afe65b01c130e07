"""What a client of attach over WebSocket v5 is told at the end."""

from typing import Any

import pytest

from minik.server.apiserver.streaming import remote_command
from minik.server.apiserver.streaming.remote_command import ERROR, STDOUT

SILENCE, OUTCOME = b"too late", b"outcome"


class Stream:
    """Sends what it has, then ends."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = [*chunks, b""]

    async def read(self) -> bytes:
        return self._chunks.pop(0)


class Socket:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)


@pytest.mark.parametrize(
    ("moment", "said", "told"),
    [
        (10.0, (), [b"\3" + SILENCE]),
        (10.0, (b"hi",), [b"\1hi", b"\3" + OUTCOME]),
        (0.0, (), [b"\3" + OUTCOME]),  # it was attached long enough to hear that there is nothing
    ],
)
async def test_who_hears_nothing_in_a_moment_may_have_come_too_late(
    monkeypatch: pytest.MonkeyPatch, moment: float, said: tuple[bytes, ...], told: list[bytes]
) -> None:
    monkeypatch.setattr(remote_command, "MOMENT", moment)
    socket = Socket()
    streams: Any = {STDOUT: Stream(*said), ERROR: Stream(OUTCOME)}
    await remote_command._all_to_client(socket, streams, SILENCE)  # type: ignore[arg-type]
    assert socket.sent == told
