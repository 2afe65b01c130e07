"""DefaultStorageClass and DefaultIngressClass: what names no class gets the one marked as default.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#defaultstorageclass
"""

from collections.abc import Sequence

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, Plugin
from minik.server.apiserver.objects import Reader

STORAGE_CLASSES = GVR("storage.k8s.io", "v1", "storageclasses")
INGRESS_CLASSES = GVR("networking.k8s.io", "v1", "ingressclasses")
_DEFAULT_STORAGE = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_DEFAULT_INGRESS = ("ingressclass.kubernetes.io/is-default-class",)


class DefaultStorageClass(Plugin):
    name = "DefaultStorageClass"
    operations = frozenset({CREATE})
    resources = frozenset({("", "persistentvolumeclaims")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = attributes.obj.setdefault("spec", {})
        annotations = attributes.obj["metadata"].get("annotations") or {}
        if spec.get("storageClassName") is not None or "volume.beta.kubernetes.io/storage-class" in annotations:
            return
        found = newest_default(self._objects.list(STORAGE_CLASSES), _DEFAULT_STORAGE)
        if found is not None:
            spec["storageClassName"] = found["metadata"]["name"]


class DefaultIngressClass(Plugin):
    name = "DefaultIngressClass"
    operations = frozenset({CREATE})
    resources = frozenset({("networking.k8s.io", "ingresses")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = attributes.obj.setdefault("spec", {})
        annotations = attributes.obj["metadata"].get("annotations") or {}
        if spec.get("ingressClassName") is not None or "kubernetes.io/ingress.class" in annotations:
            return
        found = newest_default(self._objects.list(INGRESS_CLASSES), _DEFAULT_INGRESS)
        if found is not None:
            spec["ingressClassName"] = found["metadata"]["name"]


def newest_default(classes: Sequence[Obj], annotations: Sequence[str]) -> Obj | None:
    """Of several defaults the newest, then the first by name."""
    defaults = [
        item
        for item in classes
        if any((item["metadata"].get("annotations") or {}).get(key) == "true" for key in annotations)
    ]
    if not defaults:
        return None
    newest = max(item["metadata"].get("creationTimestamp", "") for item in defaults)
    same_age = [item for item in defaults if item["metadata"].get("creationTimestamp", "") == newest]
    return min(same_age, key=lambda item: str(item["metadata"]["name"]))
