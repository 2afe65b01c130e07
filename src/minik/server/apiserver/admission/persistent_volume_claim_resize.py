"""PersistentVolumeClaimResize: claims grow only where their class allows it.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#persistentvolumeclaimresize
"""

from minik.api.quantity import parse
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import UPDATE, Plugin, refuse
from minik.server.apiserver.objects import Reader

STORAGE_CLASSES = GVR("storage.k8s.io", "v1", "storageclasses")


class PersistentVolumeClaimResize(Plugin):
    name = "PersistentVolumeClaimResize"
    operations = frozenset({UPDATE})
    resources = frozenset({("", "persistentvolumeclaims")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def validate(self, attributes: AdmissionAttributes) -> None:
        claim, old = attributes.obj, attributes.old_obj
        if claim is None or old is None or attributes.subresource or _size(claim) <= _size(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refuse(attributes, "Only bound persistent volume claims can be expanded")
        name = _class_name(claim)
        storage_class = self._objects.get(STORAGE_CLASSES, name) if name else None
        if storage_class is None or not storage_class.get("allowVolumeExpansion"):
            raise refuse(
                attributes,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                "support resize",
            )


def _size(claim: Obj) -> int:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return parse(requests.get("storage", "0")).nanos


def _class_name(claim: Obj) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    name = annotations.get("volume.beta.kubernetes.io/storage-class") or claim["spec"].get("storageClassName")
    return name or ""
