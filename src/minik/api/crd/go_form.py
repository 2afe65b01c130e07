"""Parts of a definition as upstream prints them in complaints: its internal Go structs, as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from minik.api.types import Obj

# Go field -> (JSON name, what an unset one shows)
_SCHEMA: dict[str, tuple[str, Any]] = {
    "ID": ("id", ""),
    "Schema": ("$schema", ""),
    "Ref": ("$ref", None),
    "Description": ("description", ""),
    "Type": ("type", ""),
    "Nullable": ("nullable", False),
    "Format": ("format", ""),
    "Title": ("title", ""),
    "Default": ("default", None),
    "Maximum": ("maximum", None),
    "ExclusiveMaximum": ("exclusiveMaximum", False),
    "Minimum": ("minimum", None),
    "ExclusiveMinimum": ("exclusiveMinimum", False),
    "MaxLength": ("maxLength", None),
    "MinLength": ("minLength", None),
    "Pattern": ("pattern", ""),
    "MaxItems": ("maxItems", None),
    "MinItems": ("minItems", None),
    "UniqueItems": ("uniqueItems", False),
    "MultipleOf": ("multipleOf", None),
    "Enum": ("enum", None),
    "MaxProperties": ("maxProperties", None),
    "MinProperties": ("minProperties", None),
    "Required": ("required", None),
    "Items": ("items", None),
    "AllOf": ("allOf", None),
    "OneOf": ("oneOf", None),
    "AnyOf": ("anyOf", None),
    "Not": ("not", None),
    "Properties": ("properties", None),
    "AdditionalProperties": ("additionalProperties", None),
    "PatternProperties": ("patternProperties", None),
    "Dependencies": ("dependencies", None),
    "AdditionalItems": ("additionalItems", None),
    "Definitions": ("definitions", None),
    "ExternalDocs": ("externalDocs", None),
    "Example": ("example", None),
    "XPreserveUnknownFields": ("x-kubernetes-preserve-unknown-fields", None),
    "XEmbeddedResource": ("x-kubernetes-embedded-resource", False),
    "XIntOrString": ("x-kubernetes-int-or-string", False),
    "XListMapKeys": ("x-kubernetes-list-map-keys", None),
    "XListType": ("x-kubernetes-list-type", None),
    "XMapType": ("x-kubernetes-map-type", None),
    "XValidations": ("x-kubernetes-validations", None),
}


def rule(given: Obj) -> Obj:
    """One of x-kubernetes-validations."""
    return {
        "Rule": given.get("rule", ""),
        "Message": given.get("message", ""),
        "MessageExpression": given.get("messageExpression", ""),
        "Reason": given.get("reason"),
        "FieldPath": given.get("fieldPath", ""),
        "OptionalOldSelf": given.get("optionalOldSelf"),
    }


def schema(given: Obj | None) -> Obj | None:
    if given is None:
        return None
    return {name: _part(name, given.get(key, unset)) for name, (key, unset) in _SCHEMA.items()}


def set_fields(given: Obj) -> Iterator[tuple[str, Any]]:
    """The Go names and values of what a schema sets, in the order of the Go struct."""
    for name, (key, unset) in _SCHEMA.items():
        value = given.get(key)
        if value is not None and not (isinstance(unset, str | bool) and value == unset):
            yield name, value


def _part(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("Properties", "PatternProperties", "Definitions"):
        return {key: schema(value[key]) for key in sorted(value)}
    if name in ("AllOf", "OneOf", "AnyOf"):
        return [schema(each) for each in value]
    if name == "Not":
        return schema(value)
    if name == "Items":
        return {"Schema": schema(value), "JSONSchemas": None}
    if name in ("AdditionalProperties", "AdditionalItems"):
        if isinstance(value, bool):
            return {"Allows": value, "Schema": None}
        return {"Allows": True, "Schema": schema(value)}
    if name == "XValidations":
        return [rule(each) for each in value]
    return value


def versions(given: Sequence[Obj]) -> list[Obj]:
    """spec.versions; what all of them have alike is not shown, since upstream keeps it elsewhere."""
    hoisted = {
        key: all(version.get(key) == given[0].get(key) for version in given)
        for key in ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
    }
    return [_version(version, hoisted) for version in given]


def _version(version: Obj, hoisted: dict[str, bool]) -> Obj:
    def own(key: str) -> Any:
        return None if hoisted[key] else version.get(key)

    whole = own("schema")
    return {
        "Name": version.get("name", ""),
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": {"OpenAPIV3Schema": schema(whole.get("openAPIV3Schema"))} if whole else None,
        "Subresources": _subresources(own("subresources")),
        "AdditionalPrinterColumns": _columns(own("additionalPrinterColumns")),
        "SelectableFields": _selectable(own("selectableFields")),
    }


def _subresources(given: Obj | None) -> Obj | None:
    if given is None:
        return None
    scale = given.get("scale")
    return {
        "Status": given.get("status"),
        "Scale": {
            "SpecReplicasPath": scale.get("specReplicasPath", ""),
            "StatusReplicasPath": scale.get("statusReplicasPath", ""),
            "LabelSelectorPath": scale.get("labelSelectorPath"),
        }
        if scale
        else None,
    }


def _columns(given: Sequence[Obj] | None) -> list[Obj] | None:
    if given is None:
        return None
    return [
        {
            "Name": column.get("name", ""),
            "Type": column.get("type", ""),
            "Format": column.get("format", ""),
            "Description": column.get("description", ""),
            "Priority": column.get("priority", 0),
            "JSONPath": column.get("jsonPath", ""),
        }
        for column in given
    ]


def _selectable(given: Sequence[Obj] | None) -> list[Obj] | None:
    return None if given is None else [{"JSONPath": field.get("jsonPath", "")} for field in given]
