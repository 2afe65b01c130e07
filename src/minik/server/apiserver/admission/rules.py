"""Which writes a webhook or policy asks for: operations, groups, versions, resources, scope.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
"""

from collections.abc import Sequence
from dataclasses import dataclass

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation

_ANY = "*"
_NAMESPACES = ("", "namespaces")


@dataclass(frozen=True, slots=True)
class Rule:
    """One RuleWithOperations. `names` limits policies to objects of these names; none: all of them."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: frozenset[tuple[str, str]]  # (plural, subresource)
    scope: str
    names: frozenset[str]

    def may_match(self, operation: Operation, resource: GVR, subresource: str) -> bool:
        """Whether some write of this kind matches, whatever its scope and name."""
        return (
            (_ANY in self.operations or operation.value in self.operations)
            and (_ANY in self.groups or resource.group in self.groups)
            and (_ANY in self.versions or resource.version in self.versions)
            and any(
                plural in (_ANY, resource.resource) and part in (_ANY, subresource) for plural, part in self.resources
            )
        )

    def matches(self, attributes: AdmissionAttributes, resource: GVR) -> bool:
        """Whether it asks for this write, which counts as one of `resource`."""
        return (
            self.may_match(attributes.operation, resource, attributes.subresource)
            and self._in_scope(attributes, resource)
            and (not self.names or attributes.name in self.names)
        )

    def _in_scope(self, attributes: AdmissionAttributes, resource: GVR) -> bool:
        """A Namespace lies in itself as admission sees it, but is cluster-scoped."""
        if self.scope not in ("Namespaced", "Cluster"):
            return True
        namespaced = bool(attributes.namespace) and (resource.group, resource.resource) != _NAMESPACES
        return namespaced == (self.scope == "Namespaced")


def parse(rules: Sequence[Obj] | None) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            frozenset(rule.get("operations") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("apiVersions") or ()),
            frozenset(_split(text) for text in rule.get("resources") or ()),
            rule.get("scope") or _ANY,
            frozenset(rule.get("resourceNames") or ()),
        )
        for rule in rules or ()
    )


def _split(resource: str) -> tuple[str, str]:
    plural, _, subresource = resource.partition("/")
    return plural, subresource
