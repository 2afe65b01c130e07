"""Writes minik's own form of the Kubernetes API schema: src/minik/api/schema/types.jsonl.

    build_schema.py OPENAPI_V3_DIRECTORY PROTOBUF_FIELDS.json OUTPUT

One line a type, found by its name without parsing the rest (see minik/api/schema/types.py for the form). Inputs are
the OpenAPI v3 documents of an API server (`kubectl get --raw /openapi/v3/...`, one file each) and a table
{message: [[number, json name, type, label], ...]} made from the published .proto files, which also tells Go's field
order. Facts that neither holds come from go_facts.py.
"""

import json
import sys
from pathlib import Path
from typing import Any

from go_facts import ALWAYS, OMITTED, POINTERS
from go_names import NAMED

Schema = dict[str, Any]
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intstr",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microtime",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Duration": "duration",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "schemaOrArray",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "schemaOrBool",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "schemaOrStringArray",
}
_VALUES = {"time", "microtime", "quantity", "intstr"}  # structs that marshal themselves: written even when zero
_FIRST = ("kind", "apiVersion", "metadata")


def main(openapi: Path, protobuf: Path, output: Path) -> None:
    schemas = _read(openapi)
    messages = json.loads(protobuf.read_text())
    lines = []
    for name in sorted(schemas):
        if name in _SPECIAL:
            continue
        line = [name, _kinds(schemas[name]), schemas[name].get("x-kubernetes-map-type", "")]
        line.append(_fields(name, schemas, messages))
        lines.append(json.dumps(line, separators=(",", ":")))
    output.write_text("\n" + "\n".join(lines) + "\n")


def _read(directory: Path) -> dict[str, Schema]:
    schemas: dict[str, Schema] = {}
    for path in sorted(directory.glob("*.json")):
        schemas.update(json.loads(path.read_text()).get("components", {}).get("schemas", {}))
    return schemas


def _kinds(schema: Schema) -> list[list[str]]:
    """[[group, version, kind]] when the type is one kind (DeleteOptions is in every group and left out)."""
    kinds = schema.get("x-kubernetes-group-version-kind", [])
    return [[k["group"], k["version"], k["kind"]] for k in kinds] if len(kinds) == 1 else []


def _ref(schema: Schema) -> str:
    target = schema.get("$ref") or (schema.get("allOf") or [{}])[0].get("$ref", "")
    return str(target.rsplit("/", 1)[-1])


def _type(schema: Schema) -> str:
    """The type in one word: scalars by name, `[` list of, `{` map of, `@` object of that type."""
    if target := _ref(schema):
        return _SPECIAL.get(target) or "@" + target.removeprefix("io.k8s")
    kind = schema.get("type")
    if kind == "array":
        return "[" + _type(schema["items"])
    if kind == "object":
        return "{" + _type(schema["additionalProperties"]) if "additionalProperties" in schema else "any"
    if kind == "integer":
        return str(schema.get("format", "int64"))
    if kind == "string" and schema.get("format") == "byte":
        return "bytes"
    return {"boolean": "bool", "number": "double", "string": "string"}.get(str(kind), "any")


def _told(facts: dict[str, str], type_name: str, field: str) -> bool:
    """Whether a fact table names the field, under the bare, the group's or the versioned type name."""
    parts = type_name.split(".")
    keys = (parts[-1], f"{parts[-3]}.{parts[-1]}", f"{parts[-3]}.{parts[-2]}.{parts[-1]}")
    return any(field in facts[key].split() for key in keys if key in facts)


def _named(type_name: str, field: str) -> str:
    """The Go type of a scalar (or of a list's or map's scalars) that has a name of its own, else nothing."""
    parts = type_name.split(".")
    for key in (parts[-1], f"{parts[-3]}.{parts[-1]}"):
        for entry in NAMED.get(key, "").split():
            name, _, go_type = entry.partition("=")
            if name == field:
                return go_type if "." in go_type else f"{parts[-2]}.{go_type}"
    return ""


def _flags(name: str, field: str, schema: Schema, kind: str, required: bool) -> str:
    """r required, p pointer (explicit zero kept), a always written (zero when absent)."""
    pointer = _told(POINTERS, name, field)
    default = schema.get("default")
    always = _told(ALWAYS, name, field)
    if not always and not _told(OMITTED, name, field):
        zero_default = default in ("", 0, {}) and default is not None
        always = zero_default or (kind in _VALUES and not pointer) or (required and kind[0] in "[{")
    return ("r" if required else "") + ("p" if pointer else "") + ("a" if always else "")


def _extras(schema: Schema, schemas: dict[str, Schema]) -> dict[str, Any]:
    target = _ref(schema)
    found = {
        "l": schema.get("x-kubernetes-list-type"),
        "k": schema.get("x-kubernetes-list-map-keys"),
        "t": schema.get("x-kubernetes-map-type") or schemas.get(target, {}).get("x-kubernetes-map-type"),
        "s": schema.get("x-kubernetes-patch-strategy"),
        "m": schema.get("x-kubernetes-patch-merge-key"),
        "d": schema.get("default"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _numbers(name: str, properties: dict[str, Schema], messages: dict[str, Any]) -> dict[str, Any]:
    """JSON name -> field number, in Go's order; [outer, inner] where Go embeds the struct."""
    found: dict[str, Any] = {}
    for number, field, kind, label, *_ in messages.get(name.replace("io.k8s.", "k8s.io.", 1).replace("-", "_"), []):
        if field in properties:
            wrapped = label == "optional" and properties[field].get("type") == "array"  # a message around the list
            found[field] = [number, 1] if wrapped else number
            continue
        for inner in messages.get(kind, []):
            if inner[1] in properties:
                found[inner[1]] = [number, inner[0]]
            for innermost in messages.get(inner[2], []):  # a struct embedded in an embedded struct
                if innermost[1] in properties and inner[1] not in properties:
                    found[innermost[1]] = [number, inner[0], innermost[0]]
    return found


def _fields(name: str, schemas: dict[str, Schema], messages: dict[str, Any]) -> list[list[Any]]:
    schema = schemas[name]
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    numbers = _numbers(name, properties, messages)
    order = [f for f in _FIRST if f in properties and f not in numbers]
    order += [f for f in numbers if f not in order]
    order += sorted(f for f in properties if f not in order)
    rows = []
    for field in order:
        kind = _type(properties[field])
        flags = _flags(name, field, properties[field], kind, field in required)
        row = [field, kind, flags, numbers.get(field, 0)]
        extras = _extras(properties[field], schemas)
        if go_type := _named(name, field):
            extras["g"] = go_type
        if extras:
            row.append(extras)
        rows.append(row)
    return rows


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
