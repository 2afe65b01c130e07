"""What a Pod refers to by name: Secrets, ConfigMaps, claims and its ServiceAccount.

Pure. Used by the Node authorizer and NodeRestriction. Rules: upstream's `podutil.VisitPodSecretNames` and the node
authorizer's graph.
"""

from collections.abc import Iterator
from itertools import chain

from minik.api.types import Obj

Reference = tuple[str, str]
"""(plural resource, name), in the Pod's namespace."""

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"

# volume source -> field with the local object reference to a Secret
_SECRET_REFS = {
    "cephfs": "secretRef",
    "cinder": "secretRef",
    "flexVolume": "secretRef",
    "rbd": "secretRef",
    "scaleIO": "secretRef",
    "iscsi": "secretRef",
    "storageos": "secretRef",
    "csi": "nodePublishSecretRef",
}
# volume source of a PersistentVolume -> fields with a Secret's name and namespace
_PV_SECRET_REFS = (
    "secretRef",
    "controllerPublishSecretRef",
    "nodeStageSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def is_mirror_pod(pod: Obj) -> bool:
    return MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {})


def references(pod: Obj) -> Iterator[Reference]:
    """Everything the Pod names, with repetitions. A mirror Pod refers to nothing."""
    if is_mirror_pod(pod):
        return
    spec = pod.get("spec") or {}
    if account := spec.get("serviceAccountName"):
        yield "serviceaccounts", account
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", secret.get("name", "")
    for container in containers(pod):
        yield from _container_references(container)
    for volume in spec.get("volumes") or ():
        yield from _volume_references(pod, volume)
    yield from (("resourceclaims", name) for name in _resource_claims(pod))


def containers(pod: Obj) -> Iterator[Obj]:
    spec = pod.get("spec") or {}
    return chain(spec.get("initContainers") or (), spec.get("containers") or (), spec.get("ephemeralContainers") or ())


def persistent_volume_secrets(volume: Obj) -> Iterator[tuple[str, str]]:
    """(namespace, name) of the Secrets a PersistentVolume needs; the claim's namespace where none is given."""
    spec = volume.get("spec") or {}
    claim_namespace = (spec.get("claimRef") or {}).get("namespace", "")
    for source in spec.values():
        if not isinstance(source, dict):
            continue
        for field in _PV_SECRET_REFS:
            reference = source.get(field)
            if isinstance(reference, dict) and reference.get("name"):
                yield reference.get("namespace") or claim_namespace, reference["name"]
        if "secretName" in source:
            yield source.get("secretNamespace") or claim_namespace, source["secretName"]


def _container_references(container: Obj) -> Iterator[Reference]:
    for source in container.get("envFrom") or ():
        for field, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if field in source:
                yield plural, source[field].get("name", "")
    for variable in container.get("env") or ():
        value_from = variable.get("valueFrom") or {}
        for field, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if field in value_from:
                yield plural, value_from[field].get("name", "")


def _volume_references(pod: Obj, volume: Obj) -> Iterator[Reference]:
    if secret := volume.get("secret"):
        yield "secrets", secret.get("secretName", "")
    if config_map := volume.get("configMap"):
        yield "configmaps", config_map.get("name", "")
    if claim := volume.get("persistentVolumeClaim"):
        yield "persistentvolumeclaims", claim.get("claimName", "")
    if "ephemeral" in volume:
        yield "persistentvolumeclaims", f"{pod['metadata'].get('name', '')}-{volume.get('name', '')}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "secret" in source:
            yield "secrets", source["secret"].get("name", "")
        if "configMap" in source:
            yield "configmaps", source["configMap"].get("name", "")
    if azure := volume.get("azureFile"):
        yield "secrets", azure.get("secretName", "")
    for kind, field in _SECRET_REFS.items():
        reference = (volume.get(kind) or {}).get(field)
        if reference:
            yield "secrets", reference.get("name", "")


def _resource_claims(pod: Obj) -> Iterator[str]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    for claim in spec.get("resourceClaims") or ():
        if name := claim.get("resourceClaimName"):
            yield name
    for claim in status.get("resourceClaimStatuses") or ():
        if name := claim.get("resourceClaimName"):
            yield name
    if name := (status.get("extendedResourceClaimStatus") or {}).get("resourceClaimName"):
        yield name
