"""Who may do what: authentication, authorization and admission of this server, put together.

    request -> Authenticator (certificates, tokens) -> Impersonation -> Authorizer (Node, RBAC) -> admission chain

RBAC and the Node authorizer's graph follow the stored objects, so a decision never waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from minik.api.scheme import Scheme
from minik.api.types import GVR
from minik.config import ServerConfig
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from minik.server.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from minik.server.apiserver.admission.priority import Priority
from minik.server.apiserver.admission.service_account import ServiceAccountAdmission
from minik.server.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition
from minik.server.apiserver.authn.authenticator import Authenticator
from minik.server.apiserver.authn.impersonation import Impersonation
from minik.server.apiserver.authn.service_account import ServiceAccountAuthenticator
from minik.server.apiserver.authn.signing_key import SigningKey
from minik.server.apiserver.authn.tokens import BootstrapTokens, StaticTokens
from minik.server.apiserver.authn.x509 import CertificateAuthenticator
from minik.server.apiserver.authz.authorizer import Authorizer
from minik.server.apiserver.authz.node import NodeAuthorizer
from minik.server.apiserver.authz.node_graph import PODS, NodeGraph
from minik.server.apiserver.authz.policy import RBAC_RESOURCES, Policy
from minik.server.apiserver.authz.rbac import RbacAuthorizer
from minik.server.apiserver.authz.rules import Rule
from minik.server.apiserver.objects import Objects, OnChange
from minik.server.apiserver.registry.layout import Layouts
from minik.server.apiserver.server import ApiServer, Hooks
from minik.server.bootstrap.policy import cluster_role_rules
from minik.server.pki import ServerPki
from minik.store.store import Store
from minik.supervisor import Component


class Identity:
    """The hooks of the API server and the components that keep them true."""

    def __init__(self, config: ServerConfig, pki: ServerPki, store: Store, scheme: Scheme) -> None:
        self.objects = Objects(store, scheme, Layouts())
        self.policy = Policy()
        self.graph = NodeGraph(self.objects)
        self.signing_key = SigningKey.load(pki.service_account_key)
        self.issuer = f"https://kubernetes.default.svc.{config.agent.cluster_domain}"
        self.authenticator = Authenticator(
            CertificateAuthenticator(pki.client_ca.certificate, pki.request_header_ca.certificate),
            StaticTokens({}),
            ServiceAccountAuthenticator(self.signing_key, self.issuer, self.objects),
            BootstrapTokens(self.objects),
            audiences=(self.issuer,),
        )
        node_rules = [Rule(rule) for rule in cluster_role_rules()["system:node"]]
        self.authorizer = Authorizer(NodeAuthorizer(self.graph, node_rules), RbacAuthorizer(self.policy))
        self._impersonation = Impersonation(self.authorizer.authorize)
        self._admission = AdmissionChain(
            [
                NamespaceLifecycle(self.objects),
                ServiceAccountAdmission(self.objects),
                TaintNodesByCondition(),
                Priority(self.objects),
                DefaultTolerationSeconds(),
            ]
        )

    def hooks(self) -> Hooks:
        return Hooks(
            authenticate=self.authenticator.authenticate,
            impersonate=self._impersonation.impersonate,
            authorize=self.authorizer.authorize,
            admission=self._admission,
        )

    def install(self, api: ApiServer) -> None:
        """Register what this knows to answer: reviews, tokens, allocations."""

    @property
    def components(self) -> Sequence[Component]:
        return [
            _Follower("rbac", self.objects, RBAC_RESOURCES, self.policy.reset, self.policy.change),
            _Follower("node-authorizer", self.objects, (PODS,), self.graph.reset, self.graph.change),
        ]


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
