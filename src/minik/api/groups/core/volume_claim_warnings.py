"""Warnings about PersistentVolumeClaims: what is deprecated, and amounts that are no whole bytes."""

from minik.api.quantity import parse
from minik.api.types import Obj

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
CLASS_ANNOTATION_TEXT = (
    f'metadata.annotations[{CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead'
)


def claim_spec_warnings(spec: Obj, path: str) -> list[str]:
    """Of claims and of the claim templates in Pods and StatefulSets."""
    warnings: list[str] = []
    for which in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(which) or {}).get("storage")
        if text is not None and parse(text).milli % 1000:
            at = f"{path}.resources.{which}[storage]"
            warnings.append(f'{at}: fractional byte value "{text}" is invalid, must be an integer')
    return warnings


def claim_warnings(claim: Obj, _old: Obj | None = None) -> list[str]:
    annotations = claim["metadata"].get("annotations") or {}
    deprecated = [CLASS_ANNOTATION_TEXT] if CLASS_ANNOTATION in annotations else []
    return deprecated + claim_spec_warnings(claim["spec"], "spec")
