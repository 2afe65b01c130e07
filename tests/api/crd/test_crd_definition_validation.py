"""What definitions are refused, in upstream's words."""

import copy
from typing import Any

import pytest

from minik.api.crd.definition_validation import validate_definition, validate_definition_update

ROOT = "spec.validation.openAPIV3Schema"
SPEC = f"{ROOT}.properties[spec]"


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
            {"type": "object", "properties": {"a": {"type": "object", "default": {"y": 2, "x": 1}}}},
            f'{SPEC}.properties[a].default: Invalid value: {{"x":1,"y":2}}: must not have unknown fields',
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
            {"type": "object", "properties": {"a": {"type": "string"}}, "not": {"title": "x", "default": {}}},
            f"{SPEC}.not.default: Forbidden: must be undefined to be structural, "
            f"{SPEC}.not.title: Forbidden: must be empty to be structural",
        ),
        (
            {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string", "nullable": True}},
            f"{SPEC}.items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set",
        ),
        ({"type": "object", "$schema": "x"}, f"{ROOT}: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"),
        (
            {"type": "array", "items": [{"type": "string"}]},
            f"{SPEC}.items: Forbidden: items must be a schema object and not an array",
        ),
        (
            {"type": "null"},
            f'{SPEC}.type: Unsupported value: "null": supported values: "array", "boolean", "integer", "number", '
            f'"object", "string", {SPEC}.type: Forbidden: type cannot be set to null, use nullable as an alternative',
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"type": "object", "x-kubernetes-validations": [{"rule": "self.x"}]}},
                "x-kubernetes-validations": [{"rule": "true", "message": " "}, {"rule": "1", "messageExpression": " "}],
            },
            f'{SPEC}.x-kubernetes-validations[0].message: Invalid value: " ": must be non-empty if specified, '
            f"{SPEC}.x-kubernetes-validations[1].messageExpression: Required value: messageExpression must be "
            f"non-empty if specified, {SPEC}.properties[a].x-kubernetes-validations[0].rule: Invalid value: "
            '{"Rule":"self.x","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}'
            ": compilation failed: ERROR: <input>:1:5: undefined field 'x'\n | self.x\n | ....^",
        ),
    ],
)
def test_schemas_must_be_structural(schema: Any, complaint: str) -> None:
    assert ", ".join(_complaints(_definition(schema))) == complaint


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


def test_what_is_checked_at_the_root_is_declared() -> None:
    definition = _definition()
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["anyOf"] = [{"properties": {"a": {"minimum": 1}}}]
    assert _complaints(definition) == [
        f"{ROOT}.properties[a]: Required value: because it is defined in {ROOT}.anyOf[0].properties[a]"
    ]


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        (
            {"deprecationWarning": "x"},
            'deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
        ),
        (
            {"deprecated": True, "deprecationWarning": "\u00e9\u00a0"},
            'deprecationWarning: Invalid value: "\u00e9\u00a0": must only contain printable UTF-8 characters; '
            "non-printable character found at index 2",
        ),
        (
            {"deprecated": True, "deprecationWarning": ""},
            'deprecationWarning: Invalid value: "": must not be an empty string',
        ),
    ],
)
def test_versions_are_deprecated_in_printable_words(version: Any, complaint: str) -> None:
    definition = _definition()
    definition["spec"]["versions"][0] |= version
    assert _complaints(definition) == [f"spec.versions[0].{complaint}"]


def test_with_a_status_subresource_the_root_is_plain() -> None:
    definition = _definition()
    version = definition["spec"]["versions"][0]
    version["subresources"] = {"status": {}}
    version["schema"]["openAPIV3Schema"]["minProperties"] = 0
    (complaint,) = _complaints(definition)
    assert complaint.startswith(f'{ROOT}: Invalid value: {{"ID":"","Schema":"","Ref":null,')
    assert complaint.endswith(
        " XPreserveUnknownFields XValidations] fields are allowed at the root of the schema if the status "
        "subresource is enabled"
    )
    old = copy.deepcopy(definition)
    del old["spec"]["versions"][0]["subresources"]
    assert [str(error) for error in validate_definition_update(definition, old)] == [complaint]


def test_every_version_has_a_schema_unless_some_never_had() -> None:
    bare = {"name": "v2", "served": False, "storage": False}
    definition = _definition()
    definition["spec"]["versions"].append(bare)
    path = "spec.versions[1].schema.openAPIV3Schema"
    assert _complaints(definition) == [f"{path}: Required value"]
    assert validate_definition_update(definition, definition) == []
    new = copy.deepcopy(definition)
    new["spec"]["versions"][1]["served"] = True
    assert [str(error) for error in validate_definition_update(new, definition)] == [
        f"{path}: Required value: because otherwise all fields are pruned"
    ]


def test_what_was_stored_once_stays() -> None:
    definition = _definition()
    definition["status"]["storedVersions"] = ["v0", "v1"]
    assert _complaints(definition) == [
        'status.storedVersions[0]: Invalid value: "v0": missing from spec.versions; v0 was previously a storage '
        "version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v0 "
        "and removes v0 from status.storedVersions"
    ]


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        (".spec.a", ""),
        (".spec['a']", "0].jsonPath: Invalid value: \".spec['a']\": is an invalid path: array notation is not allowed"),
        ("spec", '0].jsonPath: Invalid value: "spec": is an invalid path: expected [ or . but got: spec'),
        (".spec.", '0].jsonPath: Invalid value: ".spec.": is an invalid path: unexpected end of JSON path'),
        (".spec.b", '0].jsonPath: Invalid value: ".spec.b": is an invalid path: does not refer to a valid field'),
    ],
)
def test_selectable_fields_are_in_the_schema(path: str, complaint: str) -> None:
    definition = _definition({"type": "object", "properties": {"a": {"type": "string"}}})
    definition["spec"]["versions"][0]["selectableFields"] = [{"jsonPath": path}]
    assert _complaints(definition) == ([f"spec.selectableFields[{complaint}"] if complaint else [])


def test_a_ca_bundle_is_one_once_the_definition_is_established() -> None:
    webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://x/y", "caBundle": "eA=="}}
    new = _definition(conversion={"strategy": "Webhook", "webhook": webhook})
    assert _complaints(new) == []
    old = _definition()
    assert validate_definition_update(new, old) == []
    old["status"]["conditions"] = [{"type": "Established", "status": "True"}]
    assert [str(error) for error in validate_definition_update(new, old)] == [
        'spec.conversion.webhookClientConfig.caBundle: Invalid value: "eA==": unable to load root certificates: '
        "unable to parse bytes as PEM block"
    ]
