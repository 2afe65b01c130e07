"""OpenAPI 3 documents: one for each group and version, and the index of them.

A document is a few hundred kilobytes and rarely asked for, so documents are built on demand; the index tells a
fingerprint of what a document is built from instead of a hash of its text.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

from minik import __version__
from minik.api.openapi import operations
from minik.api.openapi.custom import definition_name, list_definition, object_definition
from minik.api.openapi.descriptions import Descriptions
from minik.api.openapi.operations import MEDIA_TYPES, Operation
from minik.api.openapi.parameters import PARAMETERS
from minik.api.openapi.schemas import V3, WATCH_EVENT, SchemaBuilder
from minik.api.scheme import Resource, Scheme
from minik.api.types import Obj

_WATCH_TYPES = (*MEDIA_TYPES, "application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
CODES = {"200": "OK", "201": "Created", "202": "Accepted"}


def index(scheme: Scheme) -> Obj:
    """/openapi/v3."""
    paths = {}
    for group, version in sorted({(r.group, r.version) for r in scheme}):
        path = operations.base_path(group, version).removeprefix("/")
        digest = fingerprint(scheme, group, version)
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def fingerprint(scheme: Scheme, group: str, version: str) -> str:
    """Changes when the document does; also its ETag."""
    digest = hashlib.sha256(f"{__version__} {group}/{version}".encode())
    for resource in _resources(scheme, group, version):
        parts: list[Any] = [resource.plural, resource.kind, list(resource.verbs), resource.namespaced]
        parts += [[sub.name, list(sub.verbs)] for sub in resource.subresources]
        parts += ["custom", *resource.selectable_fields] if resource.custom else []
        parts.append(resource.shape and resource.shape.structural_schema)
        digest.update(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest().upper()


def document(scheme: Scheme, group: str, version: str) -> bytes | None:
    """/openapi/v3/apis/<group>/<version>; None when nothing is served there."""
    resources = _resources(scheme, group, version)
    if not resources:
        return None
    builder = SchemaBuilder(V3, Descriptions(), [(group, version)])
    paths: dict[str, Obj] = {}
    if not all(resource.custom for resource in resources):
        builder.add(WATCH_EVENT)
    for operation in all_operations(resources, builder):
        item = paths.setdefault(operation.path, {})
        item[operation.method] = _operation(operation, builder)
        item["parameters"] = [_parameter(name, "path") for name in operation.path_parameters]
        item["parameters"].append(_parameter("pretty", "query"))
    token = {"description": "Bearer Token authentication", "in": "header", "name": "authorization", "type": "apiKey"}
    whole = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": builder.schemas, "securitySchemes": {"BearerToken": token}},
    }
    return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)


def _resources(scheme: Scheme, group: str, version: str) -> list[Resource]:
    return sorted((r for r in scheme if (r.group, r.version) == (group, version)), key=lambda r: r.plural)


def all_operations(resources: Iterable[Resource], builder: SchemaBuilder) -> Iterable[Operation]:
    """The operations of these resources, whose types are in the builder afterwards."""
    for resource in resources:
        if resource.custom:
            name, listed = definition_name(resource), f"{definition_name(resource)}List"
            builder.add("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
            builder.add("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")
            builder.schemas[name] = object_definition(resource, builder.dialect, builder.type_texts)
            builder.schemas[listed] = list_definition(resource, name, builder.dialect, builder.type_texts)
        else:
            name, listed = resource.type_name, f"{resource.type_name}List"
        yield from operations.of_resource(resource, name, listed)


def _operation(operation: Operation, builder: SchemaBuilder) -> Obj:
    out: Obj = {
        "description": operation.description,
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "responses": {"401": {"description": "Unauthorized"}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind._asdict(),
    }
    if operation.parameters:
        out["parameters"] = [_parameter(name, "query") for name in operation.parameters]
    if operation.body:
        out["requestBody"] = _body(operation, builder)
    types = _WATCH_TYPES if operation.watchable else operation.answers
    schema = builder.add(operation.answer) if operation.answer else {"type": "string"}
    for code in operation.codes:
        content = {media: {"schema": schema} for media in types}
        out["responses"][code] = {"description": CODES[code], "content": content}
    return out


def _body(operation: Operation, builder: SchemaBuilder) -> Obj:
    schema = builder.add(operation.body)
    body: Obj = {"content": {media: {"schema": schema} for media in operation.accepts}}
    return body if operation.method == "delete" else {**body, "required": True}


def _parameter(name: str, place: str) -> Obj:
    kind, text = PARAMETERS[name]
    out: Obj = {"name": name, "in": place, "description": text, "schema": {"type": kind, "uniqueItems": True}}
    return {**out, "required": True} if place == "path" else out
