import base64
import re
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from minik.server.scheduler.configuration.settings import ExtenderSettings
from minik.server.scheduler.explanation import explain, with_extenders
from minik.server.scheduler.extenders import Extender, ExtenderError, tls_of
from minik.server.scheduler.framework import Code, Profile, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.preemption import Victims

Obj = dict[str, Any]
Serve = Callable[..., Extender]


def pod(name: str = "p", **resources: Any) -> PodInfo:
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}"}
    return pod_info({"metadata": metadata, "spec": {"containers": [{"name": "c", "resources": resources}]}})


def nodes(*names: str) -> list[NodeInfo]:
    return [NodeInfo(name, {"metadata": {"name": name}, "spec": {}}) for name in names]


@pytest.fixture
async def asked() -> list[tuple[str, Obj]]:
    return []


@pytest.fixture
async def serve(asked: list[tuple[str, Obj]]) -> AsyncIterator[Serve]:
    """Makes an extender that answers every verb with what is given for it."""
    answers: Obj = {}

    async def answer(request: web.Request) -> web.Response:
        verb = request.path.removeprefix("/")
        asked.append((verb, await request.json()))
        return web.json_response(answers[verb], status=answers.get("status", 200))

    app = web.Application()
    app.router.add_post("/{verb}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made: list[Extender] = []

    def make(given: Obj, **settings: Any) -> Extender:
        answers.update(given)
        verbs = {f"{verb}_verb": verb for verb in ("filter", "prioritize", "bind", "preempt")}
        made.append(Extender(ExtenderSettings(f"http://127.0.0.1:{port}", **verbs, **settings)))
        return made[-1]

    yield make
    for extender in made:
        await extender.close()
    await runner.cleanup()


async def test_a_filter_gets_nodes_and_says_which_pass(serve: Serve, asked: list[tuple[str, Obj]]) -> None:
    answer = {
        "Nodes": {"items": [{"metadata": {"name": "n1"}}]},
        "FailedNodes": {"n2": "too hot"},
        "FailedAndUnresolvableNodes": {"n3": "on fire"},
    }
    extender = serve({"filter": answer})
    verdict = await extender.filter(pod(), nodes("n1", "n2", "n3"))
    assert [node.name for node in verdict.passed] == ["n1"]
    assert verdict.refusals["n2"].reasons == ("too hot",)
    assert verdict.refusals["n3"].code is Code.UNRESOLVABLE
    assert [item["metadata"]["name"] for item in asked[0][1]["Nodes"]["items"]] == ["n1", "n2", "n3"]
    assert asked[0][1]["Pod"]["metadata"]["name"] == "p"


async def test_one_that_has_the_nodes_itself_gets_names(serve: Serve, asked: list[tuple[str, Obj]]) -> None:
    extender = serve({"filter": {"nodenames": ["n2"]}}, node_cache_capable=True)
    verdict = await extender.filter(pod(), nodes("n1", "n2"))
    assert [node.name for node in verdict.passed] == ["n2"]
    assert asked[0][1]["NodeNames"] == ["n1", "n2"]
    assert asked[0][1]["Nodes"] is None


async def test_scores_are_scaled_and_weighted(serve: Serve) -> None:
    extender = serve({"prioritize": [{"Host": "n1", "Score": 10}, {"host": "n2", "score": 3}]}, weight=2)
    assert await extender.prioritize(pod(), nodes("n1", "n2")) == {"n1": 200, "n2": 60}


async def test_it_may_bind(serve: Serve, asked: list[tuple[str, Obj]]) -> None:
    await serve({"bind": {}}).bind(pod(), "n1")
    assert asked == [("bind", {"PodName": "p", "PodNamespace": "ns", "PodUID": "uid-p", "Node": "n1"})]
    with pytest.raises(ExtenderError, match="no way"):
        await serve({"bind": {"Error": "no way"}}).bind(pod(), "n1")


@pytest.mark.parametrize("cached", [False, True])
async def test_it_may_spare_victims(serve: Serve, asked: list[tuple[str, Obj]], cached: bool) -> None:
    left = {"NodeNameToMetaVictims": {"n1": {"Pods": [{"UID": "uid-b"}], "NumPDBViolations": 1}}}
    extender = serve({"preempt": left}, node_cache_capable=cached)
    candidates = {"n1": Victims((pod("a"), pod("b")), 1), "n2": Victims((pod("c"),))}
    kept = await extender.preempt(pod(), candidates)
    assert {name: [victim.name for victim in victims.pods] for name, victims in kept.items()} == {"n1": ["b"]}
    assert kept["n1"].violations == 1
    assert ("NodeNameToMetaVictims" in asked[0][1]) is cached


async def test_trouble_is_told(serve: Serve) -> None:
    with pytest.raises(ExtenderError, match="code 500"):
        await serve({"filter": {}, "status": 500}).filter(pod(), nodes("n1"))
    nowhere = Extender(ExtenderSettings("http://127.0.0.1:9", filter_verb="filter"))
    with pytest.raises(ExtenderError, match=re.escape('Post "http://127.0.0.1:9/filter"')):
        await nowhere.filter(pod(), nodes("n1"))
    await nowhere.close()


def test_only_pods_with_its_resources_concern_it() -> None:
    extender = Extender(ExtenderSettings("http://x", managed=frozenset({"example.com/gpu"})))
    assert not extender.is_interested(pod())
    assert extender.is_interested(pod(limits={"example.com/gpu": "1"}))
    assert Extender(ExtenderSettings("http://x")).is_interested(pod())


def test_tls() -> None:
    assert tls_of(ExtenderSettings("http://x")) is None
    checked = tls_of(ExtenderSettings("https://x"))
    assert checked is not None
    assert checked.verify_mode is ssl.CERT_REQUIRED
    unchecked = tls_of(ExtenderSettings("https://x", tls={"insecure": True}))
    assert unchecked is not None
    assert unchecked.verify_mode is ssl.CERT_NONE
    with pytest.raises(ExtenderError, match="tlsConfig"):
        tls_of(ExtenderSettings("https://x", tls={"caFile": "/nowhere"}))


async def test_explanations_say_what_extenders_say(serve: Serve) -> None:
    answers = {"filter": {"Nodes": {"items": [{"metadata": {"name": "n1"}}]}, "FailedNodes": {"n2": "too hot"}}}
    extender = serve({**answers, "prioritize": [{"Host": "n1", "Score": 5}]}, weight=2)
    snapshot = Snapshot({node.name: node for node in nodes("n1", "n2")})
    plain = explain(Profile("t", ()), pod(), snapshot)
    found = await with_extenders(plain, [extender], pod(), snapshot)
    assert found["nodes"][0]["total"] == 100
    assert found["nodes"][1]["refusedBy"][0]["message"] == "too hot"
    assert found["decision"]["nodes"] == ["n1"]
    await extender.close()
    failing = serve({"status": 500}, weight=2)
    assert "code 500" in (await with_extenders(plain, [failing], pod(), snapshot))["extenderErrors"][0]


def certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed one for extender.example.com, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "extender")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("extender.example.com")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "tls.crt", directory / "tls.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    return paths


async def test_https_with_a_certificate_on_both_ends(tmp_path: Path) -> None:
    file, key = certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(file))
    context.load_cert_chain(file, key)
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"NodeNames": ["n1"]})

    app = web.Application()
    app.router.add_post("/filter", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    files = {"ca": file, "cert": file, "key": key}
    data = {kind: base64.b64encode(path.read_bytes()).decode() for kind, path in files.items()}
    known = {"serverName": "extender.example.com", **{f"{kind}Data": text for kind, text in data.items()}}
    for tls, works in ((known, True), ({**known, "serverName": "other"}, False), ({"insecure": True}, False)):
        extender = Extender(ExtenderSettings(url, filter_verb="filter", node_cache_capable=True, tls=tls))
        if works:
            assert [node.name for node in (await extender.filter(pod(), nodes("n1", "n2"))).passed] == ["n1"]
        else:
            with pytest.raises(ExtenderError):
                await extender.filter(pod(), nodes("n1"))
        await extender.close()
    await runner.cleanup()
