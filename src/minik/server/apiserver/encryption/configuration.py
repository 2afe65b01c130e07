"""Reads an EncryptionConfiguration: which resources are encrypted how.

https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-EncryptionConfiguration
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minik.api.go_duration import parse_duration
from minik.api.types import Obj
from minik.server.apiserver.encryption.providers import AesCbc, AesGcm, Provider, Secretbox
from minik.server.apiserver.encryption.transformer import Key, Transformer

if TYPE_CHECKING:
    from minik.server.apiserver.encryption.kms import Kms

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
    kms: "Sequence[Kms]" = ()

    def transformer(self, group: str, plural: str) -> Transformer | None:
        whole = f"{plural}.{group}" if group else plural
        for resources, transformer in self.entries:
            if whole in resources or f"*.{group}" in resources or "*.*" in resources:
                return transformer
        return None


def read_configuration(content: bytes) -> Configuration:
    """Raises ValueError."""
    from minik.api.codec import yaml_codec

    return configuration_of(yaml_codec.loads(content)[0])


def configuration_of(document: Any) -> Configuration:
    """Raises ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "EncryptionConfiguration":
        raise ValueError("it is no EncryptionConfiguration")
    entries = []
    plugins: list[Any] = []
    for at, entry in enumerate(document.get("resources") or ()):
        where = f"resources[{at}]"
        resources = frozenset(entry.get("resources") or ())
        _check_resources(entry.get("resources") or (), f"{where}.resources")
        keys = [key for number, each in enumerate(entry.get("providers") or ()) for key in _keys(each, where, number)]
        if not keys:
            raise ValueError(f"{where}.providers: at least one provider is needed")
        entries.append((resources, Transformer(keys)))
        plugins += [key.provider for key in keys if _is_kms(key.provider)]
    if not entries:
        raise ValueError("it names no resources")
    if len({plugin.name for plugin in plugins}) < len(plugins):
        raise ValueError("a KMS provider's name is used twice")
    return Configuration(entries, plugins)


def _is_kms(provider: Provider | None) -> bool:
    return hasattr(provider, "plugin")


def _check_resources(resources: Sequence[str], where: str) -> None:
    """Of one entry. `*.` is everything in the core group, `*.group` in a group, `*.*` everything."""
    if not resources:
        raise ValueError(f"{where}: at least one resource is needed")
    for at, resource in enumerate(resources):
        if resource in resources[:at]:
            raise ValueError(f'{where}[{at}]: Duplicate value: "{resource}"')
        if resource != resource.lower():
            raise ValueError(f'{where}[{at}]: Invalid value: "{resource}": resource names should be lowercase')
        if resource == "*" or (resource.count("*") and not resource.startswith("*.")):
            text = "use '*.<group>' to encrypt all the resources in a group, or '*.*' to encrypt all resources"
            raise ValueError(f'{where}[{at}]: Invalid value: "{resource}": {text}')
        group = resource.partition(".")[2]
        covering = [each for each in (f"*.{group}", "*.*") if each in resources and each != resource]
        if covering:
            text = f"{resource} is covered by {covering[0]}"
            raise ValueError(f'{where}[{at}]: Invalid value: "{resource}": {text}')


def _keys(provider: Obj, where: str, number: int) -> list[Key]:
    where = f"{where}.providers[{number}]"
    if len(provider) != 1:
        raise ValueError(f"{where}: exactly one provider is needed")
    ((name, settings),) = provider.items()
    if name == "identity":
        return [Key(b"", None)]
    if name == "kms":
        return [_kms(settings or {}, f"{where}.kms")]
    if name not in _PROVIDERS:
        raise ValueError(f"{where}: {name} is not supported; aesgcm, aescbc, secretbox, kms and identity are")
    make, lengths = _PROVIDERS[name]
    found = []
    for at, key in enumerate((settings or {}).get("keys") or ()):
        secret = _secret(key, lengths, f"{where}.{name}.keys[{at}]")
        try:
            found.append(Key(f"k8s:enc:{name}:v1:{key['name']}:".encode(), make(secret)))
        except ImportError:
            raise ValueError(f"{where}: secretbox needs PyNaCl: pip install 'minik[secretbox]'") from None
    if not found:
        raise ValueError(f"{where}.{name}.keys: at least one key is needed")
    return found


def _kms(settings: Obj, where: str) -> Key:
    from minik.server.apiserver.encryption.kms import Kms
    from minik.server.apiserver.encryption.kms_plugin import KmsPlugin

    name, endpoint = settings.get("name") or "", settings.get("endpoint") or ""
    if settings.get("apiVersion") != "v2":
        raise ValueError(f"{where}.apiVersion: Unsupported value: only v2 is supported")
    if not name or ":" in name:
        raise ValueError(f"{where}.name: a name without ':' is needed")
    if not endpoint.startswith("unix:///"):
        raise ValueError(f'{where}.endpoint: Invalid value: "{endpoint}": unsupported scheme, must be unix:///path')
    timeout = parse_duration(settings.get("timeout") or "3s")
    if timeout <= 0:
        raise ValueError(f"{where}.timeout: should be a positive value")
    return Key(f"k8s:enc:kms:v2:{name}:".encode(), Kms(name, KmsPlugin(endpoint, timeout)))


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
