"""Runs the controllers of the control plane side by side in one component.

They share the informers, start together, and one that crashes is restarted alone. With several servers only the one
that holds the lease runs them (client/leader_election.py).
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from minik.server.controllers.admission_policy_status import ValidatingAdmissionPolicyStatusController
from minik.server.controllers.bootstrap_tokens import BootstrapSigner, TokenCleaner
from minik.server.controllers.certificate_requests import CertificateApprover, CertificateCleaner, CertificateSigner
from minik.server.controllers.cluster_role_aggregation import ClusterRoleAggregationController
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.cron_job import CronJobController
from minik.server.controllers.daemon_set import DaemonSetController
from minik.server.controllers.deployment import DeploymentController
from minik.server.controllers.disruption import DisruptionController
from minik.server.controllers.endpoint_slice import EndpointSliceController
from minik.server.controllers.endpoint_slice_mirroring import EndpointSliceMirroringController
from minik.server.controllers.endpoints import EndpointsController
from minik.server.controllers.ephemeral_volume import EphemeralVolumeController
from minik.server.controllers.garbage_collector import GarbageCollector
from minik.server.controllers.horizontal_pod_autoscaler import HorizontalPodAutoscalerController
from minik.server.controllers.job import JobController
from minik.server.controllers.legacy_token_cleaner import LegacyTokenCleaner
from minik.server.controllers.local_path import LocalPathProvisioner
from minik.server.controllers.namespace import NamespaceController
from minik.server.controllers.node_ipam import NodeIpamController
from minik.server.controllers.node_lifecycle import NodeLifecycleController
from minik.server.controllers.node_ttl import NodeTTLController
from minik.server.controllers.on_demand import (
    OnDemand,
    attach_detach_controller,
    cloud_controllers,
    device_controllers,
    keep_running,
    trust_bundle_publisher,
)
from minik.server.controllers.persistent_volume_binder import PersistentVolumeBinder
from minik.server.controllers.pod_gc import PodGCController
from minik.server.controllers.replica_set import ReplicaSetController, ReplicationControllerController
from minik.server.controllers.resource_quota import ResourceQuotaController
from minik.server.controllers.root_ca import RootCAController
from minik.server.controllers.service_account import ServiceAccountController
from minik.server.controllers.service_cidrs import ServiceCIDRController
from minik.server.controllers.service_repair import ServiceRepairController
from minik.server.controllers.stateful_set import StatefulSetController
from minik.server.controllers.taint_eviction import TaintEvictionController
from minik.server.controllers.token_secrets import TokenSecretController
from minik.server.controllers.volume_expansion import VolumeExpansionController
from minik.server.controllers.volume_protection import (
    AttributesClassProtectionController,
    ClaimProtectionController,
    VolumeProtectionController,
)
from minik.supervisor import Component

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Build = Callable[[ControllerContext], Component]

CONTROLLERS: Sequence[Build] = (
    ServiceAccountController,
    RootCAController,
    TokenSecretController,
    LegacyTokenCleaner,
    ClusterRoleAggregationController,
    CertificateApprover,
    CertificateSigner,
    CertificateCleaner,
    TokenCleaner,
    BootstrapSigner,
    ServiceCIDRController,
    ServiceRepairController,
    NodeIpamController,
    NodeLifecycleController,
    NodeTTLController,
    TaintEvictionController,
    EndpointSliceController,
    EndpointSliceMirroringController,
    EndpointsController,
    ReplicaSetController,
    DeploymentController,
    ReplicationControllerController,
    DaemonSetController,
    StatefulSetController,
    JobController,
    CronJobController,
    DisruptionController,
    HorizontalPodAutoscalerController,
    ResourceQuotaController,
    PersistentVolumeBinder,
    VolumeExpansionController,
    ClaimProtectionController,
    VolumeProtectionController,
    AttributesClassProtectionController,
    EphemeralVolumeController,
    LocalPathProvisioner,
    NamespaceController,
    PodGCController,
    ValidatingAdmissionPolicyStatusController,
    attach_detach_controller,
    device_controllers,
    cloud_controllers,
    trust_bundle_publisher,
    GarbageCollector,  # last: it reads along with the informers that the others asked for
)


class ControllerManager:
    """The component "controller-manager". Controllers are built at the first run, so that a standby caches nothing."""

    name = "controller-manager"

    def __init__(self, context: ControllerContext, builders: Iterable[Build] = CONTROLLERS) -> None:
        self._context = context
        self._builders = [*builders]
        self._parts: Sequence[Component] = ()

    @property
    def controllers(self) -> Sequence[Component]:
        """Those that are built, for metrics."""
        parts = self._parts
        return [each for part in parts for each in (part.controllers if isinstance(part, OnDemand) else (part,))]

    def collect(self) -> Iterator["Metric"]:
        """What controllers count besides the work of their queues: each lists it in `measures`."""
        for controller in self.controllers:
            for measure in getattr(controller, "measures", ()):
                yield measure.collect()

    async def run(self, ready: asyncio.Event) -> None:
        if not self._parts:
            self._parts = [build(self._context) for build in self._builders if self._is_wanted(build)]
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(keep_running(part), name=part.name)
            ready.set()

    def _is_wanted(self, build: Build) -> bool:
        settings = self._context.settings
        if build is NodeIpamController:
            return settings.allocate_node_cidrs
        return build is not trust_bundle_publisher or settings.trust_bundles
