"""The DNS server on the wire: UDP, TCP, truncation, names handed on and garbage ignored."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

TRIAL = """
import asyncio, json, subprocess, dnslib
from types import SimpleNamespace
from minik.agent.dns.server import ClusterDns
from minik.agent.dns.upstream import Upstream
from minik.client.informer import Informer
from minik.client.resources import SERVICES, ENDPOINT_SLICES, NAMESPACES
from minik.config import AgentConfig
import pathlib, tempfile

subprocess.run("ip link set lo up".split(), check=True)

def meta(name, **more): return {"name": name, "namespace": "shop", "resourceVersion": "1", **more}
objects = {
    SERVICES: [
        {"metadata": meta("web"), "spec": {"clusterIP": "10.43.0.5", "clusterIPs": ["10.43.0.5"], "ports": []}},
        {"metadata": meta("many"), "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": []}},
        {"metadata": meta("far"), "spec": {"type": "ExternalName", "externalName": "outside.example"}},
    ],
    ENDPOINT_SLICES: [
        {"metadata": meta("many-1", labels={"kubernetes.io/service-name": "many"}), "ports": [],
         "endpoints": [{"addresses": [f"10.42.0.{n}"], "conditions": {}} for n in range(1, 100)]},
    ],
    NAMESPACES: [{"metadata": {"name": "shop", "resourceVersion": "1"}}],
}
class Fake:
    def __init__(self): self.informers = {}
    def of(self, resource, indexes=None):
        informer = Informer(None, resource)
        for obj in objects[resource]:
            informer._objects["/".join(filter(None, (obj["metadata"].get("namespace"), obj["metadata"]["name"])))] = obj
        for name, function in (indexes or {}).items(): informer.add_index(name, function)
        informer.synced.set()
        return informer

class Outside(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, peer):
        request = dnslib.DNSRecord.parse(data)
        reply = request.reply()
        reply.add_answer(dnslib.RR(request.q.qname, dnslib.QTYPE.A, rdata=dnslib.A("192.0.2.80")))
        self.transport.sendto(reply.pack(), peer)

async def main():
    loop = asyncio.get_running_loop()
    dns = ClusterDns(AgentConfig(cluster_dns="10.43.0.10"), Fake())
    resolv = pathlib.Path(tempfile.mkstemp()[1]); resolv.write_text("nameserver 10.43.0.10\\nnameserver 127.0.0.1\\n")
    dns._upstream = Upstream("10.43.0.10", resolv)
    ready = asyncio.Event()
    task = asyncio.create_task(dns.run(ready))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=10)
    if task.done(): task.result()
    outside, _ = await loop.create_datagram_endpoint(Outside, local_addr=("127.0.0.1", 53))
    def ask(name, tcp=False, kind="A"):
        question = dnslib.DNSRecord.question(name, kind)
        answer = dnslib.DNSRecord.parse(question.send("10.43.0.10", 53, tcp=tcp, timeout=3))
        return {"code": dnslib.RCODE.get(answer.header.rcode), "truncated": bool(answer.header.tc),
                "data": [str(r.rdata) for r in answer.rr], "authority": len(answer.auth)}
    def garbage():
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"nonsense", ("10.43.0.10", 53))
    await asyncio.to_thread(garbage)
    base = "shop.svc.cluster.local"
    questions = {"web": ("WEB." + base,), "many": ("many." + base,), "many-tcp": ("many." + base, True),
                 "missing": ("x." + base,), "outside": ("outside.example",), "far": ("far." + base,)}
    answers = {}
    for key, question in questions.items(): answers[key] = await asyncio.to_thread(ask, *question)
    outside.close(); resolv.write_text("nameserver 127.0.0.9\\n")
    answers["nobody"] = await asyncio.to_thread(ask, "elsewhere.example")
    task.cancel()
    await asyncio.wait([task])
    answers["left"] = "10.43.0.10" in subprocess.run(["ip", "addr"], capture_output=True, text=True).stdout
    resolv.unlink()
    print(json.dumps(answers))
asyncio.run(main())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
def test_questions_are_answered_over_udp_and_tcp_and_handed_on() -> None:
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", textwrap.dedent(TRIAL)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["web"] == {"code": "NOERROR", "truncated": False, "data": ["10.43.0.5"], "authority": 0}
    assert answers["many"]["truncated"]
    assert len(answers["many-tcp"]["data"]) == 99
    assert (answers["missing"]["code"], answers["missing"]["authority"]) == ("NXDOMAIN", 1)
    assert answers["outside"]["data"] == ["192.0.2.80"]
    assert answers["far"]["data"] == ["outside.example.", "192.0.2.80"]
    assert answers["nobody"]["code"] == "SERVFAIL"
    assert answers["left"] is False
