"""What the runtime knows of a Pod, as plain frozen data: no protobuf leaves runtime.py.

minik keeps nothing of its own about running Pods: labels and annotations that upstream's kubelet writes
(io.kubernetes.*) are enough to rebuild everything after a restart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

POD_NAME_LABEL = "io.kubernetes.pod.name"
POD_NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
POD_UID_LABEL = "io.kubernetes.pod.uid"
CONTAINER_NAME_LABEL = "io.kubernetes.container.name"
HASH_ANNOTATION = "io.kubernetes.container.hash"
RESTART_COUNT_ANNOTATION = "io.kubernetes.container.restartCount"
MESSAGE_PATH_ANNOTATION = "io.kubernetes.container.terminationMessagePath"
MESSAGE_POLICY_ANNOTATION = "io.kubernetes.container.terminationMessagePolicy"
PRE_STOP_ANNOTATION = "io.kubernetes.container.preStopHandler"
PORTS_ANNOTATION = "io.kubernetes.container.ports"
CONTAINER_GRACE_ANNOTATION = "io.kubernetes.pod.terminationGracePeriod"
DELETION_GRACE_ANNOTATION = "io.kubernetes.pod.deletionGracePeriod"


class CRIError(Exception):
    """A CRI call failed. `code` is the gRPC code's name (NOT_FOUND, UNAVAILABLE, DEADLINE_EXCEEDED, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"rpc error: code = {_go_code(self.code)} desc = {self.message}"


def _go_code(code: str) -> str:
    """UNAVAILABLE -> Unavailable, as Go's gRPC prints codes."""
    return "".join(word.capitalize() for word in code.split("_"))


class ContainerState(Enum):
    CREATED = 0
    RUNNING = 1
    EXITED = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A Pod sandbox. `created_at` in ns; `ips` is empty for host network and until asked for (`Runtime.sandbox`)."""

    id: str
    uid: str
    namespace: str
    pod_name: str
    attempt: int
    ready: bool
    created_at: int
    ips: tuple[str, ...] = ()
    host_network: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerUser:
    uid: int
    gid: int
    supplemental_groups: Sequence[int]


@dataclass(frozen=True, slots=True)
class Container:
    """One attempt of one container; times in ns, 0 when not yet. `exit_code` counts only when EXITED."""

    id: str
    sandbox_id: str
    pod_uid: str
    namespace: str
    pod_name: str
    name: str
    attempt: int
    state: ContainerState
    created_at: int
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    image_id: str = ""
    log_path: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)  # container path -> host path
    user: ContainerUser | None = None

    @property
    def hash(self) -> str:
        return self.annotations.get(HASH_ANNOTATION, "")

    @property
    def restart_count(self) -> int:
        try:
            return int(self.annotations.get(RESTART_COUNT_ANNOTATION, self.attempt))
        except ValueError:
            return self.attempt

    @property
    def running(self) -> bool:
        return self.state is ContainerState.RUNNING


@dataclass(frozen=True, slots=True)
class PodState:
    """All sandboxes and containers of one Pod, newest first."""

    sandboxes: Sequence[Sandbox] = ()
    containers: Sequence[Container] = ()

    @property
    def sandbox(self) -> Sandbox | None:
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def running(self) -> list[Container]:
        return [container for container in self.containers if container.running]

    def attempts(self, name: str) -> list[Container]:
        """The attempts of one container, newest first, of every sandbox."""
        return [container for container in self.containers if container.name == name]

    def current(self, name: str) -> Container | None:
        """The newest attempt within the newest sandbox."""
        sandbox = self.sandbox
        for container in self.containers:
            if container.name == name and sandbox is not None and container.sandbox_id == sandbox.id:
                return container
        return None

    def latest(self, name: str) -> Container | None:
        return next((container for container in self.containers if container.name == name), None)


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    tags: Sequence[str]
    digests: Sequence[str]
    size: int
    uid: int | None
    username: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class RuntimeHandler:
    """A handler that RuntimeClasses may name ("" is the default one) and what it can do."""

    name: str
    recursive_read_only_mounts: bool
    user_namespaces: bool


@dataclass(frozen=True, slots=True)
class RuntimeCondition:
    """RuntimeReady or NetworkReady."""

    type: str
    status: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class ContainerStats:
    """One container's use. CPU in ns since its start, memory and file system in bytes; `timestamp` in ns."""

    id: str
    name: str
    pod_uid: str
    namespace: str
    pod_name: str
    timestamp: int
    cpu_ns: int
    memory_working_set: int
    memory_rss: int
    memory_usage: int
    rootfs_used: int
    rootfs_inodes: int
