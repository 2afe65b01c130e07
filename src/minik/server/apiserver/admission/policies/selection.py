"""Which policies with which bindings and parameters apply to one write.

Upstream: apiserver's admission/plugin/policy/generic/policy_dispatcher.go.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.policies.configuration import Binding, Bound, Policies, Policy
from minik.server.apiserver.admission.policies.params import ConfigurationError, Params

OnFailure = Callable[[Policy, Binding | None, str], None]
"""Told about a policy or binding that cannot be used, and why."""


class Application(NamedTuple):
    """One evaluation of a policy: the write taken as one of `resource`, with one parameter object or none."""

    policy: Policy
    binding: Binding
    resource: Resource
    param: Obj | None


class Selection:
    """Selects among the bound policies of one plugin."""

    def __init__(self, policies: Policies, matcher: Matcher, params: Params) -> None:
        self.policies = policies
        self.matcher = matcher
        self._params = params

    def of(self, attributes: AdmissionAttributes, fail: OnFailure) -> Iterator[Application]:
        """In the order of policies, bindings, parameters."""
        for bound in self.policies.may_concern(attributes):
            yield from self._of_policy(bound, attributes, fail)

    def _of_policy(self, bound: Bound, attributes: AdmissionAttributes, fail: OnFailure) -> Iterator[Application]:
        policy = bound.policy
        try:
            match = self.matcher.match(policy.criteria, attributes)
            if match is None:
                return
            kind = self._params.resource(policy.spec.get("paramKind"))
        except (StatusError, ConfigurationError) as error:
            fail(policy, None, f"failed to configure policy: {error}")
            return
        for binding in bound.bindings:
            try:
                if self.matcher.match(binding.criteria, attributes) is None:
                    continue
                params = self._params.collect(kind, binding.spec.get("paramRef"), attributes.namespace)
            except (StatusError, ConfigurationError) as error:
                fail(policy, binding, f"failed to configure binding: {error}")
                continue
            for param in params:
                yield Application(policy, binding, match.resource, param)
