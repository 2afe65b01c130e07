"""The odd cells of tables, kind by kind."""

from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2026, 1, 2, tzinfo=UTC)
FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"


@pytest.mark.parametrize(
    ("version", "kind", "fields", "shown"),
    [
        # a port without a number goes by its name, which is empty unless given
        ("discovery.k8s.io/v1", "EndpointSlice", {"ports": [{"name": "web"}]}, ["", "web", "<unset>"]),
        ("discovery.k8s.io/v1", "EndpointSlice", {"ports": [{}]}, ["", "<unset>", "<unset>"]),
        ("discovery.k8s.io/v1", "EndpointSlice", {"ports": [{"port": 1, "name": "web"}]}, ["", "1", "<unset>"]),
        # what is exempt has no shares of its own to show
        (FLOW_CONTROL, "PriorityLevelConfiguration", {"spec": {"type": "Exempt", "exempt": {}}}, ["Exempt", "<none>"]),
        # no longer how many Secrets it lists
        ("v1", "ServiceAccount", {"secrets": [{"name": "a"}]}, ["<unknown>"]),
        # the age has no column
        ("networking.k8s.io/v1", "IPAddress", {"spec": {}}, ["<none>", "<unknown>"]),
    ],
)
def test_cells_after_the_name(
    post: Any, resource: Any, version: str, kind: str, fields: dict[str, Any], shown: list[Any]
) -> None:
    cells = resource(kind, version).cells(post(version, kind, **fields), NOW)
    assert cells[1 : len(shown) + 1] == shown


def test_service_accounts_and_addresses_have_two_columns(resource: Any) -> None:
    assert [column.name for column in resource("ServiceAccount", "v1").columns] == ["Name", "Age"]
    assert [column.name for column in resource("IPAddress", "networking.k8s.io/v1").columns] == ["Name", "ParentRef"]


def test_flow_schemas_are_listed_in_the_order_they_match(resource: Any) -> None:
    order = resource("FlowSchema", FLOW_CONTROL).row_order
    made = [
        {"metadata": {"name": name}, "spec": {"matchingPrecedence": first}}
        for name, first in (("c", 10), ("b", 9000), ("a", 10))
    ]
    assert [each["metadata"]["name"] for each in sorted(made, key=order)] == ["a", "c", "b"]
