"""Encryption at rest: providers, configuration, and a store that shows plain values."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api.groups import load
from minik.api.types import Obj
from minik.server.apiserver.encryption.configuration import Configuration, configuration_of
from minik.server.apiserver.encryption.decrypted import is_outdated
from minik.server.apiserver.encryption.places import Places
from minik.server.apiserver.encryption.providers import AesCbc, AesGcm, DecryptionError
from minik.server.apiserver.encryption.store import EncryptingStore
from minik.store.open import open_store
from minik.store.store import Delete, Put, Store, Txn, prefix_end

SECRET = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
KEY = b"/registry/secrets/ns/a"


def provider(name: str, *keys: tuple[str, str]) -> Obj:
    return {name: {"keys": [{"name": key, "secret": secret} for key, secret in keys]}}


def configured(*providers: Obj, resources: tuple[str, ...] = ("secrets",)) -> Configuration:
    entry = {"resources": list(resources), "providers": list(providers)}
    return configuration_of({"kind": "EncryptionConfiguration", "resources": [entry]})


@pytest.mark.parametrize("kind", [AesGcm, AesCbc])
@given(value=st.binary())
def test_what_is_encrypted_can_be_read_again(kind: type[AesGcm] | type[AesCbc], value: bytes) -> None:
    method = kind(bytes(32))
    assert method.decrypt(method.encrypt(value, KEY), KEY) == value


def test_a_value_moved_to_another_key_cannot_be_read() -> None:
    method = AesGcm(bytes(32))
    with pytest.raises(DecryptionError):
        method.decrypt(method.encrypt(b"x", KEY), KEY + b"b")


def test_what_others_wrote_with_aescbc_can_be_read() -> None:
    assert AesCbc(bytes(32)).decrypt(bytes(16) + cipher_text(b"hello"), KEY) == b"hello"


def cipher_text(value: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(bytes(32)), modes.CBC(bytes(16))).encryptor()
    return encryptor.update(padder.update(value) + padder.finalize()) + encryptor.finalize()


@pytest.mark.parametrize(
    ("resources", "group", "plural", "covered"),
    [
        (("secrets",), "", "secrets", True),
        (("secrets",), "apps", "secrets", False),
        (("deployments.apps",), "apps", "deployments", True),
        (("*.apps",), "apps", "deployments", True),
        (("*.",), "", "pods", True),
        (("*.",), "apps", "deployments", False),
        (("*.*",), "x.io", "things", True),
    ],
)
def test_resources_are_named_as_upstream_does(
    resources: tuple[str, ...], group: str, plural: str, covered: bool
) -> None:
    found = configured({"identity": {}}, resources=resources).transformer(group, plural)
    assert (found is not None) == covered


@pytest.mark.parametrize(
    ("providers", "why"),
    [
        ([], "at least one provider"),
        ([{"vault": {"name": "x"}}], "vault is not supported"),
        ([provider("aesgcm")], "at least one key"),
        ([provider("aesgcm", ("k", "%%"))], "base64"),
        ([provider("aesgcm", ("k", "YWJj"))], "3 bytes long"),
        ([provider("aesgcm", ("a:b", SECRET))], "a name without"),
    ],
)
def test_bad_configurations_are_refused(providers: list[Obj], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        configured(*providers)


@pytest.fixture
async def inner(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "db") as store:
        yield store


def encrypting(inner: Store, *providers: Obj) -> EncryptingStore:
    return EncryptingStore(inner, Places(configured(*providers, resources=("secrets", "things.x.io")), load()))


async def test_values_are_encrypted_in_the_store_and_plain_above(inner: Store) -> None:
    store = encrypting(inner, provider("aesgcm", ("k1", SECRET)), {"identity": {}})
    watch = store.watch(b"/registry/secrets/", prefix_end(b"/registry/secrets/"))
    await store.txn(Txn(success=[Put(KEY, b"plain"), Put(b"/registry/configmaps/ns/a", b"open")]))
    stored = inner.get(KEY)
    assert stored is not None
    assert stored.value.startswith(b"k8s:enc:aesgcm:v1:k1:")
    plain = store.get(KEY)
    assert plain is not None
    assert (plain.value, plain.mod_revision, is_outdated(plain)) == (b"plain", stored.mod_revision, False)
    assert store.get(KEY) is plain
    assert store.current(b"/registry/", prefix_end(b"/registry/")).kvs[-1].value == b"plain"
    open_kv = inner.get(b"/registry/configmaps/ns/a")
    assert open_kv is not None
    assert open_kv.value == b"open"
    (event,) = await anext(watch)
    assert event.kv is plain
    await store.txn(Txn(success=[Delete(KEY)]))
    (event,) = await anext(watch)
    assert event.prev_kv is plain
    watch.close()


async def test_custom_resources_are_found_by_their_group(inner: Store) -> None:
    store = encrypting(inner, provider("aescbc", ("k", SECRET)))
    await store.txn(Txn(success=[Put(b"/registry/x.io/things/ns/a", b"plain")]))
    stored = inner.get(b"/registry/x.io/things/ns/a")
    assert stored is not None
    assert stored.value.startswith(b"k8s:enc:aescbc:v1:k:")


async def test_keys_rotate(inner: Store) -> None:
    await encrypting(inner, provider("aesgcm", ("old", SECRET))).txn(Txn(success=[Put(KEY, b"plain")]))
    kv = inner.get(KEY)
    assert kv is not None
    kv.memo = None  # as after a restart
    both = encrypting(inner, provider("aesgcm", ("new", OTHER), ("old", SECRET)))
    found = both.get(KEY)
    assert found is not None
    assert (found.value, is_outdated(found)) == (b"plain", True)
    await both.txn(Txn(success=[Put(KEY, b"plain")]))
    stored = inner.get(KEY)
    assert stored is not None
    assert stored.value.startswith(b"k8s:enc:aesgcm:v1:new:")


async def test_without_the_key_nothing_is_readable(inner: Store) -> None:
    await encrypting(inner, provider("aesgcm", ("k", SECRET))).txn(Txn(success=[Put(KEY, b"plain")]))
    kv = inner.get(KEY)
    assert kv is not None
    kv.memo = None
    with pytest.raises(DecryptionError, match="no matching prefix found"):
        encrypting(inner, {"identity": {}}).get(KEY)
    with pytest.raises(DecryptionError, match="authentication failed"):
        encrypting(inner, provider("aesgcm", ("k", OTHER))).get(KEY)
