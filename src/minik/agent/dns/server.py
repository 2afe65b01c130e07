"""Cluster DNS, answered on every node at the cluster DNS address.

The address (10.43.0.10 unless said otherwise) is put on the loopback device, so Pods of this node reach this process
and nothing outside the node can. Names of the cluster are answered from memory (records.py), all others are handed
on (upstream.py).
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import cast

import dnslib

from minik.agent.dns.records import TTL, Answer, Record, Zone
from minik.agent.dns.upstream import Upstream, UpstreamError
from minik.api.types import Obj
from minik.client.informer import Informer, Informers
from minik.client.resources import ENDPOINT_SLICES, NAMESPACES, SERVICES
from minik.config import AgentConfig

log = logging.getLogger("minik.dns")

PORT = 53
PLAIN_UDP_SIZE = 512  # bytes, without EDNS
LARGEST_UDP_SIZE = 1232  # bytes, what passes any path without fragments
TCP_IDLE = 10.0  # seconds a TCP client may be silent
MAX_IN_FLIGHT = 1000  # questions being handed on at once


class ClusterDns:
    """Component "dns". Ready when it answers."""

    name = "dns"

    def __init__(self, config: AgentConfig, informers: Informers, *, port: int = PORT) -> None:
        self._address = config.cluster_dns
        self._domain = config.cluster_domain.rstrip(".").lower()
        self._port = port
        self._informers = informers
        self._upstream = Upstream(self._address)
        self._in_flight: set[asyncio.Task[None]] = set()

    async def run(self, ready: asyncio.Event) -> None:
        services = self._informers.of(SERVICES, indexes={"cluster-ip": _cluster_ips})
        slices = self._informers.of(ENDPOINT_SLICES, indexes={"service": _service_key, "address": _endpoint_addresses})
        namespaces = self._informers.of(NAMESPACES)
        for informer in (services, slices, namespaces):
            await informer.wait_synced()
        self._zone = zone(self._domain, services, slices, namespaces)
        added = await _add_address(self._address)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(self._address, self._port)
        )
        server = await asyncio.start_server(self._serve_stream, self._address, self._port)
        try:
            ready.set()
            await asyncio.Event().wait()
        finally:
            transport.close()
            server.close()
            for task in self._in_flight:
                task.cancel()
            if added:
                await remove_address(self._address)

    def datagram(self, message: bytes, reply: asyncio.DatagramTransport, peer: tuple[str, int]) -> None:
        """Answer at once what the cluster knows; what it does not is handed on by a task."""
        request = _parse(message)
        if request is None:
            return
        answer = self._answer(request)
        if answer is not None and not answer.external:
            reply.sendto(_pack(request, answer, self._domain, _udp_size(request)), peer)
            return
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return
        task = asyncio.create_task(self._hand_on_datagram(request, message, answer, reply, peer))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _hand_on_datagram(
        self,
        request: dnslib.DNSRecord,
        message: bytes,
        answer: Answer | None,
        reply: asyncio.DatagramTransport,
        peer: tuple[str, int],
    ) -> None:
        answered = await self._hand_on(request, message, answer, tcp=False)
        if not reply.is_closing():
            reply.sendto(answered, peer)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(TCP_IDLE):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    message = await reader.readexactly(length)
                request = _parse(message)
                if request is None:
                    return
                answer = self._answer(request)
                if answer is not None and not answer.external:
                    packed = _pack(request, answer, self._domain, 0)
                else:
                    packed = await self._hand_on(request, message, answer, tcp=True)
                writer.write(len(packed).to_bytes(2, "big") + packed)
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _answer(self, request: dnslib.DNSRecord) -> Answer | None:
        question = request.q
        return self._zone.resolve(str(question.qname).rstrip(".").lower(), dnslib.QTYPE.get(question.qtype))

    async def _hand_on(self, request: dnslib.DNSRecord, message: bytes, answer: Answer | None, *, tcp: bool) -> bytes:
        try:
            if answer is None:
                return await self._upstream.ask(message, tcp=tcp)
            return await self._follow(request, answer, tcp=tcp)
        except UpstreamError:
            reply = request.reply(ra=1, aa=0)
            reply.header.rcode = dnslib.RCODE.SERVFAIL
            return bytes(reply.pack())

    async def _follow(self, request: dnslib.DNSRecord, answer: Answer, *, tcp: bool) -> bytes:
        """An ExternalName: the CNAME, with what its target resolves to when someone can tell."""
        reply = _reply(request, answer, self._domain)
        kind = dnslib.QTYPE.get(request.q.qtype)
        if kind in ("A", "AAAA"):
            inside = self._zone.resolve(answer.external, kind)
            if inside is not None:
                reply.add_answer(*(_resource_record(r) for r in inside.records))
            else:
                question = dnslib.DNSRecord.question(answer.external, kind)
                try:
                    got = dnslib.DNSRecord.parse(await self._upstream.ask(question.pack(), tcp=tcp))
                    reply.add_answer(*got.rr)
                except (UpstreamError, dnslib.DNSError):
                    log.debug("no answer for external name %s", answer.external)
        return _truncated(reply, 0 if tcp else _udp_size(request))


def zone(domain: str, services: Informer, slices: Informer, namespaces: Informer) -> Zone:
    """The cluster's zone over these caches (indexed as `ClusterDns.run` does)."""

    def service_by_ip(address: str) -> Obj | None:
        return next(iter(services.by_index("cluster-ip", address)), None)

    return Zone(
        domain,
        service=services.get,
        slices=lambda name, namespace: slices.by_index("service", f"{namespace}/{name}"),
        has_namespace=lambda name: namespaces.get(name) is not None,
        service_by_ip=service_by_ip,
        slices_by_ip=lambda address: slices.by_index("address", address),
    )


def _cluster_ips(service: Obj) -> Iterable[str]:
    return [a for a in service["spec"].get("clusterIPs") or () if a != "None"]


def _service_key(item: Obj) -> Iterable[str]:
    name = (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
    return [f"{item['metadata']['namespace']}/{name}"] if name else []


def _endpoint_addresses(item: Obj) -> Iterable[str]:
    return [address for endpoint in item.get("endpoints") or () for address in endpoint["addresses"]]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, dns: ClusterDns) -> None:
        self._dns = dns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # no event loop's own class says so

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._dns.datagram(data, self._transport, addr)


def _parse(message: bytes) -> dnslib.DNSRecord | None:
    """The question; None for what is none (answers, garbage), which is dropped as any name server does."""
    try:
        request = dnslib.DNSRecord.parse(message)
    except (dnslib.DNSError, ValueError, IndexError):
        return None
    return request if request.header.qr == 0 and request.questions else None


def _udp_size(request: dnslib.DNSRecord) -> int:
    offered = next((r.edns_len for r in request.ar if r.rtype == dnslib.QTYPE.OPT), PLAIN_UDP_SIZE)
    return max(PLAIN_UDP_SIZE, min(int(offered), LARGEST_UDP_SIZE))


def _pack(request: dnslib.DNSRecord, answer: Answer, domain: str, limit: int) -> bytes:
    return _truncated(_reply(request, answer, domain), limit)


def _truncated(reply: dnslib.DNSRecord, limit: int) -> bytes:
    """The packed reply; past `limit` bytes (0: none) only its head, telling the client to come back over TCP."""
    packed = bytes(reply.pack())
    return packed if not limit or len(packed) <= limit else bytes(reply.truncate().pack())


def _reply(request: dnslib.DNSRecord, answer: Answer, domain: str) -> dnslib.DNSRecord:
    reply = request.reply(ra=1, aa=1)
    if not answer.exists:
        reply.header.rcode = dnslib.RCODE.NXDOMAIN
    reply.add_answer(*(_resource_record(record) for record in answer.records))
    if not answer.records:
        times = (1, 7200, 1800, 86400, TTL)
        soa = dnslib.SOA(f"ns.dns.{domain}", f"hostmaster.{domain}", times)
        reply.add_auth(dnslib.RR(domain, dnslib.QTYPE.SOA, ttl=TTL, rdata=soa))
    return reply


def _resource_record(record: Record) -> dnslib.RR:
    return dnslib.RR(record.name, getattr(dnslib.QTYPE, record.type), ttl=TTL, rdata=_data(record))


def _data(record: Record) -> dnslib.RD:
    if record.type == "SRV":
        priority, weight, port, target = record.data.split(" ")
        return dnslib.SRV(int(priority), int(weight), int(port), target)
    return getattr(dnslib, record.type)(record.data)


async def _add_address(address: str) -> bool:
    """Put the address on the loopback device. False when someone else had done so (or cannot be: not root)."""
    return await _ip("addr", "add", f"{address}/{_width(address)}", "dev", "lo")


async def remove_address(address: str) -> None:
    """Take the cluster DNS address off the loopback device; fine when it is not there."""
    await _ip("addr", "del", f"{address}/{_width(address)}", "dev", "lo")


def _width(address: str) -> int:
    return 128 if ":" in address else 32


async def _ip(*arguments: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        "ip", *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    expected = (b"File exists", b"Cannot assign requested address", b"Address not found")
    if process.returncode != 0 and not any(text in error for text in expected):
        log.warning("ip %s: %s", " ".join(arguments), error.decode(errors="replace").strip())
    return process.returncode == 0
