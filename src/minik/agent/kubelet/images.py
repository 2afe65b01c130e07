"""Gets images onto the node: pull policy, pull secrets, backoff, and one pull at a time per image.

Texts, reasons and rules are those of upstream's image manager.
https://kubernetes.io/docs/concepts/containers/images/
"""

import asyncio
import base64
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from minik.agent.kubelet.backoff import Backoff
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import CRIError, Image
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

_REFERENCE = re.compile(
    r"^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
    r"(?::[0-9]+)?/|\[[a-fA-F0-9:]+\](?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$"
)

SHOW_ERROR = 2.0  # seconds that ErrImagePull is shown before it becomes ImagePullBackOff

EventSink = Callable[[str, str, str], None]  # type, reason, message


class ImageError(Exception):
    """The image is not there. `reason` becomes the container's waiting reason; try again in `retry` seconds."""

    def __init__(self, reason: str, message: str, retry: float = 10.0) -> None:
        super().__init__(message)
        self.retry = retry
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Credentials:
    """One entry of a docker config."""

    server: str
    username: str = ""
    password: str = ""
    auth: str = ""
    identity_token: str = ""

    def for_cri(self) -> dict[str, str]:
        return {
            "username": self.username,
            "password": self.password,
            "auth": self.auth,
            "server_address": self.server,
            "identity_token": self.identity_token,
        }


class Images:
    """The node's images. `ensure` is called for every container start."""

    def __init__(self, runtime: Runtime, *, parallel: int = 0, pulled: Callable[[], None] = lambda: None) -> None:
        self.runtime = runtime
        self._pulled = pulled
        self._backoff = Backoff()
        self._failures: dict[str, float] = {}  # when each pull failed last
        self._causes: dict[str, str] = {}  # and why
        self._pulls: dict[str, asyncio.Lock] = {}  # one pull of an image at a time
        self._limit = asyncio.Semaphore(parallel) if parallel else None

    async def ensure(
        self,
        pod: Obj,
        container: Obj,
        *,
        pull_secrets: Sequence[Obj],
        sandbox_config: Any,
        tell: EventSink,
        clock: Callable[[], float] = time.monotonic,
    ) -> tuple[str, Image | None]:
        """Make the container's image present. Returns (reference for the runtime, what is known of it).

        Raises ImageError. `pull_secrets` are the Secrets of imagePullSecrets that exist.
        """
        wanted = container.get("image") or ""
        if not _REFERENCE.match(wanted) and not re.fullmatch(r"sha256:[0-9a-f]{64}", wanted):
            problem = f'couldn\'t parse image name "{wanted}": invalid reference format'
            message = f'Failed to apply default image tag "{wanted}": {problem}'
            tell("Warning", "InspectFailed", message)
            raise ImageError("InvalidImageName", message, 60.0)
        name = with_default_tag(wanted)
        policy = container.get("imagePullPolicy") or default_policy(wanted)
        try:
            present = await self.runtime.image(name)
        except CRIError as error:
            message = f'Failed to inspect image "{name}": {error}'
            tell("Warning", "Failed", message)
            raise ImageError("ImageInspectError", message) from error
        if present is not None and policy != "Always":
            tell(
                "Normal",
                "Pulled",
                f'Container image "{wanted}" already present on machine and can be accessed by the pod',
            )
            return _reference(present), present
        if policy == "Never":
            message = f'Container image "{wanted}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", message)
            raise ImageError("ErrImageNeverPull", message)
        return await self._pull(pod, wanted, name, pull_secrets, sandbox_config, tell, clock)

    async def _pull(
        self,
        pod: Obj,
        wanted: str,
        name: str,
        pull_secrets: Sequence[Obj],
        sandbox_config: Any,
        tell: EventSink,
        clock: Callable[[], float],
    ) -> tuple[str, Image | None]:
        key = f"{pod['metadata']['uid']}_{name}"
        now = clock()
        left = self._backoff.remaining(key, self._failures.get(key, now), now)
        if left > 0:
            message = f'Back-off pulling image "{wanted}"'
            tell("Normal", "BackOff", message)
            cause = self._causes.get(key, "")
            raise ImageError("ImagePullBackOff", f"{message}: {cause}" if cause else message, left)
        tell("Normal", "Pulling", f'Pulling image "{wanted}"')
        queued = clock()
        async with self._pulls.setdefault(name, asyncio.Lock()), _Optional(self._limit):
            started = clock()
            try:
                reference = await self._pull_with_credentials(name, pull_secrets, sandbox_config)
            except CRIError as error:
                raise self._failed(key, wanted, error, tell, clock()) from error
        finished = clock()
        self._pulled()
        self._backoff.forget(key)
        self._causes.pop(key, None)
        image = await self.runtime.image(reference)
        took, waited = _round(finished - started), _round(finished - queued)
        size = f". Image size: {image.size} bytes." if image else "."
        tell("Normal", "Pulled", f'Successfully pulled image "{wanted}" in {took} ({waited} including waiting){size}')
        return reference, image

    def _failed(self, key: str, wanted: str, error: CRIError, tell: EventSink, now: float) -> ImageError:
        cause = str(error)
        self._backoff.next(key, now, now)
        self._failures[key] = now
        message = f'Failed to pull image "{wanted}": {cause}'
        self._causes[key] = f"ErrImagePull: {cause}"
        tell("Warning", "Failed", message)
        tell("Warning", "Failed", "Error: ErrImagePull")
        return ImageError("ErrImagePull", cause, SHOW_ERROR)

    async def _pull_with_credentials(self, name: str, secrets: Sequence[Obj], sandbox_config: Any) -> str:
        """Try every credential that fits the image's registry, then none."""
        last: CRIError | None = None
        for credentials in credentials_for(name, secrets):
            try:
                return await self.runtime.pull_image(name, credentials.for_cri(), sandbox_config)
            except CRIError as error:
                last = error
        if last is not None:
            raise last
        return await self.runtime.pull_image(name, None, sandbox_config)

    def forget(self, pod_uid: str) -> None:
        self._backoff.forget(pod_uid)
        for key in [key for key in self._failures if key.startswith(pod_uid)]:
            del self._failures[key]
            self._causes.pop(key, None)


class _Optional:
    """`async with` a semaphore that may not be there."""

    def __init__(self, semaphore: asyncio.Semaphore | None) -> None:
        self._semaphore = semaphore

    async def __aenter__(self) -> None:
        if self._semaphore is not None:
            await self._semaphore.acquire()

    async def __aexit__(self, *_: object) -> None:
        if self._semaphore is not None:
            self._semaphore.release()


def _reference(image: Image) -> str:
    return image.id


def _round(seconds: float) -> str:
    """As Go prints a duration rounded to milliseconds."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    return f"{round(seconds, 3):g}s"


def with_default_tag(image: str) -> str:
    if "@" in image or image.startswith("sha256:") or ":" in image.rpartition("/")[2]:
        return image
    return f"{image}:latest"


def default_policy(image: str) -> str:
    return "Always" if with_default_tag(image).endswith(":latest") else "IfNotPresent"


def registry_of(image: str) -> str:
    """The registry host of an image name; Docker Hub for short names."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return "index.docker.io"


def credentials_for(image: str, secrets: Sequence[Obj]) -> list[Credentials]:
    """Credentials of pull secrets whose server matches the image, most specific first."""
    registry = registry_of(image)
    path = image if image.startswith(registry) else f"{registry}/{image}"
    found: list[tuple[int, Credentials]] = []
    for secret in secrets:
        for server, entry in _docker_config(secret).items():
            key = re.sub(r"^https?://", "", server).rstrip("/").removesuffix("/v1").removesuffix("/v2")
            if key in ("docker.io", "registry-1.docker.io"):
                key = "index.docker.io"
            if _matches(key, registry, path):
                found.append((len(key), _credentials(server, entry)))
    return [credentials for _, credentials in sorted(found, key=lambda pair: -pair[0])]


def _matches(key: str, registry: str, path: str) -> bool:
    host, _, prefix = key.partition("/")
    pattern, parts = host.split("."), registry.split(".")
    if len(pattern) != len(parts) or not all(p in ("*", q) for p, q in zip(pattern, parts, strict=True)):
        return False
    return not prefix or path.partition("/")[2].startswith(prefix)


def _docker_config(secret: Obj) -> dict[str, Obj]:
    data = secret.get("data") or {}
    try:
        if ".dockerconfigjson" in data:
            auths: dict[str, Obj] = orjson.loads(base64.b64decode(data[".dockerconfigjson"])).get("auths") or {}
            return auths
        if ".dockercfg" in data:
            legacy: dict[str, Obj] = orjson.loads(base64.b64decode(data[".dockercfg"]))
            return legacy
    except ValueError:
        metadata = secret["metadata"]
        log.warning("pull secret %s/%s holds no docker config", metadata["namespace"], metadata["name"])
    return {}


def _credentials(server: str, entry: Obj) -> Credentials:
    username, password = entry.get("username", ""), entry.get("password", "")
    if entry.get("auth") and not username:
        decoded = base64.b64decode(entry["auth"]).decode(errors="replace")
        username, _, password = decoded.partition(":")
    return Credentials(server, username, password, "", entry.get("identitytoken", ""))
