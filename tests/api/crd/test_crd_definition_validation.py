"""What definitions are refused, in upstream's words."""

import copy
from typing import Any

import pytest

from minik.api.crd.definition_validation import validate_definition, validate_definition_update

SPEC = "spec.validation.openAPIV3Schema.properties[spec]"


def _definition(spec_schema: Any = None, **changes: Any) -> Any:
    schema = {"type": "object", "properties": {"spec": spec_schema or {"type": "object"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [version],
        "conversion": {"strategy": "None"},
        **changes,
    }
    return {"metadata": {"name": "widgets.example.com"}, "spec": spec, "status": {"storedVersions": ["v1"]}}


def _complaints(definition: Any) -> list[str]:
    return [str(error) for error in validate_definition(definition)]


def test_a_plain_definition_is_fine() -> None:
    assert _complaints(_definition()) == []


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "array"}, f"{SPEC}.items: Required value: must be specified"),
        (
            {"properties": {"a": {"type": "string"}}},
            f"{SPEC}.type: Required value: must not be empty for specified object fields",
        ),
        (
            {"type": "map"},
            f'{SPEC}.type: Unsupported value: "map": supported values: "array", "boolean", "integer", "number", '
            '"object", "string"',
        ),
        (
            {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
            f"{SPEC}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive",
        ),
        ({"$ref": "#/x"}, f"{SPEC}.$ref: Forbidden: $ref is not supported"),
        (
            {"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}},
            f'{SPEC}.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"',
        ),
        (
            {"type": "object", "properties": {"a": {"type": "object", "default": {"x": 1}}}},
            f'{SPEC}.properties[a].default: Invalid value: {{"x":1}}: must not have unknown fields',
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "anyOf": [{"required": ["a"], "type": "object"}],
            },
            f"{SPEC}.anyOf[0].type: Forbidden: must be empty to be structural",
        ),
        (
            {"type": "object", "anyOf": [{"properties": {"a": {"minimum": 1}}}]},
            f"{SPEC}.properties[a]: Required value: because it is defined in {SPEC}.anyOf[0].properties[a]",
        ),
    ],
)
def test_schemas_must_be_structural(schema: Any, complaint: str) -> None:
    assert _complaints(_definition(schema)) == [complaint]


def test_int_or_string_may_spell_out_its_types() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    schema = {"type": "object", "properties": {"p": {"anyOf": either, "x-kubernetes-int-or-string": True}}}
    assert _complaints(_definition(schema)) == []


def test_names_scope_and_versions_are_checked() -> None:
    definition = _definition(scope="Odd", group="nodot")
    definition["spec"]["versions"].append({**definition["spec"]["versions"][0], "storage": False})
    assert [error.field for error in validate_definition(definition)] == [
        "metadata.name",
        "spec.group",
        "spec.scope",
        "spec.versions",
    ]


def test_conversion_by_webhook_needs_one() -> None:
    assert _complaints(_definition(conversion={"strategy": "Webhook"})) == [
        "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
        "spec.conversion.conversionReviewVersions: Required value",
    ]


def test_the_name_and_scope_of_what_is_established_stay() -> None:
    old = _definition()
    old["status"]["conditions"] = [{"type": "Established", "status": "True"}]
    new = copy.deepcopy(old)
    new["spec"]["scope"] = "Cluster"
    new["spec"]["names"]["kind"] = "Gadget"
    assert [error.field for error in validate_definition_update(new, old)] == ["spec.scope", "spec.names.kind"]
