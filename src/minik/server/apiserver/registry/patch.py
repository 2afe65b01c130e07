"""PATCH in its four kinds: JSON patch, merge patch, strategic merge patch and server-side apply.

Upstream: apiserver's handlers/patch.go, https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from minik.api.codec import json_codec
from minik.api.patch import go_print, json_patch, merge_patch, strategic_merge
from minik.api.request import Response
from minik.api.schema import decode, strict, unstructured
from minik.api.schema.body import may_repeat_keys
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request, unsupported_media_type
from minik.api.types import Obj
from minik.api.validation import invalid, invalid_value
from minik.server.apiserver.registry import answer, apply, write_options
from minik.server.apiserver.registry.body import match_name, match_namespace
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.shapes import shape_of
from minik.server.apiserver.registry.update import Change, update_object
from minik.server.apiserver.registry.write_options import WriteOptions

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Patch(NamedTuple):
    """A patch as it was read. `complaints` is what strict decoding has against the patch itself."""

    type: str
    operations: Any
    complaints: list[str]


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
    """The change a patch of an object of `resource` asks for. It raises StatusError 400 when it cannot be read."""
    read: list[Patch] = []

    async def change(old: Obj) -> Obj:
        if not read:
            read.append(read_patch(call, given, options))
        new = patched_object(call, read[0], old, options, resource)
        match_namespace(call, new)
        match_name(call, new)
        return new

    return change


def read_patch(call: Call, given: str, options: WriteOptions) -> Patch:
    """Raises StatusError 400."""
    body = call.request.body
    lenient = options.field_validation == "Ignore"
    prefix = "" if lenient or given == STRATEGIC_MERGE_PATCH else "error decoding patch: "
    try:
        operations = json_codec.loads(body)
    except json_codec.JSONError as error:
        raise bad_request("Invalid JSON Patch" if lenient and given == MERGE_PATCH else f"{prefix}{error}") from None
    if given == JSON_PATCH:
        json_patch.check(operations, typed=not lenient)
    elif not (lenient and given == MERGE_PATCH):
        merge_patch.check(operations, prefix)
    complaints = [] if lenient else _complaints(given, body, operations)
    return Patch(given, operations, complaints)


def _complaints(given: str, body: bytes, operations: Any) -> list[str]:
    repeats = may_repeat_keys(body, operations)
    shown = strict.with_duplicates(body.decode(errors="replace")) if repeats else operations
    if given == JSON_PATCH:
        return strict.patch_complaints(shown)
    return strict.repeated_fields(shown) if repeats else []


def patched_object(call: Call, given: Patch, old: Obj, options: WriteOptions, resource: Resource) -> Obj:
    """`old` with the patch applied and read back as Go's structs would hold it; shares nothing with `old`."""
    strategic = given.type == STRATEGIC_MERGE_PATCH
    document = _strategic(old, given.operations, resource) if strategic else _APPLY[given.type](old, given.operations)

    def refused(text: str) -> StatusError:
        shown = go_print.plain(given.operations) if strategic else raw.decode()
        return invalid("", "", "", [invalid_value("patch", shown, text)])

    try:
        # objects without structs are maps, which Go writes in the order of their keys
        raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS if resource.custom else None)
    except orjson.JSONEncodeError as error:  # nested deeper than anything in the API
        raise bad_request(f"error decoding patch: {error}") from None
    warn = "Ignore" if options.field_validation == "Ignore" else "Warn"
    try:
        new, complaints = decode.decode_body(raw, "application/json", resource, field_validation=warn, patched=True)
    except StatusError as error:
        if error.code >= 500:
            raise
        text = error.message.partition(f" cannot be handled as a {resource.kind}: ")[2] or error.message
        text = _UNRECOGNIZED.sub(r"\1", text)
        if strategic:
            text = unstructured.mismatch(document, shape_of(resource)) or text
        raise refused(text) from None
    complaints = given.complaints + (sorted(complaints) if strategic else complaints)
    if complaints and options.field_validation == "Strict":
        raise refused(f"strict decoding error: {', '.join(complaints)}")
    for warning in complaints:
        call.warn(warning)
    if not isinstance(new.get("metadata"), dict):
        new["metadata"] = {}
    return new


def _strategic(old: Obj, patch: Any, resource: Resource) -> Obj:
    """It is made a struct of the resource's kind, whatever the patch says it is."""
    document = strategic_merge.apply(old, patch, shape_of(resource))
    if all(isinstance(document.get(key), str | None) for key in ("kind", "apiVersion")):
        return {**document, "kind": resource.kind, "apiVersion": resource.api_version}
    return document


_UNRECOGNIZED = re.compile(r"^the object provided is unrecognized \(must be of type \w+\): (.*) \([^()]*\)$", re.DOTALL)
_APPLY: Mapping[str, Callable[[Obj, Any], Obj]] = {JSON_PATCH: json_patch.apply, MERGE_PATCH: merge_patch.apply}
