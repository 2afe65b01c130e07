"""SPDY/3.1 as kubelets speak it: frames as bytes, and a connection with streams."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.server.apiserver.streaming.spdy import SpdyConnection
from minik.server.apiserver.streaming.spdy_frames import (
    DICTIONARY,
    Frame,
    FrameReader,
    FrameType,
    FrameWriter,
    SpdyError,
)

names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)


def test_the_dictionary_is_that_of_the_specification() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(st.dictionaries(names, st.text(max_size=30), max_size=5), min_size=1, max_size=5))
def test_headers_share_one_compression_context(blocks: list[dict[str, str]]) -> None:
    writer, reader = FrameWriter(), FrameReader()
    for number, headers in enumerate(blocks):
        sent = Frame(FrameType.SYN_STREAM, 2 * number + 1, headers=headers)
        data = writer.encode(sent)
        assert FrameReader.length(data[:8]) == len(data) - 8
        assert reader.decode(data[:8], data[8:]) == sent


@pytest.mark.parametrize(
    "frame",
    [
        Frame(FrameType.DATA, 3, fin=True, data=b"abc"),
        Frame(FrameType.PING, value=7),
        Frame(FrameType.RST_STREAM, 5, value=1),
        Frame(FrameType.SYN_REPLY, 1, headers={"a": "b"}),
    ],
)
def test_other_frames_come_back_as_they_went(frame: Frame) -> None:
    data = FrameWriter().encode(frame)
    assert FrameReader().decode(data[:8], data[8:]) == frame


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"\x80\x02\x00\x01\x00\x00\x00\x00", b""),  # SPDY/2
        (b"\x80\x03\x00\x01\x00\x00\x00\x02", b"xx"),  # SYN_STREAM cut short
        (b"\x80\x03\x00\x02\x00\x00\x00\x08", b"\0\0\0\1junk"),  # headers that do not decompress
    ],
)
def test_what_is_malformed_is_refused(head: bytes, body: bytes) -> None:
    with pytest.raises(SpdyError):
        FrameReader().decode(head, body)


def test_a_frame_beyond_all_bounds_is_not_read() -> None:
    with pytest.raises(SpdyError):
        FrameReader.length(b"\x00\x00\x00\x01\x00\xff\xff\xff")


class Peer:
    """The other end: accepts streams, echoes data in upper case, answers FIN with FIN."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames, out = FrameReader(), FrameWriter()
        try:
            while True:
                head = await reader.readexactly(8)
                frame = frames.decode(head, await reader.readexactly(FrameReader.length(head)))
                assert frame is not None
                if frame.type is FrameType.SYN_STREAM:
                    self.headers.append(dict(frame.headers))
                    writer.write(out.encode(Frame(FrameType.SYN_REPLY, frame.stream_id)))
                elif frame.type is FrameType.DATA:
                    answer = Frame(FrameType.DATA, frame.stream_id, fin=frame.fin, data=frame.data.upper())
                    writer.write(out.encode(answer))
        except asyncio.IncompleteReadError:
            writer.close()


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Peer, int]]:
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    yield peer, server.sockets[0].getsockname()[1]
    server.close()


async def test_streams_carry_data_both_ways_and_end(peer: tuple[Peer, int]) -> None:
    other, port = peer
    async with asyncio.timeout(10), SpdyConnection(*await asyncio.open_connection("127.0.0.1", port)) as connection:
        first = await connection.open_stream({"streamType": "stdin"})
        second = await connection.open_stream({"streamType": "error"})
        await first.wait_accepted()
        await second.wait_accepted()
        await first.write(b"hello")
        assert await first.read() == b"HELLO"
        await first.close()
        assert await first.read() == b""
        await second.write(b"x")
        assert await second.read() == b"X"
    assert other.headers == [{"streamtype": "stdin"}, {"streamtype": "error"}]


async def test_a_lost_connection_ends_every_stream(peer: tuple[Peer, int]) -> None:
    _, port = peer
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(10), SpdyConnection(reader, writer) as connection:
        stream = await connection.open_stream({})
        await stream.wait_accepted()
        reader.feed_eof()
        assert await stream.read() == b""
        assert await stream.read() == b""
