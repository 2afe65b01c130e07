"""Ways to encrypt one value. What they write, upstream's providers of the same name can read, and the other way round.

A value is bound to its key in the store where the method can do that (AES-GCM).
"""

import os
from importlib import import_module
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BLOCK = 16  # bytes
_GCM_NONCE = 12
_SECRETBOX_NONCE = 24


class DecryptionError(Exception):
    """The value was not encrypted with this key, or was changed since."""


class Provider(Protocol):
    """One method with one secret. `place` is the key in the store."""

    def encrypt(self, value: bytes, place: bytes) -> bytes: ...

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        """Raises DecryptionError."""
        ...


class AesGcm:
    """AES-GCM with a random nonce: fast; rotate its keys often."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(secret)

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_GCM_NONCE)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        try:
            return self._cipher.decrypt(data[:_GCM_NONCE], data[_GCM_NONCE:], place)
        except (InvalidTag, ValueError):
            raise DecryptionError("cipher: message authentication failed") from None


class AesCbc:
    """AES-CBC with PKCS #7 padding. Upstream discourages it (padding oracles), but it is what many clusters use."""

    def __init__(self, secret: bytes) -> None:
        self._algorithm = algorithms.AES(secret)

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        vector = os.urandom(_BLOCK)
        missing = _BLOCK - len(value) % _BLOCK
        encryptor = Cipher(self._algorithm, modes.CBC(vector)).encryptor()
        return vector + encryptor.update(value + bytes([missing]) * missing) + encryptor.finalize()

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        if len(data) < 2 * _BLOCK or len(data) % _BLOCK:
            raise DecryptionError("the stored data is not a multiple of the block size")
        decryptor = Cipher(self._algorithm, modes.CBC(data[:_BLOCK])).decryptor()
        padded = decryptor.update(data[_BLOCK:]) + decryptor.finalize()
        extra = padded[-1]
        if not 0 < extra <= _BLOCK or padded[-extra:] != bytes([extra]) * extra:
            raise DecryptionError("invalid padding on input")
        return padded[:-extra]


class Secretbox:
    """XSalsa20 with Poly1305, from PyNaCl. Raises ImportError without it."""

    def __init__(self, secret: bytes) -> None:
        self._box: Any = import_module("nacl.secret").SecretBox(secret)

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        return bytes(self._box.encrypt(value, os.urandom(_SECRETBOX_NONCE)))

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        try:
            return bytes(self._box.decrypt(data))
        except Exception as error:  # nacl's errors have no class here without importing it
            raise DecryptionError(f"decryption failed: {error}") from None
