"""Calls to a KMS plugin: gRPC on a Unix socket, service v2.KeyManagementService.

Blocking, since values are decrypted where nothing can wait; calls are few (one for every encrypted seed, one Status a
minute). https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from minik.server.apiserver.encryption import wire

_SERVICE = "/v2.KeyManagementService/"
_MOST_KEY_ID = 1024  # bytes


class KmsError(Exception):
    """The plugin cannot be reached, or what it says makes no sense."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seed as the plugin encrypted it."""

    cipher_text: bytes
    key_id: str
    annotations: Mapping[str, bytes]

    @property
    def identity(self) -> tuple[bytes, str, tuple[tuple[str, bytes], ...]]:
        return self.cipher_text, self.key_id, tuple(sorted(self.annotations.items()))


class KmsPlugin:
    """One plugin. `timeout` seconds a call; `calls` counts (method, gRPC status) -> (number, seconds)."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._channel: Any = None
        self.calls: dict[tuple[str, str], tuple[int, float]] = {}

    def status(self) -> str:
        """The current key id. Raises KmsError unless the plugin is well."""
        answer = self._call("Status", b"")
        version, health, key_id = wire.text(answer, 1), wire.text(answer, 2), wire.text(answer, 3)
        if version not in ("v2", "v2beta1"):
            raise KmsError(f"unsupported KMS API version {version!r}")
        if health != "ok":
            raise KmsError(f"got unexpected healthz status: {health}")
        return _checked(key_id)

    def encrypt(self, plain: bytes) -> Sealed:
        """Raises KmsError."""
        answer = self._call("Encrypt", wire.write({1: plain, 2: str(uuid4())}))
        return Sealed(wire.blob(answer, 1), _checked(wire.text(answer, 2)), wire.mapping(answer, 3))

    def decrypt(self, sealed: Sealed) -> bytes:
        """Raises KmsError."""
        request = wire.write({1: sealed.cipher_text, 2: str(uuid4()), 3: sealed.key_id, 4: dict(sealed.annotations)})
        return wire.blob(self._call("Decrypt", request), 1)

    def _call(self, method: str, request: bytes) -> wire.Fields:
        import grpc  # only who has such a plugin needs it

        if self._channel is None:
            self._channel = grpc.insecure_channel(self._endpoint, options=[("grpc.default_authority", "localhost")])
        started, code = time.monotonic(), "OK"
        try:
            answer: bytes = self._channel.unary_unary(f"{_SERVICE}{method}")(request, timeout=self._timeout)
            return wire.read(answer)
        except grpc.RpcError as error:
            code = error.code().name
            raise KmsError(f"{method}: {error.code().name}: {error.details()}") from None
        except ValueError as error:
            code = "INTERNAL"
            raise KmsError(f"{method}: {error}") from None
        finally:
            count, seconds = self.calls.get((method, code), (0, 0.0))
            self.calls[method, code] = (count + 1, seconds + time.monotonic() - started)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()


def _checked(key_id: str) -> str:
    if not 0 < len(key_id.encode()) <= _MOST_KEY_ID:
        raise KmsError("the key id is empty or longer than 1024 bytes")
    return key_id
