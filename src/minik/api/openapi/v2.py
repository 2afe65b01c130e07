"""The one Swagger 2 document, /openapi/v2, for clients older than OpenAPI 3."""

import orjson

from minik import KUBERNETES_VERSION
from minik.api.openapi.descriptions import Descriptions
from minik.api.openapi.operations import Operation
from minik.api.openapi.parameters import PARAMETERS
from minik.api.openapi.schemas import V2, SchemaBuilder
from minik.api.openapi.v3 import CODES, all_operations
from minik.api.scheme import Scheme
from minik.api.types import Obj


def document(scheme: Scheme) -> bytes:
    """/openapi/v2 as JSON."""
    return orjson.dumps(build(scheme), option=orjson.OPT_SORT_KEYS)


def build(scheme: Scheme) -> Obj:
    """The document as a value (v2_protobuf.py writes it in its own way)."""
    resources = sorted(scheme, key=lambda r: (r.group, r.version, r.plural))
    builder = SchemaBuilder(V2, Descriptions(), {(r.group, r.version) for r in resources})
    paths: dict[str, Obj] = {}
    for operation in all_operations(resources, builder):
        item = paths.setdefault(operation.path, {})
        item[operation.method] = _operation(operation, builder)
        item["parameters"] = [_parameter(name, "path") for name in operation.path_parameters]
        item["parameters"].append(_parameter("pretty", "query"))
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": KUBERNETES_VERSION},
        "paths": paths,
        "definitions": builder.schemas,
        "securityDefinitions": {
            "BearerToken": {
                "description": "Bearer Token authentication",
                "in": "header",
                "name": "authorization",
                "type": "apiKey",
            }
        },
        "security": [{"BearerToken": []}],
    }


def _operation(operation: Operation, builder: SchemaBuilder) -> Obj:
    parameters = [_parameter(name, "query") for name in operation.parameters]
    if operation.body:
        body: Obj = {"in": "body", "name": "body", "schema": builder.add(operation.body)}
        parameters.insert(0, body if operation.method == "delete" else {**body, "required": True})
    schema = builder.add(operation.answer) if operation.answer else {"type": "string"}
    responses: Obj = {code: {"description": CODES[code], "schema": schema} for code in operation.codes}
    out: Obj = {
        "description": operation.description,
        "operationId": operation.operation_id,
        "tags": [operation.tag],
        "consumes": list(operation.accepts),
        "produces": list(operation.answers),
        "schemes": ["https"],
        "responses": {**responses, "401": {"description": "Unauthorized"}},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.kind._asdict(),
    }
    return {**out, "parameters": parameters} if parameters else out


def _parameter(name: str, place: str) -> Obj:
    kind, text = PARAMETERS[name]
    out: Obj = {"name": name, "in": place, "description": text, "type": kind, "uniqueItems": True}
    return {**out, "required": True} if place == "path" else out
