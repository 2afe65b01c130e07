"""Builds the plugins that users configure, when the first webhook or policy of a kind appears.

Kept apart from dynamic.py so that a server without any does not even import what they need.
"""

from dataclasses import dataclass

from minik.api.scheme import Scheme
from minik.server.apiserver.admission.conditions import WebhookConditions
from minik.server.apiserver.admission.configuration_kinds import MUTATING_POLICIES, VALIDATING_POLICIES
from minik.server.apiserver.admission.expressions import Inputs
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.admission.on_demand import Configured
from minik.server.apiserver.admission.policies.configuration import Policies
from minik.server.apiserver.admission.policies.mutating import MutatingAdmissionPolicy
from minik.server.apiserver.admission.policies.params import Params
from minik.server.apiserver.admission.policies.selection import Selection
from minik.server.apiserver.admission.policies.validating import ValidatingAdmissionPolicy
from minik.server.apiserver.admission.versions import Conversions
from minik.server.apiserver.admission.webhooks.caller import WebhookCaller
from minik.server.apiserver.admission.webhooks.configuration import Webhooks
from minik.server.apiserver.admission.webhooks.mutating import MutatingAdmissionWebhook
from minik.server.apiserver.admission.webhooks.validating import ValidatingAdmissionWebhook
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.client import WebhookClient


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the plugins are made of."""

    objects: Reader
    scheme: Scheme
    authorize: Authorize
    conversions: Conversions
    client: WebhookClient
    metrics: AdmissionMetrics

    def mutating_webhooks(self) -> Configured:
        matcher = Matcher(self.objects, self.scheme)
        webhooks = Webhooks(matcher)
        return Configured(webhooks, MutatingAdmissionWebhook(webhooks, self.conversions, self._caller(matcher)))

    def validating_webhooks(self) -> Configured:
        matcher = Matcher(self.objects, self.scheme)
        webhooks = Webhooks(matcher)
        return Configured(webhooks, ValidatingAdmissionWebhook(webhooks, self._caller(matcher)))

    def mutating_policies(self) -> Configured:
        matcher = Matcher(self.objects, self.scheme)
        policies = Policies(matcher, MUTATING_POLICIES)
        selection = Selection(policies, matcher, Params(self.objects, self.scheme))
        return Configured(
            policies, MutatingAdmissionPolicy(selection, self.conversions, self._inputs(matcher), self.metrics.policies)
        )

    def validating_policies(self) -> Configured:
        matcher = Matcher(self.objects, self.scheme)
        policies = Policies(matcher, VALIDATING_POLICIES)
        selection = Selection(policies, matcher, Params(self.objects, self.scheme))
        return Configured(policies, ValidatingAdmissionPolicy(selection, self._inputs(matcher), self.metrics.policies))

    def _caller(self, matcher: Matcher) -> WebhookCaller:
        conditions = WebhookConditions(self._inputs(matcher), self.metrics.policies)
        return WebhookCaller(matcher, self.conversions, self.client, conditions, self.metrics)

    def _inputs(self, matcher: Matcher) -> Inputs:
        return Inputs(matcher, self.conversions, self.authorize)
