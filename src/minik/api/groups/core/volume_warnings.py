"""Warnings about PersistentVolumes: what is deprecated, and volume plugins that are gone."""

from minik.api.groups.core.node_labels import node_selector_term_warnings
from minik.api.groups.core.volume_claim_warnings import CLASS_ANNOTATION, CLASS_ANNOTATION_TEXT
from minik.api.types import Obj

_RECYCLE = (
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
    "Instead, the recommended approach is to use dynamic provisioning."
)
# source -> (its name in the warning, since when)
_GONE = {
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}


def volume_warnings(volume: Obj, _old: Obj | None = None) -> list[str]:
    spec, annotations = volume["spec"], volume["metadata"].get("annotations") or {}
    warnings = [CLASS_ANNOTATION_TEXT] if CLASS_ANNOTATION in annotations else []
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        warnings.append(_RECYCLE)
    required = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(required.get("nodeSelectorTerms") or ()):
        at = f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]"
        warnings += node_selector_term_warnings(term, at)
    return warnings + [f"spec.{name}: {text}" for key, (name, text) in _GONE.items() if spec.get(key) is not None]
