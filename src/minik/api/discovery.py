"""What the API says of itself: /api, /apis and the lists of resources below, one by one and aggregated.

Pure builders over a Scheme. Groups and their versions come in the order of their APIServices' priorities; where
those are not known in upstream's order, then those that CustomResourceDefinitions add, by name. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from minik.api.groups import GROUP_VERSIONS
from minik.api.scheme import Resource, Scheme, Subresource
from minik.api.types import Obj

_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {None: 2, "beta": 1, "alpha": 0}

_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")

Groups = Mapping[str, Sequence[str]]  # group -> its versions, the preferred one first
Priorities = Mapping[tuple[str, str], tuple[int, int]]  # (group, version) -> of its group, of the version in it

_FIRST = "apiregistration.k8s.io"  # has no APIService, but comes before all that have one
_BUILT_IN, _DEFINED = 17900, (1000, 100)  # of built-in groups (about) and of CustomResourceDefinitions'


def version_rank(version: str) -> tuple[int, int, int, int, str]:
    """Sorts versions by preference: v2, v1, v1beta2, v1alpha1, and names of other forms last, by name."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (1, 0, 0, 0, version)
    return (0, -_STAGES[match[2]], -int(match[1]), -int(match[3] or 0), version)


def groups(
    scheme: Scheme, extra: Groups | None = None, priorities: Priorities | None = None, *, by_service: bool = False
) -> dict[str, list[str]]:
    """Every group but the core one, with its versions. `extra` are groups of APIServices served elsewhere.

    Of groups with the same priority those come first whose name does, or (`by_service`) that of their APIService.
    """
    found: dict[str, set[str]] = {}
    for resource in scheme:
        found.setdefault(resource.group, set()).add(resource.version)
    for group, versions in (extra or {}).items():
        found.setdefault(group, set()).update(versions)
    found.pop("", None)
    ranks = {name: _BUILT_IN - index for index, name in enumerate(GROUP_VERSIONS)}
    told: dict[str, int] = {}
    for (group, _), (priority, _) in (priorities or {}).items():
        told[group] = max(priority, told.get(group, 0))
    ranks |= told

    def place(group: str) -> tuple[bool, int, str]:
        tie = min(f"{version}.{group}" for version in found[group]) if by_service else group
        return (group != _FIRST, -ranks.get(group, _DEFINED[0]), tie)

    names = sorted(found, key=place)
    return {name: _ordered(name, found[name], priorities if name in told else None) for name in names}


def _ordered(group: str, versions: Iterable[str], priorities: Priorities | None) -> list[str]:
    if priorities is not None:
        return sorted(versions, key=lambda v: (-priorities.get((group, v), _DEFINED)[1], version_rank(v)))
    known = GROUP_VERSIONS.get(group, ())
    return sorted(versions, key=lambda v: (known.index(v) if v in known else len(known), version_rank(v)))


def api_versions(address: str) -> Obj:
    """/api. `address` is where clients of any network reach the server, host:port."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def api_group_list(scheme: Scheme, extra: Groups | None = None, priorities: Priorities | None = None) -> Obj:
    """/apis."""
    found = [_group(name, versions) for name, versions in groups(scheme, extra, priorities, by_service=True).items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def api_group(
    scheme: Scheme, group: str, extra: Groups | None = None, priorities: Priorities | None = None
) -> Obj | None:
    """/apis/<group>; None when nothing is served there."""
    versions = groups(scheme, extra, priorities).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)} if versions else None


def _group(name: str, versions: Sequence[str]) -> Obj:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def api_resource_list(scheme: Scheme, group: str, version: str) -> Obj | None:
    """/api/v1 and /apis/<group>/<version>; None when nothing is served there."""
    resources = _resources(scheme, group, version)
    if not resources:
        return None
    listed = []
    for resource in resources:
        listed.append(_resource(resource))
        listed.extend(_subresource(resource, sub) for sub in _subresources(resource))
    out: Obj = {"kind": "APIResourceList"}
    if group:
        out["apiVersion"] = "v1"
    return {**out, "groupVersion": resources[0].api_version, "resources": listed}


def _resources(scheme: Scheme, group: str, version: str) -> list[Resource]:
    return sorted((r for r in scheme if (r.group, r.version) == (group, version)), key=lambda r: r.plural)


def _subresources(resource: Resource) -> list[Subresource]:
    return sorted(resource.subresources, key=lambda sub: sub.name)


def _resource(resource: Resource) -> Obj:
    out: Obj = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        out["shortNames"] = list(resource.short_names)
    if resource.categories:
        out["categories"] = list(resource.categories)
    if resource.storage_version_hash:
        out["storageVersionHash"] = resource.storage_version_hash
    return out


def _verbs(resource: Resource) -> list[str]:
    """By name; those of custom resources in the order upstream's own discovery of them has."""
    if resource.custom:
        return [verb for verb in _CUSTOM_VERBS if verb in resource.verbs]
    return sorted(resource.verbs)


def _subresource(resource: Resource, sub: Subresource) -> Obj:
    out: Obj = {"name": f"{resource.plural}/{sub.name}", "singularName": "", "namespaced": resource.namespaced}
    if sub.kind_version:
        out |= {"group": sub.kind_group, "version": sub.kind_version}
    return {**out, "kind": sub.kind, "verbs": sorted(sub.verbs)}


def aggregated(
    scheme: Scheme,
    *,
    core: bool,
    version: str = "v2",
    stale: Groups | None = None,
    priorities: Priorities | None = None,
) -> Obj:
    """Everything in one answer: /api (`core`) or /apis as APIGroupDiscoveryList.

    `stale` are groups of APIServices whose resources could not be read: they are named, without resources.
    """
    if core:
        items = [_discovered_group(scheme, "", ["v1"], stale)]
    else:
        listed = groups(scheme, stale, priorities)
        items = [_discovered_group(scheme, name, found, stale) for name, found in listed.items()]
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _discovered_group(scheme: Scheme, group: str, versions: Iterable[str], stale: Groups | None) -> Obj:
    out: Obj = {"metadata": {"name": group} if group else {}}
    unread = (stale or {}).get(group, ())
    out["versions"] = [
        {"version": version, "freshness": "Stale"}
        if version in unread
        else {
            "version": version,
            "resources": [_discovered(resource) for resource in _resources(scheme, group, version)],
            "freshness": "Current",
        }
        for version in versions
    ]
    return out


def _discovered(resource: Resource) -> Obj:
    out: Obj = {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
    }
    if resource.short_names:
        out["shortNames"] = list(resource.short_names)
    if resource.categories:
        out["categories"] = list(resource.categories)
    if resource.subresources:
        out["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {"group": sub.kind_group, "version": sub.kind_version, "kind": sub.kind},
                "verbs": sorted(sub.verbs),
            }
            for sub in _subresources(resource)
        ]
    return out
