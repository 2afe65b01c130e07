"""The control plane of one process: store, API server, controllers, scheduler, and the identities they act under.

Floors above hand in the configuration and run the components; nothing here knows about nodes' agents.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from minik.api.go_duration import parse_duration
from minik.api.groups import GROUP_VERSIONS, load
from minik.api.groups.runtime_config import RuntimeConfigError, parse
from minik.api.scheme import Scheme
from minik.api.types import UserInfo
from minik.client import request_counts
from minik.client.client import Client
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.client.leader_election import LeaderElected, LeaderElector
from minik.client.resources import CLUSTER_TRUST_BUNDLES
from minik.config import ServerConfig, StartupError
from minik.server.apiserver import build_metrics, task_metrics
from minik.server.apiserver.aggregation.aggregator import Aggregator
from minik.server.apiserver.aggregation.backends import Backends
from minik.server.apiserver.apiextensions.custom_resources import CustomResources
from minik.server.apiserver.flowcontrol.configuration import FlowControlConfiguration
from minik.server.apiserver.handlers import zpages
from minik.server.apiserver.server import ApiServer, Limits, Listener
from minik.server.apiserver.storage_metrics import StorageMetrics
from minik.server.apiserver.streaming import registration as streaming
from minik.server.apiserver.streaming.kubelets import Kubelets
from minik.server.bootstrap.cluster import ClusterSettings
from minik.server.bootstrap.reconcile import bootstrap
from minik.server.certificates import KeyPair
from minik.server.cluster_dns import ClusterDnsObjects
from minik.server.identity import Identity
from minik.server.kubeconfig import write_kubeconfig
from minik.server.pki import ServerPki, ensure_kubelet_pki, ensure_server_pki, serving_names
from minik.server.resource_metrics import endpoint as resource_metrics
from minik.server.resource_metrics.role import MetricsReaderRole
from minik.store.mvcc import MvccStore
from minik.store.open import open_store
from minik.store.store import Store
from minik.supervisor import Component, Group

if TYPE_CHECKING:
    from minik.server.apiserver.encryption.assembly import Encryption
    from minik.server.controllers.discovery import Discovery
    from minik.server.scheduler.configuration.settings import SchedulerSettings

log = logging.getLogger("minik.server")

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


@asynccontextmanager
async def open_server(config: ServerConfig) -> AsyncIterator["Server"]:
    """Everything up to the point where components can run. Raises StoreOpenError and CertificateError."""
    sans = serving_names(
        cluster_domain=config.agent.cluster_domain,
        service_cidr=config.agent.service_cidr.split(",")[0],
        addresses=[config.agent.node_ip, config.advertise_address, config.bind_address, config.agent.node_name],
        extra=config.tls_san,
    )
    keep_history = parse_duration(config.etcd_compaction_interval)
    async with open_store(config.server_dir / "db", keep_history=keep_history) as store:
        keys = asyncio.get_running_loop().run_in_executor(None, ensure_server_pki, config.tls_dir, sans)
        scheme = load(_runtime_config(config))  # while keys are made
        server = Server(config, store, await keys, scheme)
        await server.prepare()
        yield server


class Server:
    """`components` in starting order. Clients of any identity come from `client`."""

    def __init__(self, config: ServerConfig, store: MvccStore, pki: ServerPki, scheme: Scheme) -> None:
        self._config = config
        self._store = store
        self._pki = pki
        self._scheme = scheme
        objects: Store = store
        self._encryption = _encryption(config, store, scheme)
        if self._encryption is not None:
            objects = self._encryption.store
        self._identity = Identity(config, pki, objects, self._scheme)
        listener = Listener(
            host=config.bind_address,
            port=config.https_listen_port,
            certificate=pki.serving.certificate,
            key=pki.serving.key,
            client_cas=(*self._identity.client_cas, *self._identity.request_header_cas),
        )
        limits = Limits(
            fair=config.enable_priority_and_fairness,
            reading=config.max_requests_inflight,
            writing=config.max_mutating_requests_inflight,
            request_timeout=parse_duration(config.request_timeout),
            event_ttl=int(parse_duration(config.event_ttl)),
        )
        self.api = ApiServer(objects, self._scheme, listener, self._identity.hooks(), limits)
        self._identity.install(self.api)
        if self._encryption is not None:
            self._encryption.install(self.api)
        self._show_metrics()
        self._custom_resources = CustomResources(
            self._identity.objects, self.api.registry, self.client("system:apiserver", MASTERS, agent="kube-apiserver")
        )
        front_proxy = pki.front_proxy_client
        self._aggregator = Aggregator(
            self._identity.objects,
            Backends(self._identity.objects, front_proxy.certificate, front_proxy.key),
            self.client("system:apiserver", MASTERS, agent="kube-apiserver"),
        )
        self.api.aggregate(self._aggregator)
        self._flow_control = FlowControlConfiguration(
            self._identity.objects,
            self.api.flow_control,
            self.client("system:apiserver", MASTERS, agent="kube-apiserver"),
        )
        self._scheduling = _scheduler_settings(config)
        self._auditor: Component | None = None
        if config.audit_policy_file and (config.audit_log_path or config.audit_webhook_config_file):
            from minik.server.apiserver.audit.assembly import auditor_of

            auditor = auditor_of(config, self._scheme)
            self._auditor = self.api.pipeline.auditor = auditor
            self.api.metrics.add(auditor.collect)
        kubelets = Kubelets(
            self._identity.objects, pki.server_ca.certificate, pki.kubelet_client.certificate, pki.kubelet_client.key
        )
        streaming.install(self.api.dispatcher, self._identity.objects, kubelets)
        if not config.disable_agent and "metrics-server" not in config.disable:
            resource_metrics.install(self._scheme, self.api.dispatcher, self._identity.objects, kubelets)

    def _show_metrics(self) -> None:
        zpages.install(self.api.routes, self._config)
        metrics, authenticator = self.api.metrics, self._identity.authenticator
        storage = StorageMetrics(self.api.registry)
        metrics.add(storage.collect, storage.prepare)
        metrics.add(build_metrics.collect)
        metrics.add(task_metrics.collect)
        metrics.add(self._identity.authorizer.collect)
        metrics.add(authenticator.counts.collect)
        metrics.add(request_counts.COUNTS.collect)
        metrics.add(authenticator.certificates.collect)

    async def prepare(self) -> None:
        """Default objects and the admin's kubeconfig."""
        config, pki = self._config, self._pki
        settings = ClusterSettings(
            service_cidr=config.agent.service_cidr,
            advertise_address=config.advertise_address or config.agent.node_ip,
            port=config.https_listen_port,
            client_ca=_together(self._identity.client_cas),
            request_header_ca=_together(self._identity.request_header_cas),
            front_proxy_names=config.requestheader_allowed_names,
            user_headers=config.requestheader_username_headers,
            uid_headers=config.requestheader_uid_headers,
            group_headers=config.requestheader_group_headers,
            extra_prefixes=config.requestheader_extra_headers_prefix,
        )
        await bootstrap(self.api.registry.storage, self._scheme, settings, datetime.now(UTC))
        self._identity.load()
        self._custom_resources.load()
        self._aggregator.load()
        self._flow_control.load()
        url = f"https://{_reachable(config.bind_address)}:{config.https_listen_port}"
        mode = config.write_kubeconfig_mode
        await asyncio.to_thread(write_kubeconfig, config.write_kubeconfig, url, pki.server_ca, pki.admin, mode=mode)

    @property
    def components(self) -> Sequence[Component]:
        parts: list[Component] = [*self._identity.components, self._custom_resources, self._aggregator]
        parts += self._encryption.components if self._encryption is not None else ()
        parts += [self._flow_control, *([self._auditor] if self._auditor else []), self.api]
        if not self._config.disable_agent:
            parts += self._packaged()
        if not self._config.disable_controller_manager:
            controllers = Group("controllers", "minik.server.controllers.manager", self._controllers)
            parts.append(self._led("kube-controller-manager", controllers))
            parts.append(self._led("minik-addons", Group("addons", "minik.server.addons.addons", self._addons)))
        if not self._config.disable_scheduler:
            scheduler = Group("kube-scheduler", "minik.server.scheduler.assembly", self._scheduler)
            parts.append(self._led("kube-scheduler", scheduler))
        if self._config.fake_nodes:
            fakes = Group("fake nodes", "minik.server.fake_nodes.assembly", self._fake_nodes)
            parts.append(self._led("minik-fake-nodes", fakes))
        return parts

    def _led(self, lease: str, part: Component) -> Component:
        """What only one of several servers may run; a single one needs no Lease for it."""
        if not self._config.leader_elect:
            return part
        identity = f"{self._config.agent.node_name}_{uuid.uuid4()}"
        client = self.client("system:minik", MASTERS, agent="minik")
        return LeaderElected(part.name, LeaderElector(client, lease, identity), lambda: part)

    def _packaged(self) -> list[Component]:
        """What makes a node's services known in the cluster; --disable leaves it out."""
        client, disabled = self.client("system:minik", MASTERS), self._config.disable
        dns = [] if "coredns" in disabled else [ClusterDnsObjects(client, self._config.agent.cluster_dns)]
        return [*dns, *([] if "metrics-server" in disabled else [MetricsReaderRole(client)])]

    def _controllers(self) -> list[Component]:
        from minik.client import workqueue_metrics
        from minik.server.controllers.context import ClusterSettings as ControllerSettings
        from minik.server.controllers.context import ControllerContext
        from minik.server.controllers.manager import ControllerManager

        client = self.client("system:kube-controller-manager", MASTERS, agent="kube-controller-manager")
        informers = Informers(client)
        events = EventBroadcaster(client)

        context = ControllerContext(
            client_for=lambda name: self.client(
                f"system:serviceaccount:kube-system:{name}", MASTERS, agent="kube-controller-manager"
            ),
            informers=informers,
            events=events,
            discover=self._discover,
            sign_token=self._identity.signing_key.sign,
            settings=ControllerSettings(
                cluster_cidrs=tuple(self._config.agent.cluster_cidr.split(",")),
                root_ca=self._pki.server_ca.certificate.read_text(),
                client_ca=self._pki.client_ca,
                server_ca=self._pki.server_ca,
                node_name=self._config.agent.node_name,
                service_cidrs=tuple(self._config.agent.service_cidr.split(",")),
                service_node_port_range=self._config.service_node_port_range,
                disabled=frozenset(self._config.disable),
                storage_dir=self._storage_dir,
                trust_bundles=self._scheme.get(*CLUSTER_TRUST_BUNDLES) is not None,
            ),
        )
        manager = ControllerManager(context)
        self.api.metrics.add(lambda: workqueue_metrics.collect(manager.controllers))
        self.api.metrics.add(manager.collect)
        return [informers, events, manager]

    @property
    def _storage_dir(self) -> Path | None:
        """Where local volumes are; None without a node, or when nobody wants them."""
        if self._config.disable_agent or "local-storage" in self._config.disable:
            return None
        return self._config.data_dir.absolute() / "storage"

    async def _discover(self) -> "Discovery":
        from minik.server.controllers.discovery import from_scheme

        known = self._aggregator.known
        return from_scheme(self._scheme, known, self._aggregator.elsewhere.keys() - known.keys())

    def _addons(self) -> list[Component]:
        from minik.server.addons.addons import Addons

        client = self.client("system:minik", MASTERS, agent="minik")
        events = EventBroadcaster(client)
        directory = self._config.server_dir / "manifests"
        return [events, Addons(directory, self._config.disable, client, self._discover, events.recorder("minik"))]

    def _scheduler(self) -> list[Component]:
        from minik.server.scheduler.assembly import scheduler_components

        client = self.client("system:kube-scheduler", agent="kube-scheduler")
        return scheduler_components(client, self._scheduling, self.api.routes, self.api.metrics)

    def _fake_nodes(self) -> Sequence[Component]:
        from minik.server.fake_nodes.assembly import fake_node_components

        return fake_node_components(self.client("system:minik", MASTERS, agent="kubelet"), self._config)

    # -- identities

    def client(self, user: str, *groups: str, agent: str = "minik") -> Client:
        """The API as `user` sees it, without a network in between."""
        return self.api.client(UserInfo(user, groups=(*groups, AUTHENTICATED)), agent=agent)

    def node_client(self) -> Client:
        return self.client(f"system:node:{self._config.agent.node_name}", "system:nodes", agent="kubelet")

    def proxy_client(self) -> Client:
        return self.client("system:kube-proxy", agent="kube-proxy")

    def node_credentials(self) -> tuple[KeyPair, Path]:
        """What this machine's kubelet serves with, and the CA its clients come from. Blocking."""
        agent = self._config.agent
        agent.agent_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        serving, _ = ensure_kubelet_pki(agent.agent_dir, self._pki, agent.node_name, [agent.node_ip])
        return serving, self._pki.client_ca.certificate

    async def store_failed(self) -> None:
        """Returns never; raises what ended the store."""
        await self._store.wait()


def _encryption(config: ServerConfig, store: Store, scheme: Scheme) -> "Encryption | None":
    if not config.encryption_provider_config:
        return None
    from minik.server.apiserver.encryption.assembly import Encryption

    return Encryption(config, store, scheme)


def _together(files: Sequence[Path]) -> str:
    return "".join(file.read_text() for file in files)


def _scheduler_settings(config: ServerConfig) -> "SchedulerSettings | None":
    """What a file says, None without one. Raises StartupError, before anything is started."""
    if config.disable_scheduler or not (config.kube_scheduler_config or config.kube_scheduler_arg):
        return None
    from minik.server.scheduler.configuration.flags import settings_of_flags

    return settings_of_flags(config.kube_scheduler_config, config.kube_scheduler_arg)


def _runtime_config(config: ServerConfig) -> dict[str, bool]:
    """Raises StartupError."""
    try:
        return parse(
            config.runtime_config, [(g, version) for g, versions in GROUP_VERSIONS.items() for version in versions]
        )
    except RuntimeConfigError as error:
        raise StartupError(str(error)) from None


def _reachable(address: str) -> str:
    """An address clients on this machine can use."""
    if address in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{address}]" if ":" in address else address
