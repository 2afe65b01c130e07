"""Answers to known request heads (express.py) while their bytes arrive.

Any read may try: the pipeline is run without waiting. For the read clients do most, GET of one object with a service
account's token, a plan remembers where the way led, so that what is left are the questions whose answers can change:
is the token still good, have roles or bindings changed, is there a seat, and what is the object now.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from minik.api.scheme import Scheme
from minik.api.types import UserInfo
from minik.server.apiserver.authn.impersonation import asks_for_another
from minik.server.apiserver.express import Head
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.metrics import RequestMetrics
from minik.server.apiserver.negotiation import PLAIN, negotiate, wants_pretty
from minik.server.apiserver.pipeline import Pipeline
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.layout import Layout
from minik.server.apiserver.registry.storage import Storage
from minik.server.apiserver.request_info import RequestInfo, resolve

_NODES = "system:nodes"


class ShortAnswer(NamedTuple):
    """The content of a 200. `flow` is Request.flow."""

    content_type: str
    body: bytes
    flow: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What may be known of clients without asking: `again` is RecentTokens', `policy_generation` RBAC's.

    `granted` is told whom a request was granted to that way.
    """

    again: Callable[[str], UserInfo | None]
    policy_generation: Callable[[], int]
    granted: Callable[[UserInfo], None] = lambda _user: None


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the way of one head led while the scheme and the policy had these generations."""

    info: RequestInfo
    user: UserInfo
    token: str
    key: bytes
    layout: Layout
    scheme: int
    policy: int


class ShortWay:
    """`credentials` None: no plans are made."""

    def __init__(
        self,
        pipeline: Pipeline,
        storage: Storage,
        scheme: Scheme,
        flow_control: FlowControl,
        metrics: RequestMetrics,
        credentials: Credentials | None,
    ) -> None:
        self._pipeline = pipeline
        self._storage = storage
        self._scheme = scheme
        self._flow_control = flow_control
        self._metrics = metrics
        self._credentials = credentials

    def answer(self, head: Head, certificate: bytes | None, remote: str) -> ShortAnswer | None:
        """None: the long way it is."""
        plan = head.plan
        if certificate is None and isinstance(plan, Plan):
            found = self._planned(plan)
            if found is not None:
                return found
            head.plan = None
        policy = self._credentials.policy_generation() if self._credentials else 0
        request = head.request(certificate, remote)
        response = self._pipeline.at_once(request)
        if response is None or response.status != 200 or response.headers or response.warnings or response.stream:
            return None
        if certificate is None and not wants_pretty(request):
            head.plan = self._plan(head, policy)
        return ShortAnswer(response.content_type, response.body, request.flow)

    def _planned(self, plan: Plan) -> ShortAnswer | None:
        credentials, pipeline = self._credentials, self._pipeline
        if credentials is None or pipeline.auditor is not None or pipeline.is_elsewhere(plan.info):
            return None
        if plan.policy != credentials.policy_generation() or plan.scheme != self._scheme.generation:
            return None
        if credentials.again(plan.token) is not plan.user:
            return None
        started = time.perf_counter()
        flow = self._flow_control.flow(plan.info, plan.user)
        value = self._storage.store.get(plan.key)
        if value is None or not flow.passes():
            return None
        body = plan.layout.whole(value)
        self._metrics.observe(plan.info, 200, started, len(body))
        credentials.granted(plan.user)
        return ShortAnswer("application/json", body, flow.uids)

    def _plan(self, head: Head, policy: int) -> Plan | None:
        """For a request that was just answered, by the policy of that generation. None: it has to be asked in full."""
        token = head.headers.get("authorization", "")
        user = self._credentials.again(token) if self._credentials and token else None
        info = resolve("GET", head.path, head.query)
        resource = self._scheme.get(info.group, info.version, info.resource)
        if user is None or _NODES in user.groups or asks_for_another(head.headers):
            return None  # what a node may read changes with every Pod
        if resource is None or not resource.stored or resource.converted_by or info.verb != "get" or head.query:
            return None
        if negotiate(head.headers.get("accept", ""), protobuf=True) is not PLAIN:
            return None
        namespace = info.namespace if resource.namespaced else ""
        key = object_key(resource, namespace, info.name)
        return Plan(info, user, token, key, self._storage.layout(resource), self._scheme.generation, policy)
