"""OpenAPI schemas of custom resources, from the structural schema in their CustomResourceDefinition.

Swagger 2 gets less: kubectl takes fields that it lists for all there are, and knows no junctors.
Upstream: apiextensions-apiserver's controller/openapi/builder and controller/openapi/v2.
"""

from collections.abc import Mapping
from typing import Any

from minik.api.openapi.schemas import Dialect
from minik.api.scheme import Resource
from minik.api.types import Obj

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_METADATA = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"
_LIST_METADATA = f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds"
_EMBEDDED = {
    "apiVersion": "apiVersion defines the versioned schema of this representation of an object. "
    f"More info: {_CONVENTIONS}#resources",
    "kind": "kind is a string value representing the type of this object. In CamelCase. "
    f"More info: {_CONVENTIONS}#types-kinds",
}
_PRESERVE, _EMBEDS = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_EITHER = [{"type": "integer"}, {"type": "string"}]
_JUNCTORS = ("oneOf", "anyOf", "allOf", "not")


def definition_name(resource: Resource) -> str:
    """`com.example.stable.v1.CronTab` of crontabs in stable.example.com/v1."""
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def object_definition(resource: Resource, dialect: Dialect, texts: Mapping[str, str]) -> Obj:
    """The schema of one object; `texts`: what apiVersion and kind are for."""
    schema = resource.shape.structural_schema if resource.shape else None
    swagger = not dialect.wraps
    if schema is None or (swagger and schema.get(_PRESERVE)):
        out: Obj = {"type": "object"}  # to kubectl, every field named would be one of all there are
    else:
        out = _embedding(_for_swagger(schema) if swagger else _unfolded(schema), dialect, texts)
        metadata = _reference(_OBJECT_META, _METADATA, dialect)
        out["properties"] = {**(out.get("properties") or {}), **_type_meta(texts), "metadata": metadata}
    out["x-kubernetes-group-version-kind"] = [_kind(resource, resource.kind)]
    return {**out, **_selectable(resource)}


def list_definition(resource: Resource, item: str, dialect: Dialect, texts: Mapping[str, str]) -> Obj:
    kind = resource.list_kind or f"{resource.kind}List"
    items = {"type": "array", "items": {"$ref": dialect.prefix + item}}
    return {
        "description": f"{kind} is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            **_type_meta(texts),
            "metadata": _reference(_LIST_META, _LIST_METADATA, dialect),
            "items": {"description": f"List of {resource.plural}. More info: {_CONVENTIONS}", **items},
        },
        "x-kubernetes-group-version-kind": [_kind(resource, kind)],
        **_selectable(resource),
    }


def _selectable(resource: Resource) -> Obj:
    """The fields that field selectors of lists and watches may name."""
    fields = [{"fieldPath": name} for name in resource.selectable_fields]
    return {"x-kubernetes-selectable-fields": fields} if fields else {}


def _kind(resource: Resource, kind: str) -> Obj:
    return {"group": resource.group, "version": resource.version, "kind": kind}


def _type_meta(texts: Mapping[str, str]) -> Obj:
    return {name: {"type": "string", "description": text} for name, text in texts.items()}


def _reference(name: str, text: str, dialect: Dialect) -> Obj:
    reference: Obj = {"$ref": dialect.prefix + name}
    return {"allOf": [reference], "description": text} if dialect.wraps else {**reference, "description": text}


def _embedding(schema: Obj, dialect: Dialect, texts: Mapping[str, str]) -> Obj:
    """With the type and metadata that every embedded object has."""
    out = dict(schema)
    if schema.get("properties"):
        out["properties"] = {key: _embedding(part, dialect, texts) for key, part in schema["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            out[word] = _embedding(schema[word], dialect, texts)
    if not schema.get(_EMBEDS) or (schema.get(_PRESERVE) and not dialect.wraps):
        return out
    metadata = _reference(_OBJECT_META, _METADATA, dialect)
    out["properties"] = {**(out.get("properties") or {}), **_type_meta(_EMBEDDED), "metadata": metadata}
    required = list(schema.get("required") or ())
    out["required"] = required + [name for name in ("kind", "apiVersion") if name not in required]
    return out


def _unfolded(schema: Obj) -> Obj:
    """What is an integer or a string says so itself."""
    out = dict(schema)
    if schema.get("properties"):
        out["properties"] = {name: _unfolded(part) for name, part in schema["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            out[word] = _unfolded(schema[word])
    if not schema.get("x-kubernetes-int-or-string"):
        return out
    said = schema.get("anyOf") == _EITHER or (schema.get("allOf") or [{}])[0].get("anyOf") == _EITHER
    if not said and schema.get("anyOf"):
        out["allOf"] = [{"anyOf": _EITHER}, *(schema.get("allOf") or ())]
    elif not said:
        out["anyOf"] = _EITHER
    return out


def _for_swagger(schema: Obj) -> Obj:
    """Without what Swagger 2 cannot say; what may be null or anything says nothing of its type."""
    out: Obj = {key: value for key, value in schema.items() if key not in (*_JUNCTORS, "nullable", "default")}
    loose = bool(schema.get("nullable")) or bool(schema.get(_PRESERVE))
    if loose:
        out.pop("items", None)
        out.pop("properties", None)
    if schema.get("nullable") or schema.get("x-kubernetes-int-or-string") or (loose and schema.get("type") == "object"):
        out.pop("type", None)
    if out.get("type") == "array" and "items" not in out:
        del out["type"]
    nullable = {name for name, part in (out.get("properties") or {}).items() if part.get("nullable")}
    if out.get("required") and nullable:
        out["required"] = [name for name in out["required"] if name not in nullable]
        if not out["required"]:
            del out["required"]
    if out.get("properties"):
        out["properties"] = {name: _for_swagger(part) for name, part in out["properties"].items()}
    for word in ("items", "additionalProperties"):
        if isinstance(out.get(word), dict):
            part: Any = out[word]
            if word == "additionalProperties" and part.get("nullable"):
                out.pop("required", None)
            out[word] = _for_swagger(part)
    return out
