"""What every kind of volume shares: the context it is set up in, the error it raises, and a payload of files.

A kind is one module with `async def set_up(volume, context) -> Path` (the directory or file to bind into containers).
Kinds whose content is data (configMap, secret, downwardAPI, projected) return a Payload instead and are written
atomically by atomic_writer.py; they are set up again whenever an object they came from changes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from minik.agent.kubelet.downward import NodeFacts
from minik.agent.kubelet.images import Images
from minik.agent.kubelet.object_cache import ObjectCache
from minik.agent.kubelet.tokens import TokenCache
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.resources import SECRETS


class VolumeError(Exception):
    """A volume cannot be set up now; it is tried again. The text goes into the FailedMount event."""


class ImageVolumeError(VolumeError):
    """An image volume's image is not there. The containers that mount it tell why, as for their own image."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VolumeContext:
    """`directory` is the Pod's own: <root>/pods/<uid>."""

    pod: Obj
    directory: Path
    node: NodeFacts
    objects: ObjectCache
    tokens: TokenCache
    client: Client
    images: Images
    tell: Callable[[str, str, str], None]  # event type, reason, message
    pod_ips: Sequence[str] = ()

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    async def pull_secrets(self) -> list[Obj]:
        """The Secrets of imagePullSecrets that exist. Raises CacheTimeout."""
        names = [reference.get("name", "") for reference in self.pod["spec"].get("imagePullSecrets") or ()]
        found = [await self.objects.get(self.uid, SECRETS, self.namespace, name) for name in names]
        return [secret for secret in found if secret is not None]

    def path(self, plugin: str, volume_name: str) -> Path:
        """volumes/kubernetes.io~configmap/<name>, as upstream."""
        return self.directory / "volumes" / f"kubernetes.io~{plugin}" / volume_name


@dataclass(frozen=True, slots=True)
class PayloadFile:
    content: bytes
    mode: int
    uid: int | None = None


@dataclass(slots=True)
class Payload:
    """Relative path -> file. `renew_at`: seconds since the epoch when it must be made again; 0: never."""

    files: dict[str, PayloadFile] = field(default_factory=dict)
    renew_at: float = 0.0

    def merge(self, other: "Payload") -> None:
        self.files.update(other.files)
        if other.renew_at:
            self.renew_at = min(self.renew_at or other.renew_at, other.renew_at)


def selected_files(
    data: dict[str, bytes], items: Sequence[Obj] | None, default_mode: int, *, optional: bool, what: str
) -> Payload:
    """All keys, or only `items` under their paths. Raises VolumeError for an item whose key is missing."""
    payload = Payload()
    if not items:
        payload.files = {key: PayloadFile(content, default_mode) for key, content in data.items()}
        return payload
    for item in items:
        if item["key"] not in data:
            if optional:
                continue
            raise VolumeError(f"{what} references non-existent {what.split()[0]} key: {item['key']}")
        mode = item.get("mode")
        payload.files[item["path"]] = PayloadFile(data[item["key"]], default_mode if mode is None else mode)
    return payload
