"""Decides whether a webhook or policy is meant by a write: rules, equivalent versions, selectors.

Upstream: apiserver's admission/plugin/webhook/generic and plugin/policy/matching.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minik.api.scheme import Resource, Scheme
from minik.api.selectors import EVERYTHING, LabelSelector, of_object
from minik.api.status import StatusError, internal_error, not_found
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.admission.namespace_lifecycle import NAMESPACES
from minik.server.apiserver.admission.rules import Rule
from minik.server.apiserver.admission.rules import parse as parse_rules
from minik.server.apiserver.admission.versions import Equivalents
from minik.server.apiserver.objects import Reader

_CONFIGURATION_GROUP = "admissionregistration.k8s.io"
_CONFIGURATION = frozenset(
    {
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    }
)


def is_exempt(attributes: AdmissionAttributes) -> bool:
    """Webhooks and policies never judge their own configuration: nobody could repair a broken one."""
    return attributes.gvr.group == _CONFIGURATION_GROUP and attributes.gvr.resource in _CONFIGURATION


@dataclass(frozen=True, slots=True)
class Criteria:
    """What one webhook, policy or binding asks for. `rules` None: any resource."""

    rules: tuple[Rule, ...] | None
    excluded: tuple[Rule, ...]
    equivalent: bool
    namespaces: LabelSelector
    objects: LabelSelector
    problem: str = ""  # selectors that were stored without validation and cannot be read

    def may_match(self, operation: Operation, resources: Sequence[GVR], subresource: str) -> bool:
        """A quick look by kind of write; `resources` is the written one and its equivalents."""
        if self.rules is None:
            return True
        seen = resources if self.equivalent else resources[:1]
        return any(rule.may_match(operation, resource, subresource) for rule in self.rules for resource in seen)


def of_webhook(webhook: Obj) -> Criteria:
    return _criteria(webhook, parse_rules(webhook.get("rules")), ())


def of_policy(resources: Obj | None) -> Criteria:
    """MatchResources of a policy or a binding; without rules, every resource matches."""
    resources = resources or {}
    return _criteria(
        resources,
        parse_rules(resources.get("resourceRules")) or None,
        parse_rules(resources.get("excludeResourceRules")),
    )


def _criteria(source: Obj, rules: tuple[Rule, ...] | None, excluded: tuple[Rule, ...]) -> Criteria:
    equivalent = (source.get("matchPolicy") or "Equivalent") == "Equivalent"
    try:
        namespaces = of_object(source.get("namespaceSelector") or {})
        objects = of_object(source.get("objectSelector") or {})
    except ValueError as error:
        return Criteria(rules, excluded, equivalent, EVERYTHING, EVERYTHING, str(error))
    return Criteria(rules, excluded, equivalent, namespaces, objects)


class Match(NamedTuple):
    """The resource, in the version a rule speaks of, that a write is taken for."""

    resource: Resource


class Matcher:
    """Answers from the scheme and from Namespaces in memory."""

    def __init__(self, objects: Reader, scheme: Scheme) -> None:
        self._objects = objects
        self._scheme = scheme
        self._equivalents = Equivalents(scheme)

    @property
    def generation(self) -> int:
        """Grows when resources come and go, and with them what `same_objects` says."""
        return self._scheme.generation

    def same_objects(self, attributes: AdmissionAttributes) -> list[GVR]:
        """The resource written to, then those that are the same objects."""
        others = self._equivalents.of(attributes.resource, attributes.subresource)
        return [attributes.gvr, *(other.gvr for other in others)]

    def match(self, criteria: Criteria, attributes: AdmissionAttributes) -> Match | None:
        """None: not meant. Raises StatusError when that cannot be told, but only if the rules match."""
        if criteria.objects is not EVERYTHING and not _selects(criteria.objects, attributes):
            return None
        wrong: StatusError | None = None
        try:
            if not self._in_namespace(criteria, attributes):
                return None
        except StatusError as error:
            wrong = error
        if criteria.excluded and self._by_rules(criteria.excluded, criteria, attributes) is not None:
            return None
        found = attributes.resource if criteria.rules is None else self._by_rules(criteria.rules, criteria, attributes)
        if found is None:
            return None
        if wrong is not None:
            raise wrong
        return Match(found)

    def namespace(self, name: str) -> Obj:
        """Raises StatusError 404."""
        found = self._objects.get(NAMESPACES, name)
        if found is None:
            raise not_found("", "namespaces", name)
        return found

    def _by_rules(
        self, rules: tuple[Rule, ...], criteria: Criteria, attributes: AdmissionAttributes
    ) -> Resource | None:
        if any(rule.matches(attributes, attributes.gvr) for rule in rules):
            return attributes.resource
        if criteria.equivalent:
            others = self._equivalents.of(attributes.resource, attributes.subresource)
            for rule in rules:
                for other in others:
                    if rule.matches(attributes, other.gvr):
                        return other
        return None

    def _in_namespace(self, criteria: Criteria, attributes: AdmissionAttributes) -> bool:
        """Cluster-scoped objects lie in all namespaces, a Namespace in itself as it is about to be."""
        about_namespace = attributes.gvr.resource == "namespaces"
        if not attributes.namespace and not about_namespace:
            return True
        if criteria.problem:
            raise internal_error(criteria.problem)
        if criteria.namespaces.everything:
            return True
        changing = attributes.operation in (Operation.CREATE, Operation.UPDATE)
        if about_namespace and not attributes.subresource and changing and attributes.obj is not None:
            return criteria.namespaces.matches(attributes.obj["metadata"].get("labels"))
        return criteria.namespaces.matches(self.namespace(attributes.namespace)["metadata"].get("labels"))


def _selects(selector: LabelSelector, attributes: AdmissionAttributes) -> bool:
    """Either state of the object may carry the labels."""
    if selector.everything:
        return True
    return any(
        isinstance(obj.get("metadata"), dict) and selector.matches(obj["metadata"].get("labels"))
        for obj in (attributes.obj, attributes.old_obj)
        if obj is not None
    )
