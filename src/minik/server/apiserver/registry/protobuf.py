"""Answers in protobuf, for clients that take nothing else.

https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from minik.api.schema import types
from minik.api.schema.types import Shape
from minik.api.types import Obj
from minik.server.apiserver.negotiation import not_accepted

WATCH_TYPE = "application/vnd.kubernetes.protobuf;stream=watch"
_STATUS = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"


def encoded(obj: Obj) -> bytes:
    """The object in its envelope. Raises StatusError 406 for kinds without a protobuf form."""
    from minik.api.codec import protobuf_encode  # hardly any client needs it

    return protobuf_encode.encode(obj, _shape(obj))


def frame(event_type: str, obj: Obj) -> bytes:
    """One event of a watch."""
    from minik.api.codec import protobuf_encode

    return protobuf_encode.watch_frame(event_type, encoded(obj))


def _shape(obj: Obj) -> Shape:
    from minik.api.codec import protobuf_encode

    kind = obj["kind"]
    if kind == "PartialObjectMetadata":
        return protobuf_encode.PARTIAL_OBJECT_METADATA
    if kind == "PartialObjectMetadataList":
        return protobuf_encode.PARTIAL_OBJECT_METADATA_LIST
    if kind == "Status":
        return types.get(_STATUS)
    group, _, version = obj.get("apiVersion", "v1").rpartition("/")  # /api says none
    name = types.name_of(group, version, kind)
    if name is None:
        raise not_accepted()
    return types.get(name)
