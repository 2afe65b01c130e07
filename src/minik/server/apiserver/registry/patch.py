"""PATCH in its four kinds: JSON patch, merge patch, strategic merge patch and server-side apply.

Upstream: apiserver's handlers/patch.go, https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from minik.api.codec import json_codec
from minik.api.patch import go_print, json_patch, merge_patch, strategic_merge
from minik.api.request import Response
from minik.api.schema import decode
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request, unsupported_media_type
from minik.api.types import Obj
from minik.api.validation import invalid, invalid_value
from minik.server.apiserver.registry import answer, apply, write_options
from minik.server.apiserver.registry.body import match_namespace, name_mismatch
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.shapes import shape_of
from minik.server.apiserver.registry.update import Change, update_object
from minik.server.apiserver.registry.write_options import WriteOptions

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def patch_type(call: Call) -> str:
    """The media type of the patch. Raises StatusError 415."""
    given = call.request.headers.get("content-type", "").partition(";")[0].strip()
    accepted = given in (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
    if accepted or (given == STRATEGIC_MERGE_PATCH and not call.resource.custom):
        return given
    if call.resource.custom:
        listed = ", ".join((JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
        text = f"the body of the request was in an unknown format - accepted media types include: {listed}"
        raise unsupported_media_type(text)
    raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", has_details=True)


async def patch(registry: Registry, call: Call) -> Response:
    given = patch_type(call)
    options = write_options.parse(call, "PatchOptions", apply=given == APPLY_PATCH)
    if given == APPLY_PATCH:
        return await apply.apply(registry, call, options)
    change = patched_by(call, given, options, call.resource)
    written = await update_object(registry, call, change, options, call.resource.strategy)
    return answer.one(registry, call, 200, written.stored, written.obj)


def patched_by(call: Call, given: str, options: WriteOptions, resource: Resource) -> Change:
    """The change a patch of an object of `resource` asks for. Raises StatusError 400 when it cannot be read."""
    operations = read_patch(call, given)

    async def change(old: Obj) -> Obj:
        new = patched_object(call, given, operations, old, options, resource)
        match_namespace(call, new)
        name = new["metadata"].get("name", "")
        if name != old["metadata"]["name"]:
            raise name_mismatch(name, old["metadata"]["name"])
        return new

    return change


def read_patch(call: Call, given: str) -> Any:
    try:
        operations = json_codec.loads(call.request.body)
    except json_codec.JSONError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if given == JSON_PATCH:
        for warning in json_patch.check(operations):
            call.warn(warning)
    else:
        merge_patch.check(operations)
    return operations


def patched_object(call: Call, given: str, operations: Any, old: Obj, options: WriteOptions, resource: Resource) -> Obj:
    """`old` with the patch applied and read back as Go's structs would hold it; shares nothing with `old`."""
    if given == STRATEGIC_MERGE_PATCH:
        document = strategic_merge.apply(old, operations, shape_of(resource))
        shown = go_print.plain(operations)
    else:
        document = _APPLY[given](old, operations)
        shown = ""
    try:
        raw = orjson.dumps(document)
    except orjson.JSONEncodeError as error:  # nested deeper than anything in the API
        raise bad_request(f"error decoding patch: {error}") from None
    try:
        new, warnings = decode.decode_body(raw, "application/json", resource, field_validation=options.field_validation)
    except StatusError as error:
        text = error.message.partition(f" cannot be handled as a {resource.kind}: ")[2] or error.message
        text = _UNRECOGNIZED.sub(r"\1", text)
        raise invalid("", "", "", [invalid_value("patch", shown or raw.decode(), text)]) from None
    for warning in warnings:
        call.warn(warning)
    if not isinstance(new.get("metadata"), dict):
        new["metadata"] = {}
    return new


_UNRECOGNIZED = re.compile(r"^the object provided is unrecognized \(must be of type \w+\): (.*) \([^()]*\)$", re.DOTALL)
_APPLY: Mapping[str, Callable[[Obj, Any], Obj]] = {JSON_PATCH: json_patch.apply, MERGE_PATCH: merge_patch.apply}
