"""What a definition makes the server serve: warnings, columns, and what discovery says of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from minik.api.crd.definition import unknown_formats
from minik.api.crd.names import with_conditions
from minik.api.crd.resources import resources

NOW = "2024-01-01T00:00:00Z"
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def _definition(*versions: Any, **spec: Any) -> Any:
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    served = [{"served": True, "storage": not index, "schema": SCHEMA, **v} for index, v in enumerate(versions)]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": served, **spec}
    return with_conditions({"metadata": {"name": "widgets.example.com"}, "spec": spec}, [], NOW)


@pytest.mark.parametrize(
    ("versions", "warning"),
    [
        ([{"name": "v1"}], ""),
        ([{"name": "v1", "deprecated": True}], "example.com/v1 Widget is deprecated"),
        ([{"name": "v1", "deprecated": True, "deprecationWarning": "old"}], "old"),
        (
            [{"name": "v1beta1", "deprecated": True}, {"name": "v1"}, {"name": "v2"}],
            "example.com/v1beta1 Widget is deprecated; use example.com/v2 Widget",
        ),
        ([{"name": "v2", "deprecated": True}, {"name": "v1"}], "example.com/v2 Widget is deprecated"),
        (
            [{"name": "v1", "deprecated": True}, {"name": "v2", "served": False}],
            "example.com/v1 Widget is deprecated",
        ),
    ],
)
def test_deprecated_versions_name_a_newer_one(versions: Any, warning: str) -> None:
    assert resources(_definition(*versions), 0)[0].deprecation == warning


def test_columns_end_where_one_cannot_be_read() -> None:
    paths = (".spec.a", ".spec.b[", ".spec.c")
    columns = [{"name": path, "type": "string", "jsonPath": path} for path in paths]
    (widgets,) = resources(_definition({"name": "v1", "additionalPrinterColumns": columns}), 0)
    assert [column.name for column in widgets.columns] == ["Name", ".spec.a"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [("x", "x"), (1.0, "1"), (True, "true"), ({"b": "<", "a": [1]}, '{"a":[1],"b":"\\u003c"}'), (None, "<no value>")],
)
def test_text_cells_are_as_go_prints_them(value: Any, cell: str) -> None:
    columns = [{"name": "a", "type": "string", "jsonPath": ".spec.a"}]
    (widgets,) = resources(_definition({"name": "v1", "additionalPrinterColumns": columns}), 0)
    assert widgets.cells is not None
    assert widgets.cells({"metadata": {"name": "w"}, "spec": {"a": value}}, datetime.now(UTC)) == ["w", cell]


def test_finalizers_that_anybody_might_use_are_warned_of() -> None:
    (widgets,) = resources(_definition({"name": "v1"}), 0)
    new = {"metadata": {"finalizers": ["x.y", "b", "a/b", "orphan", "kept"]}}
    advice = "to avoid accidental conflicts with other finalizer writers"
    assert widgets.strategy.warn(new, {"metadata": {"finalizers": ["kept"]}}) == [
        f'metadata.finalizers: "b": prefer a domain-qualified finalizer name {advice}',
        f'metadata.finalizers: "x.y": prefer a domain-qualified finalizer name including a path (/) {advice}',
    ]


def test_formats_that_mean_nothing_are_told() -> None:
    formats = [
        ("string", "date-time"),
        ("string", "int32"),
        ("integer", "int32"),
        ("number", "int32"),
        ("object", "uri"),
    ]
    properties = {str(index): {"type": kind, "format": form} for index, (kind, form) in enumerate(formats)}
    schema = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    assert unknown_formats(_definition({"name": "v1", "schema": schema})) == ["int32", "int32", "uri"]


def test_with_a_ca_bundle_that_is_none_nothing_is_served() -> None:
    webhook = {"clientConfig": {"url": "https://x", "caBundle": "eA=="}, "conversionReviewVersions": ["v1"]}
    settled = _definition({"name": "v1"}, conversion={"strategy": "Webhook", "webhook": webhook})
    condition = settled["status"]["conditions"][-1]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Established", "False", "InvalidCABundle")


def test_what_is_being_deleted_offers_no_writing() -> None:
    definition = _definition({"name": "v1"})
    definition["status"]["conditions"].append({"type": "Terminating", "status": "True"})
    assert set(resources(definition, 0)[0].verbs) == {"delete", "deletecollection", "get", "list", "watch"}
