"""From a key of the store to how its value is encrypted.

Keys of built-in resources are known from the Scheme; those of custom resources hold their group.
"""

from minik.api.scheme import Scheme
from minik.server.apiserver.encryption.configuration import Configuration
from minik.server.apiserver.encryption.transformer import Transformer
from minik.server.apiserver.registry.keys import storage_prefix

_REMEMBERED = 4096  # prefixes


class Places:
    """Finds transformers by key."""

    def __init__(self, configuration: Configuration, scheme: Scheme) -> None:
        self.configuration = configuration
        self._built_in = {}
        for resource in scheme:
            stored = resource.storage or resource.gvr
            self._built_in[storage_prefix(resource)] = (stored.group, stored.resource)
        self._found: dict[bytes, Transformer | None] = {}

    def replace(self, configuration: Configuration) -> None:
        """Read and write by another configuration from now on."""
        self.configuration = configuration
        self._found.clear()

    def transformer(self, key: bytes) -> Transformer | None:
        """`key` is that of an object or the prefix of several objects of one resource."""
        parts = key.split(b"/", 4)  # "", registry, RESOURCE or GROUP, ...
        if len(parts) < 4:
            return None
        deep = b"." in parts[2] or parts[2] == b"services"
        prefix = b"/".join((*parts[: 4 if deep else 3], b""))
        try:
            return self._found[prefix]
        except KeyError:
            found = self._look_up(prefix, parts)
            if len(self._found) < _REMEMBERED:
                self._found[prefix] = found
            return found

    def _look_up(self, prefix: bytes, parts: list[bytes]) -> Transformer | None:
        known = self._built_in.get(prefix)
        if known is None:
            known = (parts[2].decode(), parts[3].decode()) if b"." in parts[2] else ("", parts[2].decode())
        return self.configuration.transformer(*known)
