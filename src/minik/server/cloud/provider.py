"""What a cloud does for a cluster: instances behind nodes, load balancers behind Services, routes between nodes.

A provider implements the parts it has; the controllers beside this module do the rest, as cloud-controller-manager.
https://kubernetes.io/docs/concepts/architecture/cloud-controller/
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from minik.api.types import Obj


class CloudError(Exception):
    """The provider cannot do what was asked, in words for the user's Event."""


class UnavailableError(CloudError):
    """Nothing can serve the load balancer now: addresses it had are not its any more.

    It is not asked for again until its Service or a node changes or the provider calls `refresh`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMetadata:
    """`addresses` are NodeAddresses ({type, address}); "" means that the cloud has no such notion."""

    provider_id: str
    instance_type: str = ""
    addresses: Sequence[Obj] = ()
    zone: str = ""
    region: str = ""
    additional_labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Pods of `destination` (a CIDR) are on `node`."""

    name: str
    node: str
    destination: str


class Instances(Protocol):
    async def metadata(self, node: Obj) -> InstanceMetadata:
        """Raises CloudError."""
        ...

    async def exists(self, node: Obj) -> bool: ...

    async def is_shut_down(self, node: Obj) -> bool: ...


class LoadBalancers(Protocol):
    """Every method raises CloudError. A status is that of `Service.status.loadBalancer`."""

    def watch(self, refresh: Callable[[str], None]) -> None:
        """Call `refresh` with a Service's key when its load balancer may have to change without its doing."""
        ...

    async def exists(self, service: Obj) -> bool: ...

    async def ensure(self, service: Obj, nodes: Sequence[Obj]) -> Obj:
        """Make the load balancer, or bring it in line with the Service. Returns its status."""
        ...

    async def update(self, service: Obj, nodes: Sequence[Obj]) -> Obj:
        """The nodes are others than before. Returns the status."""
        ...

    async def ensure_deleted(self, service: Obj) -> None: ...


class Routes(Protocol):
    async def list(self) -> Sequence[Route]: ...

    async def create(self, route: Route) -> None:
        """Raises CloudError."""
        ...

    async def delete(self, route: Route) -> None:
        """Raises CloudError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    name: str
    instances: Instances | None = None
    instances_vanish: bool = True  # without their nodes' objects being deleted
    load_balancers: LoadBalancers | None = None
    routes: Routes | None = None
