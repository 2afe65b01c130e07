"""The same object as other versions or groups serve it, for webhooks and policies with matchPolicy Equivalent."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import orjson

from minik.api.scheme import Resource, Scheme
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes


class Kind(NamedTuple):
    """A GroupVersionKind."""

    group: str
    version: str
    kind: str

    @property
    def obj(self) -> Obj:
        return {"group": self.group, "version": self.version, "kind": self.kind}


def kind_of(attributes: AdmissionAttributes, resource: Resource) -> Kind:
    """The kind the write carries when it is taken as one of `resource`: its own, or a subresource's (Scale)."""
    part = resource.subresource(attributes.subresource) if attributes.subresource else None
    if part is None or part.kind in ("", resource.kind):
        return Kind(resource.group, resource.version, resource.kind)
    if part.kind_version:
        return Kind(part.kind_group, part.kind_version, part.kind)
    return Kind(resource.group, resource.version, part.kind)


class Equivalents:
    """Which resources are the same objects under another group or version."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._generation = -1
        self._by_storage: dict[GVR, list[Resource]] = {}

    def of(self, resource: Resource, subresource: str) -> list[Resource]:
        """The others, in the scheme's order, that have the subresource as well."""
        if self._generation != self._scheme.generation:
            self._generation = self._scheme.generation
            self._by_storage = {}
            for known in self._scheme:
                self._by_storage.setdefault(known.storage or known.gvr, []).append(known)
        return [
            other
            for other in self._by_storage.get(resource.storage or resource.gvr, ())
            if other.gvr != resource.gvr and (not subresource or other.subresource(subresource) is not None)
        ]


class WebhookConverter(Protocol):
    """Translates custom resources whose definition names a conversion webhook."""

    async def convert(self, resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]: ...


class Conversions:
    """Objects in the version that a webhook or policy asks for.

    `webhooks` tells who asks conversion webhooks; None while there are none.
    """

    def __init__(self, webhooks: Callable[[], WebhookConverter | None] = lambda: None) -> None:
        self._webhooks = webhooks

    async def convert(self, obj: Obj | None, source: Resource, target: Resource) -> Obj | None:
        """`obj` of `source` as `target` serves it: itself when they are the same, else a copy.

        What is not an object of `source` (a Scale, an Eviction) stays as it is. Raises StatusError.
        """
        if obj is None or source.gvr == target.gvr or obj.get("kind") != source.kind:
            return obj
        copy: Obj = orjson.loads(orjson.dumps(obj))
        webhook = self._webhooks() if source.converted_by is not None else None
        if webhook is not None:
            (converted,) = await webhook.convert(source, [copy], target.api_version)
            return converted
        converted = target.from_storage(source.to_storage(copy))
        converted["kind"], converted["apiVersion"] = target.kind, target.api_version
        return converted
