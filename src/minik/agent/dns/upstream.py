"""Questions about the world outside: handed on, unread, to the machine's own name servers (/etc/resolv.conf)."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

ATTEMPT_TIMEOUT = 2.0  # seconds to wait for one server
MAX_MESSAGE = 65535


class UpstreamError(Exception):
    """No name server answered."""


class Upstream:
    """The machine's name servers. `own_address` is skipped, lest minik asks itself."""

    def __init__(self, own_address: str, resolv_conf: Path = Path("/etc/resolv.conf")) -> None:
        self._own_address = own_address
        self._resolv_conf = resolv_conf
        self._read_at = 0
        self._servers: Sequence[str] = ()

    def servers(self) -> Sequence[str]:
        """Addresses from resolv.conf, read anew when it changed."""
        try:
            changed_at = os.stat(self._resolv_conf).st_mtime_ns
        except OSError:
            return ()
        if changed_at != self._read_at:
            self._read_at = changed_at
            lines = self._resolv_conf.read_text(errors="replace").splitlines()
            words = [line.split() for line in lines]
            self._servers = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver" and w[1] != self._own_address]
        return self._servers

    async def ask(self, message: bytes, *, tcp: bool) -> bytes:
        """The first answer of any server, tried in order. Raises UpstreamError."""
        for server in self.servers():
            try:
                async with asyncio.timeout(ATTEMPT_TIMEOUT):
                    return await (_ask_tcp if tcp else _ask_udp)(server, message)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                continue
        raise UpstreamError


async def _ask_udp(server: str, message: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Asker(answer, message[:2]), remote_addr=(server, 53))
    try:
        transport.sendto(message)
        return await answer
    finally:
        transport.close()


async def _ask_tcp(server: str, message: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server, 53)
    try:
        writer.write(len(message).to_bytes(2, "big") + message)
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    finally:
        writer.close()


class _Asker(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes], identifier: bytes) -> None:
        self._answer = answer
        self._identifier = identifier

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[:2] == self._identifier and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(OSError(str(exc)))
