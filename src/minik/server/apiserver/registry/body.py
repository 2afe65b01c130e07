"""The body of a write, decoded into an object of the kind the path asks for."""

from minik.api.schema import decode
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj
from minik.server.apiserver.registry.call import Call

MAX_BODY = 3 * 1024 * 1024  # bytes; also the limit of patches, as upstream's MaxRequestBodyBytes


def media_type(call: Call) -> str:
    """The request's media type without parameters; a missing one reads as JSON."""
    return call.request.headers.get("content-type", "").partition(";")[0].strip() or "application/json"


def read_object(call: Call, resource: Resource, field_validation: str) -> Obj:
    """The object in the request, of `resource`'s kind; warnings go to the call. Raises StatusError."""
    if call.request.obj is not None:
        # as Go's structs would hold it, or an object would differ from itself after its first patch
        pruned = decode.prune(call.request.obj, decode.shape_of(resource))
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, **pruned}
        if not isinstance(obj.get("metadata"), dict):
            obj["metadata"] = {}
        return obj
    obj, warnings = decode.decode_body(call.request.body, media_type(call), resource, field_validation=field_validation)
    for warning in warnings:
        call.warn(warning)
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {}
    return obj


def match_namespace(call: Call, obj: Obj) -> None:
    """The object's namespace is the path's: filled in when it is missing. Raises StatusError 400."""
    metadata = obj["metadata"]
    given = metadata.get("namespace", "")
    if not call.resource.namespaced:
        if given:
            metadata.pop("namespace")
        return
    if not given:
        metadata["namespace"] = call.namespace
    elif given != call.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def match_name(call: Call, obj: Obj) -> None:
    """The object's name is the path's. Raises StatusError 400."""
    name = obj["metadata"].get("name", "")
    if not name:
        raise bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        )
    if name != call.name:
        raise name_mismatch(name, call.name)


def name_mismatch(name: str, expected: str) -> StatusError:
    return bad_request(f"the name of the object ({name}) does not match the name on the URL ({expected})")
