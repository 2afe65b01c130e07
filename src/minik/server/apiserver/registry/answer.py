"""How results become responses: the stored bytes, or another form the client asked for.

The plain JSON answer of an object that was read or written is spliced from the stored value; only Table,
PartialObjectMetadata, YAML and in-process callers need the decoded object.
"""

from minik.api.codec import json_codec, yaml_codec
from minik.api.request import Response
from minik.api.types import Obj
from minik.server.apiserver.negotiation import PLAIN, PROTOBUF, YAML, Form
from minik.server.apiserver.registry import protobuf, table
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.store.store import KeyValue


def one(registry: Registry, call: Call, status: int, stored: KeyValue | None, obj: Obj | None = None) -> Response:
    """One object. `stored` wins over `obj`, which is only needed when nothing was stored (dry run, deletion)."""
    if stored is not None:
        layout = registry.layout(call.resource)
        if call.request.local:
            return Response(status=status, obj=layout.decode(stored), warnings=call.warnings)
        if call.form is PLAIN:
            return Response(status=status, body=layout.whole(stored), warnings=call.warnings)
        obj = layout.decode(stored)
    assert obj is not None
    return document(call, status, obj)


def document(call: Call, status: int, obj: Obj) -> Response:
    """An object that is no stored value, in the form asked for."""
    if call.request.local:
        return Response(status=status, obj=obj, warnings=call.warnings)
    if call.form.kind and obj.get("kind") != "Status":
        obj = table.transform(call, [obj], obj["metadata"])
    return encoded(status, obj, call.form, call.warnings)


def encoded(status: int, obj: Obj, form: Form, warnings: list[str]) -> Response:
    if form.media_type == YAML:
        body = yaml_codec.dumps(obj)
    elif form.media_type == PROTOBUF:
        body = protobuf.encoded(obj)
    else:
        body = to_json(obj, pretty=form.pretty)
    return Response(status=status, content_type=form.media_type, body=body, warnings=warnings)


def to_json(obj: Obj, *, pretty: bool = False) -> bytes:
    return json_codec.dumps_pretty(obj) if pretty else json_codec.dumps(obj)
