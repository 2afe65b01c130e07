"""Who may do what: authentication, authorization and admission of this server, put together.

    request -> Authenticator (certificates, tokens) -> Impersonation -> Authorizer (Node, RBAC) -> admission chain

RBAC and the Node authorizer's graph follow the stored objects, so a decision never waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from minik.api.go_duration import parse_duration
from minik.api.scheme import Scheme
from minik.api.types import GVR, UserInfo
from minik.config import ServerConfig, StartupError
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.default_plugins import after_webhooks, before_webhooks
from minik.server.apiserver.admission.dynamic import DynamicAdmission
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.admission.plugin import Plugin
from minik.server.apiserver.admission.quota_status import QuotaStatus
from minik.server.apiserver.allocators.cluster_ips import ClusterIps
from minik.server.apiserver.allocators.ip_addresses import IpAddresses
from minik.server.apiserver.allocators.node_ports import NodePorts
from minik.server.apiserver.allocators.service_endpoints import ServiceEndpoints
from minik.server.apiserver.allocators.services import ServiceAllocator
from minik.server.apiserver.authn import issuer_discovery
from minik.server.apiserver.authn.authenticator import Authenticator
from minik.server.apiserver.authn.front_proxy import front_proxy_of
from minik.server.apiserver.authn.impersonation import Impersonation
from minik.server.apiserver.authn.legacy_tokens import LegacyTokenUses
from minik.server.apiserver.authn.recent_tokens import RecentTokens
from minik.server.apiserver.authn.service_account import ServiceAccountAuthenticator
from minik.server.apiserver.authn.signing_key import JWKS_PATH, SigningKey
from minik.server.apiserver.authn.tokens import BootstrapTokens, StaticTokens
from minik.server.apiserver.authn.x509 import CertificateAuthenticator
from minik.server.apiserver.authz.assembly import Authorization
from minik.server.apiserver.authz.authorizer import Immediate
from minik.server.apiserver.authz.escalation import EscalationGuard
from minik.server.apiserver.authz.node import NodeAuthorizer
from minik.server.apiserver.authz.node_graph import PODS, NodeGraph
from minik.server.apiserver.authz.policy import RBAC_RESOURCES, Policy
from minik.server.apiserver.authz.rbac import RbacAuthorizer
from minik.server.apiserver.authz.rules import Rule
from minik.server.apiserver.objects import Objects, OnChange
from minik.server.apiserver.outside_identities import (
    OpenConnections,
    account_issuers,
    follow_authentication,
    outside_identities,
)
from minik.server.apiserver.registry.storage import Storage
from minik.server.apiserver.reviews import registration as reviews
from minik.server.apiserver.server import ApiServer, Hooks
from minik.server.apiserver.short_way import Credentials
from minik.server.apiserver.subresources.token import TokenEndpoint
from minik.server.bootstrap.policy import cluster_role_rules, served_rules
from minik.server.pki import ServerPki
from minik.store.store import Store
from minik.supervisor import Component


class Identity:
    """The hooks of the API server and the components that keep them true."""

    def __init__(self, config: ServerConfig, pki: ServerPki, store: Store, scheme: Scheme) -> None:
        self._config = config
        storage = Storage(store)
        self.objects = Objects(store, scheme, storage.layouts)
        self.policy = Policy()
        self.graph = NodeGraph(self.objects)
        self.signing_key = _signing_key(config, pki)
        issuers = account_issuers(config)
        self.issuer = issuers[0]
        outside = outside_identities(config)
        secrets = scheme.get("", "v1", "secrets")
        assert secrets is not None
        self._token_uses = LegacyTokenUses(storage, secrets)
        self.client_cas, self.request_header_cas = client_authorities(config, pki)
        self.authenticator = Authenticator(
            CertificateAuthenticator(self.client_cas, self.request_header_cas),
            StaticTokens(outside.tokens),
            ServiceAccountAuthenticator(self.signing_key, issuers, self.objects, note_legacy=self._token_uses.note),
            BootstrapTokens(self.objects),
            audiences=config.api_audiences or issuers,
            anonymous=outside.anonymous,
            anonymous_paths=outside.anonymous_paths,
            external=outside.external,
            front_proxy=front_proxy_of(config),
        )
        self._connections = OpenConnections()
        self._connections.connections += outside.webhooks
        counts = self.authenticator.counts
        self._recent = RecentTokens(self.authenticator.authenticate, store, scheme, seen=counts.add)
        of_node = [*cluster_role_rules()["system:node"], *served_rules(scheme).get("system:node", ())]
        node_rules = [Rule(rule) for rule in of_node]
        built_in: dict[str, Immediate] = {
            "Node": NodeAuthorizer(self.graph, node_rules),
            "RBAC": RbacAuthorizer(self.policy),
        }
        self._authorization = Authorization(config, built_in, self._connections)
        self.authorizer = self._authorization.authorizer
        followed = (follow_authentication(config, outside, self.authenticator), self._authorization.followed)
        self.followed_files = [each for each in followed if each is not None]
        self._impersonation = Impersonation(self.authorizer.authorize)
        self._admission_metrics = AdmissionMetrics()
        self._dynamic = DynamicAdmission(self.objects, scheme, self.authorizer.authorize, self._admission_metrics)
        self._admission = AdmissionChain(self._plugins(storage, scheme), self._admission_metrics)
        self._services = self._allocator(storage, scheme)

    def _plugins(self, storage: Storage, scheme: Scheme) -> list[Plugin]:
        quotas = scheme.get("", "v1", "resourcequotas")
        assert quotas is not None
        authorize = self.authorizer.authorize
        return [
            *before_webhooks(self.objects, scheme, authorize),
            *self._dynamic.plugins,
            *after_webhooks(self.objects, EscalationGuard(self.policy, authorize), QuotaStatus(storage, quotas).write),
        ]

    def _allocator(self, storage: Storage, scheme: Scheme) -> ServiceAllocator:
        addresses, endpoints = scheme.get("networking.k8s.io", "v1", "ipaddresses"), scheme.get("", "v1", "endpoints")
        assert addresses is not None
        assert endpoints is not None
        config = self._config
        return ServiceAllocator(
            ClusterIps(config.agent.service_cidr.split(",")),
            NodePorts(config.service_node_port_range),
            IpAddresses(storage, addresses),
            ServiceEndpoints(storage, endpoints),
        )

    def hooks(self) -> Hooks:
        return Hooks(
            authenticate=self._recent.authenticate,
            impersonate=self._impersonation.impersonate,
            authorize=self.authorizer.authorize,
            admission=self._admission,
            credentials=Credentials(
                self._recent.again,
                lambda: self._authorization.generation(self.policy.generation),
                self._granted,
            ),
        )

    def _granted(self, user: UserInfo) -> None:
        """A request was granted for the reasons another had been granted for before."""
        self.authenticator.counts.add(user)
        self.authorizer.attempts["allowed"] += 1

    def install(self, api: ApiServer) -> None:
        """Register what this knows to answer: reviews, tokens, allocations."""
        config = self._config
        reviews.install(
            api.dispatcher,
            self.authenticator,
            self.authorizer.authorize,
            self.policy,
            asks_webhooks=lambda: self._authorization.asks_webhooks,
        )
        tokens = TokenEndpoint(
            self.signing_key,
            self.issuer,
            self.authenticator.audiences,
            int(parse_duration(config.service_account_max_token_expiration)),
            config.service_account_extend_token_expiration,
        )
        api.dispatcher.add_subresource("token", tokens.serve, plural="serviceaccounts")
        address = config.advertise_address or config.agent.node_ip
        keys_url = config.service_account_jwks_uri or f"https://{address}:{config.https_listen_port}{JWKS_PATH}"
        issuer_discovery.install(api.routes, self.signing_key, self.issuer, keys_url)
        for followed in self.followed_files:
            api.metrics.add(followed.collect)
        api.metrics.add(self._admission_metrics.collect)
        api.metrics.add(self._token_uses.collect)
        api.metrics.add(self._impersonation.metrics.collect)
        api.registry.allocators["", "services"] = self._services
        self._dynamic.webhook_converter = lambda: api.registry.converter

    def load(self) -> None:
        """Take in what is stored already; call it once, before the first request."""
        self._services.load(self.objects)

    @property
    def components(self) -> Sequence[Component]:
        return [
            _Follower("rbac", self.objects, RBAC_RESOURCES, self.policy.reset, self.policy.change),
            _Follower("node-authorizer", self.objects, (PODS,), self.graph.reset, self.graph.change),
            *(
                _Follower(plugin.follows[0].resource, self.objects, plugin.follows, plugin.reset, plugin.change)
                for plugin in self._dynamic.plugins
            ),
            self._dynamic,
            self._token_uses,
            *([self._connections] if self._connections.connections or self.followed_files else ()),
            *self.followed_files,
        ]


def client_authorities(config: ServerConfig, pki: ServerPki) -> tuple[list[Path], list[Path]]:
    """The files of the CAs that client certificates may be of: (of users, of front proxies)."""
    users, proxies = [pki.client_ca.certificate], [pki.request_header_ca.certificate]
    if config.client_ca_file:
        users.append(Path(config.client_ca_file))
    if config.requestheader_client_ca_file:
        proxies.append(Path(config.requestheader_client_ca_file))
    for path in (*users[1:], *proxies[1:]):
        try:
            path.read_bytes()
        except OSError as error:
            raise StartupError(f"cannot read client CA file: {error}") from None
    return users, proxies


def _signing_key(config: ServerConfig, pki: ServerPki) -> SigningKey:
    """The key that signs service accounts' tokens, trusting those of further files, too."""
    own = config.service_account_signing_key_file
    try:
        key = SigningKey.load(Path(own) if own else pki.service_account_key)
        for path in config.service_account_key_file:
            key.trust(Path(path))
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use service account key: {error}") from None
    return key


class _Follower:
    """Keeps one index in step with the stored objects; ready once it has seen all there are."""

    def __init__(
        self,
        name: str,
        objects: Objects,
        resources: Sequence[GVR],
        on_reset: Callable[[], None],
        on_change: OnChange,
    ) -> None:
        self.name = name
        self._follow = partial(objects.follow, resources, on_reset, on_change)

    async def run(self, ready: asyncio.Event) -> None:
        await self._follow(ready)
