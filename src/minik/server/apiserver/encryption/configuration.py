"""Reads an EncryptionConfiguration: which resources are encrypted how.

https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-EncryptionConfiguration
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minik.api.types import Obj
from minik.config import StartupError
from minik.server.apiserver.encryption.providers import AesCbc, AesGcm, Provider, Secretbox
from minik.server.apiserver.encryption.transformer import Key, Transformer

_AES_KEYS, _SECRETBOX_KEYS = (16, 24, 32), (32,)  # bytes
_PROVIDERS: dict[str, tuple[Callable[[bytes], Provider], Sequence[int]]] = {
    "aesgcm": (AesGcm, _AES_KEYS),
    "aescbc": (AesCbc, _AES_KEYS),
    "secretbox": (Secretbox, _SECRETBOX_KEYS),
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """(resources, transformer) in order; the first that names a resource decides."""

    entries: Sequence[tuple[frozenset[str], Transformer]]

    def transformer(self, group: str, plural: str) -> Transformer | None:
        whole = f"{plural}.{group}" if group else plural
        for resources, transformer in self.entries:
            if whole in resources or f"*.{group}" in resources or "*.*" in resources:
                return transformer
        return None


def load_configuration(path: Path) -> Configuration:
    """Raises StartupError."""
    from minik.api.codec import yaml_codec

    try:
        document, _ = yaml_codec.loads(path.read_bytes())
        return configuration_of(document)
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use encryption configuration {path}: {error}") from None


def configuration_of(document: Any) -> Configuration:
    """Raises ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "EncryptionConfiguration":
        raise ValueError("it is no EncryptionConfiguration")
    entries = []
    for at, entry in enumerate(document.get("resources") or ()):
        where = f"resources[{at}]"
        resources = frozenset(entry.get("resources") or ())
        if not resources:
            raise ValueError(f"{where}.resources: at least one resource is needed")
        keys = [key for number, each in enumerate(entry.get("providers") or ()) for key in _keys(each, where, number)]
        if not keys:
            raise ValueError(f"{where}.providers: at least one provider is needed")
        entries.append((resources, Transformer(keys)))
    if not entries:
        raise ValueError("it names no resources")
    return Configuration(entries)


def _keys(provider: Obj, where: str, number: int) -> list[Key]:
    where = f"{where}.providers[{number}]"
    if len(provider) != 1:
        raise ValueError(f"{where}: exactly one provider is needed")
    ((name, settings),) = provider.items()
    if name == "identity":
        return [Key(b"", None)]
    if name not in _PROVIDERS:
        raise ValueError(f"{where}: {name} is not supported; aesgcm, aescbc, secretbox and identity are")
    make, lengths = _PROVIDERS[name]
    found = []
    for at, key in enumerate((settings or {}).get("keys") or ()):
        secret = _secret(key, lengths, f"{where}.{name}.keys[{at}]")
        try:
            found.append(Key(f"k8s:enc:{name}:v1:{key['name']}:".encode(), make(secret)))
        except ImportError:
            raise ValueError(f"{where}: secretbox needs the Python package PyNaCl") from None
    if not found:
        raise ValueError(f"{where}.{name}.keys: at least one key is needed")
    return found


def _secret(key: Obj, lengths: Sequence[int], where: str) -> bytes:
    if not key.get("name") or ":" in key["name"]:
        raise ValueError(f"{where}.name: a name without ':' is needed")
    try:
        secret = base64.b64decode(key.get("secret") or "", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{where}.secret: secrets must be base64 encoded") from None
    if len(secret) not in lengths:
        expected = " or ".join(map(str, lengths))
        raise ValueError(f"{where}.secret: the key is {len(secret)} bytes long, {expected} are needed")
    return secret
