"""RBAC policy rules: what they allow, what they cover, how they are printed.

Pure. Rules: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ , upstream's `rbac.RuleAllows`,
`validation.Covers` and `CompactRules`.
"""

from collections.abc import Iterable, Iterator, Sequence

import orjson

from minik.api.types import Obj
from minik.server.apiserver.attributes import Attributes


class Rule:
    """One PolicyRule, compiled for matching."""

    __slots__ = ("groups", "names", "resources", "source", "subresources", "urls", "verbs")

    def __init__(self, source: Obj) -> None:
        self.source = source
        self.verbs = _set_or_all(source.get("verbs"))
        self.groups = _set_or_all(source.get("apiGroups"))
        self.resources = _set_or_all(source.get("resources"))
        self.names = frozenset(source.get("resourceNames") or ())
        self.urls = tuple(source.get("nonResourceURLs") or ())
        # "*/scale" in resources allows that subresource of every resource
        self.subresources = frozenset(
            item[2:] for item in source.get("resources") or () if item.startswith("*/") and len(item) > 2
        )

    def allows_resource(self, verb: str, group: str, resource: str, subresource: str, name: str) -> bool:
        """`resource` is combined with its subresource: "pods/log"."""
        if self.verbs is not None and verb not in self.verbs:
            return False
        if self.groups is not None and group not in self.groups:
            return False
        if self.resources is not None and resource not in self.resources and subresource not in self.subresources:
            return False
        return not self.names or name in self.names

    def allows_path(self, verb: str, path: str) -> bool:
        if self.verbs is not None and verb not in self.verbs:
            return False
        return any(url_matches(url, path) for url in self.urls)

    def allows(self, attributes: Attributes) -> bool:
        if not attributes.resource_request:
            return self.allows_path(attributes.verb, attributes.path)
        resource = attributes.resource
        if attributes.subresource:
            resource = f"{resource}/{attributes.subresource}"
        return self.allows_resource(
            attributes.verb, attributes.api_group, resource, attributes.subresource, attributes.name
        )


def url_matches(pattern: str, path: str) -> bool:
    if pattern == "*" or pattern == path:
        return True
    return pattern.endswith("*") and path.startswith(pattern.rstrip("*"))


def missing(owned: Sequence[Obj], wanted: Iterable[Obj]) -> list[Obj]:
    """The single permissions in `wanted` that no rule of `owned` covers."""
    return [atom for rule in wanted for atom in _atoms(rule) if not any(_covers(own, atom) for own in owned)]


def compact(rules: Iterable[Obj]) -> list[Obj]:
    """Put the verbs of rules that speak of the same single thing together."""
    simple: dict[tuple[str, str, str | None], Obj] = {}
    others: list[Obj] = []
    for rule in rules:
        names = rule.get("resourceNames") or []
        groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
        if rule.get("nonResourceURLs") or len(names) > 1 or len(groups) != 1 or len(resources) != 1:
            others.append(rule)
            continue
        key = (groups[0], resources[0], names[0] if names else None)
        known = simple.get(key)
        if known is None:
            simple[key] = {**rule, "verbs": list(rule.get("verbs") or ())}
        else:
            known["verbs"].extend(rule.get("verbs") or ())
    return others + list(simple.values())


def describe(rule: Obj) -> str:
    """A rule on one line, as upstream prints it in refusals."""
    parts = []
    for label, field in (
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("ResourceNames", "resourceNames"),
        ("Verbs", "verbs"),
    ):
        if values := rule.get(field):
            parts.append(f"{label}:{quoted(values)}")
    return "{" + ", ".join(parts) + "}"


def quoted(values: Iterable[str]) -> str:
    """A list of strings as Go's %q prints it."""
    return "[" + " ".join(orjson.dumps(value).decode() for value in values) + "]"


def _set_or_all(values: Sequence[str] | None) -> frozenset[str] | None:
    """None stands for everything."""
    return None if values and "*" in values else frozenset(values or ())


def _atoms(rule: Obj) -> Iterator[Obj]:
    verbs = rule.get("verbs") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                atom: Obj = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames") or ()
                if not names:
                    yield atom
                for name in names:
                    yield {**atom, "resourceNames": [name]}
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(own: Obj, atom: Obj) -> bool:
    if not _has(own.get("verbs"), atom["verbs"][0]):
        return False
    if "nonResourceURLs" in atom:
        return any(url_matches(url, atom["nonResourceURLs"][0]) for url in own.get("nonResourceURLs") or ())
    if not _has(own.get("apiGroups"), atom["apiGroups"][0]):
        return False
    resource, resources = atom["resources"][0], own.get("resources") or ()
    if not _has(resources, resource):
        _, slash, subresource = resource.partition("/")
        if not slash or f"*/{subresource}" not in resources:
            return False
    owned_names = own.get("resourceNames") or ()
    names = atom.get("resourceNames")
    return not owned_names or (names is not None and names[0] in owned_names)


def _has(values: Sequence[str] | None, value: str) -> bool:
    return values is not None and ("*" in values or value in values)
