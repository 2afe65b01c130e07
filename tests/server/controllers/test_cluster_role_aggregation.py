from typing import Any

from minik.server.controllers.cluster_role_aggregation import aggregated_rules

GET = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
LIST = {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}


def role(name: str, *rules: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": [*rules]}


def aggregated(*selectors: dict[str, str]) -> dict[str, Any]:
    rule = {"clusterRoleSelectors": [{"matchLabels": selector} for selector in selectors]}
    return {"metadata": {"name": "all", "labels": {"to": "all"}}, "aggregationRule": rule, "rules": [GET]}


def test_rules_come_by_name_and_each_once() -> None:
    roles = [role("b", GET, LIST, to="all"), role("a", LIST, to="all"), role("c", GET), aggregated({"to": "all"})]
    assert aggregated_rules(roles[3], roles) == [LIST, GET]


def test_selectors_come_in_their_order_and_the_role_itself_does_not_count() -> None:
    this = aggregated({"to": "two"}, {"to": "all"})
    assert aggregated_rules(this, [this, role("a", GET, to="all"), role("b", LIST, to="two")]) == [LIST, GET]
    assert aggregated_rules(aggregated(), [this]) == []
