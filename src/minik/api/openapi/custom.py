"""OpenAPI schemas of custom resources, from the structural schema in their CustomResourceDefinition."""

from typing import Any

from minik.api.openapi.schemas import Dialect
from minik.api.scheme import Resource
from minik.api.types import Obj

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_RESOURCES = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_TEXTS = {
    "apiVersion": f"The version of the schema of this object. More info: {_RESOURCES}#resources",
    "kind": f"The REST resource this object represents, in CamelCase. More info: {_RESOURCES}#types-kinds",
    "metadata": f"Standard object's metadata. More info: {_RESOURCES}#metadata",
}
# JSON Schema words that Swagger 2 does not know
_ONLY_V3 = ("oneOf", "anyOf", "allOf", "not", "nullable", "x-kubernetes-validations")


def definition_name(resource: Resource) -> str:
    """`com.example.stable.v1.CronTab` of crontabs in stable.example.com/v1."""
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def object_definition(resource: Resource, dialect: Dialect) -> Obj:
    """The schema of one object. Without a schema of its own a resource takes any fields."""
    schema = resource.shape.structural_schema if resource.shape else None
    out: Obj = dict(schema or {"x-kubernetes-preserve-unknown-fields": True})
    if not dialect.wraps:
        out = _for_swagger(out)
    properties: Obj = dict(out.get("properties") or {})
    for name in ("apiVersion", "kind"):
        properties[name] = {"type": "string", "description": _TEXTS[name]}
    reference: Obj = {"$ref": dialect.prefix + _OBJECT_META}
    text = {"description": _TEXTS["metadata"]}
    properties["metadata"] = {"allOf": [reference], **text} if dialect.wraps else {**reference, **text}
    out["properties"] = properties
    out["type"] = "object"
    out["x-kubernetes-group-version-kind"] = [_kind(resource, resource.kind)]
    return out


def list_definition(resource: Resource, item: str, dialect: Dialect) -> Obj:
    kind = resource.list_kind or f"{resource.kind}List"
    return {
        "description": f"{kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": _TEXTS["apiVersion"]},
            "kind": {"type": "string", "description": _TEXTS["kind"]},
            "metadata": {"$ref": dialect.prefix + _LIST_META},
            "items": {"type": "array", "items": {"$ref": dialect.prefix + item}},
        },
        "x-kubernetes-group-version-kind": [_kind(resource, kind)],
    }


def _kind(resource: Resource, kind: str) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _for_swagger(schema: Any) -> Any:
    """Without what Swagger 2 cannot say; a nullable or loosely typed field says nothing of its type."""
    if isinstance(schema, list):
        return [_for_swagger(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _for_swagger(value) for key, value in schema.items() if key not in _ONLY_V3}
    if schema.get("nullable") or schema.get("x-kubernetes-int-or-string"):
        out.pop("type", None)
    return out
