"""Defaults and carried-over fields of a claim's spec: PersistentVolumeClaims, their templates in StatefulSets and Pods.

`dataSource` is the old name of `dataSourceRef`, which also knows other namespaces and other groups.
Source: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#data-source-references
"""

from minik.api.types import Obj

# What dataSource may name; anything else is dropped from it as it always was.
_OLD_DATA_SOURCES = frozenset((("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")))


def default_claim_spec(spec: Obj) -> None:
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"


def drop_other_namespaces(spec: Obj, old: Obj | None = None) -> None:
    """A data source in another namespace needs a feature that is off; an old claim's is kept."""
    reference = spec.get("dataSourceRef")
    if reference is not None and reference.get("namespace") and not (old or {}).get("dataSourceRef"):
        del spec["dataSourceRef"]


def enforce_data_source(spec: Obj, old: Obj | None = None) -> None:
    """Drop a data source nobody may use, as if none had been asked for (unless the old claim had one)."""
    source = spec.get("dataSource")
    if source is None or spec.get("dataSourceRef") is not None:
        return
    if old is not None and (old.get("dataSource") is not None or old.get("dataSourceRef") is not None):
        return
    if (source.get("apiGroup") or "", source.get("kind", "")) not in _OLD_DATA_SOURCES:
        del spec["dataSource"]


def normalize_data_source(spec: Obj) -> None:
    """Make the two names of the data source agree where only one was given."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
    elif reference is not None and source is None and not reference.get("namespace"):
        spec["dataSource"] = {key: value for key, value in reference.items() if key != "namespace"}
