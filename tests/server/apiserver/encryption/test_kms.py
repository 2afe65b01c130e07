"""Envelope encryption with a KMS plugin, and an encryption configuration that changes."""

import asyncio
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api.groups import load
from minik.api.types import Obj
from minik.config import AgentConfig, ServerConfig, StartupError
from minik.server.apiserver.encryption import wire
from minik.server.apiserver.encryption.assembly import Encryption
from minik.server.apiserver.encryption.configuration import configuration_of
from minik.server.apiserver.encryption.decrypted import is_outdated
from minik.server.apiserver.encryption.kms import Kms
from minik.server.apiserver.encryption.kms_plugin import KmsError, KmsPlugin
from minik.server.apiserver.encryption.kms_watch import KmsWatch
from minik.server.apiserver.encryption.providers import DecryptionError
from minik.store.open import open_store
from minik.store.store import Put, Txn

PLACE = b"/registry/secrets/ns/a"


class Plugin:
    """A KMS plugin whose encryption is the key's name in front."""

    def __init__(self, socket: Path) -> None:
        self.key, self.health, self.calls = "k1", "ok", list[str]()
        self.endpoint = f"unix://{socket}"
        self._server = grpc.server(ThreadPoolExecutor(1))
        methods = {
            name: grpc.unary_unary_rpc_method_handler(getattr(self, f"_{name.lower()}"))
            for name in ("Status", "Encrypt", "Decrypt")
        }
        handler = grpc.method_handlers_generic_handler("v2.KeyManagementService", methods)
        self._server.add_generic_rpc_handlers((handler,))
        self._server.add_insecure_port(self.endpoint)
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait(5)

    def _status(self, _request: bytes, _context: Any) -> bytes:
        self.calls.append("Status")
        return wire.write({1: "v2", 2: self.health, 3: self.key})

    def _encrypt(self, request: bytes, _context: Any) -> bytes:
        self.calls.append("Encrypt")
        plain = wire.blob(wire.read(request), 1)
        return wire.write({1: self.key.encode() + b":" + plain, 2: self.key, 3: {"by.test": b"x"}})

    def _decrypt(self, request: bytes, context: Any) -> bytes:
        self.calls.append("Decrypt")
        fields = wire.read(request)
        if wire.mapping(fields, 4) != {"by.test": b"x"}:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no annotations")
        return wire.write({1: wire.blob(fields, 1).split(b":", 1)[1]})


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Plugin]:
    running = Plugin(tmp_path / "kms.sock")
    yield running
    running.stop()


def kms(plugin: Plugin, **settings: Any) -> Kms:
    made = Kms("test", KmsPlugin(plugin.endpoint, 3.0), **settings)
    made.refresh()
    return made


@given(
    data=st.binary(max_size=300),
    words=st.text(max_size=20),
    number=st.integers(1, 1 << 40),
    table=st.dictionaries(st.text(min_size=1, max_size=5), st.binary(min_size=1, max_size=5), max_size=3),
)
def test_messages_can_be_read_again(data: bytes, words: str, number: int, table: dict[str, bytes]) -> None:
    fields = wire.read(wire.write({1: data, 2: words, 3: number, 4: table}))
    assert (wire.blob(fields, 1), wire.text(fields, 2), fields[3], wire.mapping(fields, 4)) == (
        data,
        words,
        [number],
        table,
    )


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05ab", b"\x80", b"\x09" + bytes(8)])
def test_broken_messages_are_no_good(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|wire type"):
        wire.read(message)


def test_values_need_the_plugin_once_for_a_seed(plugin: Plugin) -> None:
    writer, reader = kms(plugin), kms(plugin)
    values = [writer.encrypt(b"secret", PLACE) for _ in range(3)]
    assert len(set(values)) == 3
    plugin.calls.clear()
    assert {writer.decrypt(value, PLACE) for value in values} == {b"secret"}
    assert plugin.calls == []
    assert {reader.decrypt(value, PLACE) for value in values} == {b"secret"}
    assert plugin.calls == ["Decrypt"]
    with pytest.raises(DecryptionError):
        reader.decrypt(values[0], PLACE + b"b")


def test_a_new_key_of_the_plugins_makes_old_values_stale(plugin: Plugin) -> None:
    provider = kms(plugin)
    old = provider.encrypt(b"x", PLACE)
    assert not provider.is_stale(old)
    plugin.key = "k2"
    provider.refresh()
    assert provider.is_stale(old)
    assert provider.decrypt(old, PLACE) == b"x"
    assert wire.text(wire.read(provider.encrypt(b"x", PLACE)), 2) == "k2"


async def test_a_plugin_that_is_not_well_is_told_of_and_not_written_with_for_long(plugin: Plugin) -> None:
    now = [0.0]
    provider = kms(plugin, clock=lambda: now[0])
    watch = KmsWatch(lambda: [provider])
    assert await watch.check() == ""
    plugin.health = "sealed"
    provider.refresh()
    assert await watch.check() == "test: got unexpected healthz status: sealed"
    provider.encrypt(b"x", PLACE)
    now[0] = 181.0
    with pytest.raises(KmsError, match="not usable for writing"):
        provider.encrypt(b"x", PLACE)
    samples = {sample.name for metric in watch.collect() for sample in metric.samples}
    assert "apiserver_envelope_encryption_key_id_hash_total" in samples


def test_a_plugin_that_is_not_there_leaves_the_server_without_a_key(tmp_path: Path) -> None:
    provider = Kms("test", KmsPlugin(f"unix://{tmp_path}/none", 0.2))
    provider.refresh()
    assert provider.trouble.startswith("Status: ")
    with pytest.raises(KmsError):
        provider.encrypt(b"x", PLACE)


def document(*providers: Obj, resources: tuple[str, ...] = ("secrets",)) -> Obj:
    return {
        "kind": "EncryptionConfiguration",
        "apiVersion": "apiserver.config.k8s.io/v1",
        "resources": [{"resources": list(resources), "providers": list(providers)}],
    }


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"name": "a", "endpoint": "unix:///x"}, "only v2 is supported"),
        ({"apiVersion": "v2", "name": "a:b", "endpoint": "unix:///x"}, "name without"),
        ({"apiVersion": "v2", "name": "a", "endpoint": "tcp://x"}, "unsupported scheme"),
        ({"apiVersion": "v2", "name": "a", "endpoint": "unix:///x", "timeout": "0s"}, "positive"),
    ],
)
def test_plugins_that_make_no_sense_are_refused(settings: Obj, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        configuration_of(document({"kms": settings}))


@pytest.mark.parametrize(
    ("resources", "why"),
    [
        ((), "at least one"),
        (("secrets", "secrets"), "Duplicate value"),
        (("Secrets",), "should be lowercase"),
        (("*",), "use '"),
        (("secrets", "*."), "covered by"),
        (("deployments.apps", "*.*"), "covered by"),
    ],
)
def test_resources_that_make_no_sense_are_refused(resources: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        configuration_of(document({"identity": {}}, resources=resources))


@pytest.mark.parametrize(
    ("resources", "covered"),
    [
        ("*.*", {("", "secrets"), ("apps", "deployments"), ("example.org", "things")}),
        ("*.", {("", "secrets")}),
        ("*.apps", {("apps", "deployments")}),
    ],
)
def test_wildcards(resources: str, covered: set[tuple[str, str]]) -> None:
    configuration = configuration_of(document({"identity": {}}, resources=(resources,)))
    asked = [("", "secrets"), ("apps", "deployments"), ("example.org", "things")]
    assert {each for each in asked if configuration.transformer(*each) is not None} == covered


def aes(*names: str) -> Obj:
    keys = [{"name": name, "secret": base64.b64encode(name.encode() * 8).decode()} for name in names]
    return {"aesgcm": {"keys": keys}}


async def test_keys_rotate_without_a_restart(tmp_path: Path, plugin: Plugin) -> None:
    path = tmp_path / "encryption.json"
    path.write_bytes(orjson.dumps(document(aes("key1"))))
    config = ServerConfig(
        agent=AgentConfig(),
        encryption_provider_config=str(path),
        encryption_provider_config_automatic_reload=True,
    )
    async with open_store(tmp_path / "db") as store:
        encryption = await asyncio.to_thread(Encryption, config, store, load({}))
        objects, followed = encryption.store, encryption._followed
        assert followed is not None
        await objects.txn(Txn(success=[Put(PLACE, b"{}")]))
        kv = objects.get(PLACE)
        assert kv is not None
        assert not is_outdated(kv)
        plugged = {"kms": {"apiVersion": "v2", "name": "p", "endpoint": plugin.endpoint}}
        for providers, prefix in (
            ((aes("key2"), aes("key1")), b"k8s:enc:aesgcm:v1:key2:"),
            ((plugged, aes("key2")), b"k8s:enc:kms:v2:p:"),
        ):
            path.write_bytes(orjson.dumps(document(*providers)))
            await followed.look()
            kv = objects.get(PLACE)
            assert kv is not None
            assert (kv.value, is_outdated(kv)) == (b"{}", True)
            await objects.txn(Txn(success=[Put(PLACE, b"{}")]))
            stored = store.get(PLACE)
            assert stored is not None
            assert stored.value.startswith(prefix)
        path.write_bytes(b"{}")
        await followed.look()
        kv = objects.get(PLACE)
        assert kv is not None, "the last good configuration stays in force"
        assert kv.value == b"{}"


def test_secretbox_says_what_it_needs() -> None:
    try:
        import nacl.secret  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match=r"pip install 'minik\[secretbox\]'"):
            configuration_of(document({"secretbox": aes("key1")["aesgcm"]}))


def test_a_file_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    config = ServerConfig(agent=AgentConfig(), encryption_provider_config=str(tmp_path / "none"))
    store: Any = None
    with pytest.raises(StartupError, match="encryption configuration"):
        Encryption(config, store, load({}))
