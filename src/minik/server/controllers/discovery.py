"""Which resources there are, for the controllers that deal with all of them: garbage collection and namespace deletion.

One version per (group, resource), as upstream's ServerPreferredResources.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from minik.api.discovery import version_rank
from minik.api.scheme import Scheme
from minik.api.types import GVR, Obj


@dataclass(frozen=True, slots=True)
class ApiResource:
    gvr: GVR
    kind: str
    namespaced: bool
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Discovery:
    """`kinds` has every served version; `failures` maps group/version to why it could not be asked."""

    resources: tuple[ApiResource, ...]
    kinds: dict[tuple[str, str], ApiResource]  # (apiVersion, kind)
    failures: dict[str, str]

    @staticmethod
    def of(resources: Iterable[ApiResource], failures: dict[str, str] | None = None) -> "Discovery":
        """`resources` in order of preference: the first version of a resource is the preferred one."""
        preferred: dict[tuple[str, str], ApiResource] = {}
        kinds: dict[tuple[str, str], ApiResource] = {}
        for resource in resources:
            preferred.setdefault((resource.gvr.group, resource.gvr.resource), resource)
            kinds.setdefault((resource.gvr.api_version, resource.kind), resource)
        return Discovery(tuple(preferred.values()), kinds, failures or {})


def from_scheme(
    scheme: Scheme,
    elsewhere: Mapping[tuple[str, str], Sequence[Obj]] | None = None,
    silent: Iterable[tuple[str, str]] = (),
) -> Discovery:
    """What this API server itself serves and stores, and what aggregated ones say they serve.

    `elsewhere`: (group, version) -> resources as in aggregated discovery; `silent`: those that do not answer.
    """
    elsewhere = elsewhere or {}
    silent = set(silent)
    own = [
        ApiResource(resource.gvr, resource.kind, resource.namespaced, frozenset(resource.verbs))
        for resource in scheme
        if resource.stored and (resource.group, resource.version) not in elsewhere
    ]
    aggregated = [_aggregated(at, resource) for at, found in elsewhere.items() for resource in found]
    failures = {
        f"{group}/{version}": f"stale GroupVersion discovery: {group}/{version}" for group, version in sorted(silent)
    }
    return Discovery.of(sorted([*own, *aggregated], key=lambda each: version_rank(each.gvr.version)), failures)


def _aggregated(at: tuple[str, str], resource: Obj) -> ApiResource:
    gvr = GVR(*at, resource["resource"])
    kind = (resource.get("responseKind") or {}).get("kind", "")
    return ApiResource(gvr, kind, resource.get("scope") == "Namespaced", frozenset(resource.get("verbs") or ()))
