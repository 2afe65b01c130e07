"""What every Pod worker shares: the node's services, in one frozen bundle."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.agent.kubelet.backoff import Backoff
from minik.agent.kubelet.cgroups import Cgroups
from minik.agent.kubelet.config import KubeletSettings
from minik.agent.kubelet.downward import NodeFacts
from minik.agent.kubelet.etc_files import DNS
from minik.agent.kubelet.handlers import Handlers
from minik.agent.kubelet.images import Images
from minik.agent.kubelet.object_cache import ObjectCache
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_config import HostSettings
from minik.agent.kubelet.runtime_events import RecentEnds
from minik.agent.kubelet.runtime_types import RuntimeHandler
from minik.agent.kubelet.status_manager import StatusManager
from minik.agent.kubelet.tokens import TokenCache
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.events import EventRecorder


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeContext:
    """`group` owns every task that a worker starts."""

    settings: KubeletSettings
    client: Client
    runtime: Runtime
    images: Images
    handlers: Handlers
    objects: ObjectCache
    tokens: TokenCache
    cgroups: Cgroups
    statuses: StatusManager
    recorder: EventRecorder
    backoff: Backoff
    ends: RecentEnds
    host: HostSettings
    host_dns: DNS
    cluster_dns: Sequence[str]
    cluster_domain: str
    group: asyncio.TaskGroup
    node: Callable[[], NodeFacts]
    services: Callable[[], Sequence[Obj]]
    handlers_of_runtime: Callable[[], Sequence[RuntimeHandler]]
    network_problem: Callable[[], str]  # "" when Pods can get addresses
    resize_refusal: Callable[[Obj], tuple[str, str] | None]  # why a Pod cannot have what it now asks for
    room: Callable[[], None]  # some Pod needs less: others may grow

    def recursive_read_only(self) -> bool:
        """Whether the runtime's default handler can mount recursively read-only."""
        return any(handler.recursive_read_only_mounts for handler in self.handlers_of_runtime() if not handler.name)

    def pod_directory(self, uid: str) -> Path:
        return self.settings.root_dir / "pods" / uid
