"""The policies in force: those that a binding names, compiled once, and looked up by kind of write.

Follows the policies and bindings of one plugin (objects.py); while no policy is bound, a lookup is one comparison.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import Criteria, Matcher, of_policy

_CACHED_KINDS = 1000  # kinds of writes remembered at most


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy's spec with its match constraints ready. `state`: what was compiled of it when it was first needed."""

    name: str
    spec: Obj
    criteria: Criteria
    state: dict[str, object] = field(default_factory=dict)

    @property
    def ignore_failures(self) -> bool:
        return self.spec.get("failurePolicy") == "Ignore"


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    name: str
    policy: str
    spec: Obj
    criteria: Criteria


class Bound(NamedTuple):
    """A policy with its bindings, by name."""

    policy: Policy
    bindings: tuple[Binding, ...]


class Policies:
    """All bound policies of one plugin, in the order of their names."""

    def __init__(self, matcher: Matcher, policies: GVR) -> None:
        self._matcher = matcher
        self._resource = policies
        self._policies: dict[str, Policy] = {}
        self._bindings: dict[str, Binding] = {}
        self._bound: tuple[Bound, ...] = ()
        self._by_write: dict[tuple[int, str, GVR, str], tuple[Bound, ...]] = {}

    def reset(self) -> None:
        self._policies, self._bindings = {}, {}
        self._rebuild()

    def change(self, resource: GVR, new: Obj | None, last: Obj | None) -> None:
        name = (new or last or {})["metadata"]["name"]
        if resource == self._resource:
            if new is None:
                self._policies.pop(name, None)
            else:
                spec = new.get("spec") or {}
                known = self._policies.get(name)
                if known is not None and known.spec == spec:
                    return  # only its status or metadata changed: what is compiled stays good
                self._policies[name] = Policy(name, spec, of_policy(spec.get("matchConstraints")))
        elif new is None:
            self._bindings.pop(name, None)
        else:
            spec = new.get("spec") or {}
            self._bindings[name] = Binding(
                name, spec.get("policyName", ""), spec, of_policy(spec.get("matchResources"))
            )
        self._rebuild()

    def __bool__(self) -> bool:
        return bool(self._bound)

    def may_concern(self, attributes: AdmissionAttributes) -> tuple[Bound, ...]:
        """Those whose rules allow for this kind of write."""
        key = (self._matcher.generation, attributes.operation.value, attributes.gvr, attributes.subresource)
        found = self._by_write.get(key)
        if found is None:
            resources = self._matcher.same_objects(attributes)
            found = tuple(
                bound
                for bound in self._bound
                if bound.policy.criteria.may_match(attributes.operation, resources, attributes.subresource)
            )
            if len(self._by_write) >= _CACHED_KINDS:
                self._by_write.clear()
            self._by_write[key] = found
        return found

    def _rebuild(self) -> None:
        bindings: dict[str, list[Binding]] = {}
        for _, binding in sorted(self._bindings.items()):
            bindings.setdefault(binding.policy, []).append(binding)
        self._bound = tuple(
            Bound(policy, tuple(bindings[name])) for name, policy in sorted(self._policies.items()) if name in bindings
        )
        self._by_write = {}
