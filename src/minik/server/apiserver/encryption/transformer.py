"""The providers of one kind of objects: the first one writes, all of them read.

A stored value starts with k8s:enc:PROVIDER:v1:KEY: unless it is not encrypted (identity).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from minik.server.apiserver.encryption.providers import DecryptionError, Provider

_MARK = b"k8s:enc:"


@dataclass(frozen=True, slots=True)
class Key:
    """A provider with the prefix of what it writes. `provider` None is identity, without a prefix."""

    prefix: bytes
    provider: Provider | None


class Transformer:
    """Between objects' bytes and stored bytes."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys
        self._first = keys[0]

    @property
    def epoch(self) -> object:
        """Another one when values would be written in another way."""
        key_id = getattr(self._first.provider, "key_id", None)
        return self if key_id is None else (self, key_id)

    def to_storage(self, value: bytes, place: bytes) -> bytes:
        first = self._first
        return value if first.provider is None else first.prefix + first.provider.encrypt(value, place)

    def from_storage(self, data: bytes, place: bytes) -> tuple[bytes, bool]:
        """The value, and whether it would be written in another way now. Raises DecryptionError."""
        if not data.startswith(_MARK):
            if any(key.provider is None for key in self._keys):
                return data, self._first.provider is not None
            raise DecryptionError("no matching prefix found")
        failure = DecryptionError("no matching prefix found")
        for key in self._keys:
            if key.provider is None or not data.startswith(key.prefix):
                continue
            try:
                rest = data[len(key.prefix) :]
                value = key.provider.decrypt(rest, place)
                stale = getattr(key.provider, "is_stale", None)
                return value, key is not self._first or (stale is not None and stale(rest))
            except DecryptionError as error:
                failure = error
        raise failure
