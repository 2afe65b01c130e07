"""StorageObjectInUseProtection: volumes and claims that are in use go only when their users have gone.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#storageobjectinuseprotection
"""

from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, Plugin

_FINALIZERS = {
    ("", "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
    ("", "persistentvolumes"): "kubernetes.io/pv-protection",
    ("storage.k8s.io", "volumeattributesclasses"): "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Plugin):
    name = "StorageObjectInUseProtection"
    operations = frozenset({CREATE})
    resources = frozenset(_FINALIZERS)

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        finalizer = _FINALIZERS[attributes.gvr.group, attributes.gvr.resource]
        metadata = attributes.obj["metadata"]
        finalizers = metadata.get("finalizers") or []
        if finalizer not in finalizers:
            metadata["finalizers"] = [*finalizers, finalizer]
