"""Envelope encryption with a KMS plugin (v2): the plugin encrypts a seed, the seed encrypts values.

A key is derived from the seed for every value (HKDF, then AES-GCM), so that one seed serves until the plugin's key
changes. What is written, upstream can read: apiserver's envelope/kmsv2 and encrypt/aes/aes_extended_nonce.go.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from minik.server.apiserver.encryption import wire
from minik.server.apiserver.encryption.kms_plugin import KmsError, KmsPlugin, Sealed
from minik.server.apiserver.encryption.providers import DecryptionError

_SEED, _INFO, _NONCE = 32, 32, 12  # bytes
_FROM_SEED = 1  # EncryptedDEKSourceType HKDF_SHA256_XNONCE_AES_GCM_SEED; 0 is a key as it is
_VALID = 180.0  # seconds for which the last word of the plugin about its key counts
_MOST_SEEDS = 1000


@dataclass(frozen=True, slots=True)
class _Current:
    seed: bytes
    sealed: Sealed
    until: float


class Kms:
    """A providers.Provider. `refresh` at the start and once a minute."""

    def __init__(self, name: str, plugin: KmsPlugin, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.plugin = plugin
        self.trouble = "the plugin has not been asked yet"
        self._clock = clock
        self._current: _Current | None = None
        self._seeds: dict[tuple[object, ...], bytes] = {}
        self.key_ids: dict[tuple[str, str], int] = {}  # (from_storage or to_storage, key id) -> how often

    @property
    def key_id(self) -> str:
        return "" if self._current is None else self._current.sealed.key_id

    @property
    def seeds(self) -> int:
        return len(self._seeds)

    def refresh(self) -> None:
        """Ask the plugin for its key, and seal a new seed with it if it is another. Blocking; never raises."""
        try:
            key_id = self.plugin.status()
            current = self._current
            if current is None or current.sealed.key_id != key_id:
                seed = os.urandom(_SEED)
                current = _Current(seed, self.plugin.encrypt(seed), 0.0)
                self._remember(current.sealed, seed)
            self._current = _Current(current.seed, current.sealed, self._clock() + _VALID)
            self.trouble = ""
        except KmsError as error:
            self.trouble = str(error)

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        """Raises KmsError while the plugin is not well."""
        current = self._current
        if current is None or self._clock() > current.until:
            raise KmsError(f"KMS plugin {self.name} is not usable for writing: {self.trouble or 'its key has expired'}")
        self._count("to_storage", current.sealed.key_id)
        info, nonce = os.urandom(_INFO), os.urandom(_NONCE)
        data = info + nonce + AESGCM(_key(current.seed, info)).encrypt(nonce, value, place)
        sealed = current.sealed
        return wire.write(
            {1: data, 2: sealed.key_id, 3: sealed.cipher_text, 4: dict(sealed.annotations), 5: _FROM_SEED}
        )

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        """Blocks for a call to the plugin when the value's seed is not known yet. Raises DecryptionError."""
        try:
            fields, sealed = _parts(data)
            seed = self._seeds.get(sealed.identity)
            if seed is None:
                seed = self.plugin.decrypt(sealed)
                self._remember(sealed, seed)
            self._count("from_storage", sealed.key_id)
            encrypted = wire.blob(fields, 1)
            if fields.get(5, [0])[-1] == _FROM_SEED:
                info, encrypted = encrypted[:_INFO], encrypted[_INFO:]
                seed = _key(seed, info)
            return AESGCM(seed).decrypt(encrypted[:_NONCE], encrypted[_NONCE:], place)
        except (KmsError, InvalidTag, ValueError) as error:
            raise DecryptionError(f"failed to decrypt DEK or data: {error}") from None

    def is_stale(self, data: bytes) -> bool:
        """Whether the value would be written with another key, or another kind of key, now."""
        try:
            fields, sealed = _parts(data)
        except ValueError:
            return True
        current = self._current
        other = current is not None and sealed.key_id != current.sealed.key_id
        return other or fields.get(5, [0])[-1] != _FROM_SEED

    def _remember(self, sealed: Sealed, seed: bytes) -> None:
        if len(self._seeds) >= _MOST_SEEDS:
            self._seeds.clear()
        self._seeds[sealed.identity] = seed

    def _count(self, way: str, key_id: str) -> None:
        self.key_ids[way, key_id] = self.key_ids.get((way, key_id), 0) + 1


def _parts(data: bytes) -> tuple[wire.Fields, Sealed]:
    fields = wire.read(data)
    return fields, Sealed(wire.blob(fields, 3), wire.text(fields, 2), wire.mapping(fields, 4))


def _key(seed: bytes, info: bytes) -> bytes:
    return HKDFExpand(SHA256(), 32, info).derive(seed)
