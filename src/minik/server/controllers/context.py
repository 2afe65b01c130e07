"""What every controller gets: the API, the shared caches, a voice for Events, the clock and the cluster's settings."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minik.client.client import Client
from minik.client.clock import Clock, SystemClock
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.server.certificates import KeyPair
from minik.server.controllers.discovery import Discovery


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """The flags of kube-controller-manager that minik's controllers know. Times in seconds."""

    cluster_cidrs: tuple[str, ...] = ("10.42.0.0/16",)
    node_cidr_mask_size_ipv4: int = 24
    node_cidr_mask_size_ipv6: int = 64
    allocate_node_cidrs: bool = True
    root_ca: str = ""  # PEM that pods verify the API server with
    client_ca: KeyPair | None = None  # signs clients' certificates; None: nobody does
    server_ca: KeyPair | None = None  # signs kubelets' serving certificates
    node_monitor_grace_period: float = 50.0
    node_startup_grace_period: float = 60.0
    node_eviction_rate: float = 0.1  # nodes per second
    secondary_node_eviction_rate: float = 0.01
    large_cluster_size_threshold: int = 50
    unhealthy_zone_threshold: float = 0.55
    terminated_pod_gc_threshold: int = 12500
    node_name: str = ""  # the node on this machine
    trust_bundles: bool = False  # ClusterTrustBundles are served
    storage_dir: Path | None = None  # where local volumes are on it; None: it has none
    service_cidrs: tuple[str, ...] = ("10.43.0.0/16",)
    service_node_port_range: str = "30000-32767"
    disabled: frozenset[str] = frozenset()  # built-in parts that are not wanted, as --disable names them


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerContext:
    """`client_for(name)` is the API as the controller of that name may use it (upstream: one identity each).

    `sign_token` makes a service account token of claims; without it no token Secrets are filled.
    """

    client_for: Callable[[str], Client]
    informers: Informers
    events: EventBroadcaster
    discover: Callable[[], Awaitable[Discovery]]
    sign_token: Callable[[Mapping[str, Any]], str] | None = None
    settings: ClusterSettings = field(default_factory=ClusterSettings)
    clock: Clock = field(default_factory=SystemClock)
