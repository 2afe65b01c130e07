"""Which resources there are, for the controllers that deal with all of them: garbage collection and namespace deletion.

One version per (group, resource), as upstream's ServerPreferredResources.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from minik.api.discovery import version_rank
from minik.api.scheme import Scheme
from minik.api.types import GVR


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


def from_scheme(scheme: Scheme) -> Discovery:
    """What this API server itself serves and stores."""
    return Discovery.of(
        ApiResource(resource.gvr, resource.kind, resource.namespaced, frozenset(resource.verbs))
        for resource in sorted(scheme, key=lambda resource: version_rank(resource.version))
        if resource.stored
    )
