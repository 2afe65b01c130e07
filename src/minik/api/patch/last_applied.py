"""The bridge from client-side to server-side apply: kubectl's last-applied-configuration annotation.

kubectl may take over, without force, fields whose live value is still what it applied from the client; and as long as
the annotation is there, it follows what kubectl applies, so that going back to client-side apply works.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply
"""

import orjson

from minik.api.patch import merge_types, typed_check
from minik.api.patch.field_set import FieldSet, difference
from minik.api.patch.typed_sets import compare, fields_of
from minik.api.schema.types import Shape
from minik.api.types import Obj

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MAX_ANNOTATIONS_BYTES = 256 * 1024


def unchanged_fields(live: Obj, shape: Shape, api_version: str) -> FieldSet | None:
    """Fields of the annotation's configuration that are live as they were applied; None without a usable one."""
    try:
        configuration = orjson.loads(_annotations(live).get(ANNOTATION, ""))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(configuration, dict) or configuration.get("apiVersion") != api_version:
        return None
    of = merge_types.of_shape(shape)
    if typed_check.complaints(configuration, of):
        return None
    found = compare(configuration, live, of)
    return difference(difference(fields_of(configuration, of), found.changed), found.removed)


def refreshed(obj: Obj, applied: Obj) -> Obj:
    """`obj` with its annotation, if it has one, telling what was applied now. Dropped when too large."""
    annotations = _annotations(obj)
    if not annotations.get(ANNOTATION):
        return obj
    kept = {key: value for key, value in annotations.items() if key != ANNOTATION}
    text = orjson.dumps(_without_annotation(applied), option=orjson.OPT_SORT_KEYS).decode() + "\n"
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in (*kept.items(), (ANNOTATION, text)))
    if size <= MAX_ANNOTATIONS_BYTES:
        kept[ANNOTATION] = text
    return {**obj, "metadata": {**obj["metadata"], "annotations": kept}}


def _annotations(obj: Obj) -> Obj:
    return (obj.get("metadata") or {}).get("annotations") or {}


def _without_annotation(applied: Obj) -> Obj:
    annotations = _annotations(applied)
    if ANNOTATION not in annotations:
        return applied
    rest = {key: value for key, value in annotations.items() if key != ANNOTATION}
    return {**applied, "metadata": {**applied["metadata"], "annotations": rest}}
