"""Which names definitions get, and what their conditions say."""

from typing import Any

from minik.api.crd import definition as crd
from minik.api.crd.names import with_conditions

NOW = "2024-01-01T00:00:00Z"


def _definition(plural: str, kind: str, group: str = "example.com", **metadata: Any) -> Any:
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {"metadata": {"name": f"{plural}.{group}", **metadata}, "spec": {"group": group, "names": names}}


def test_free_names_are_accepted_and_the_definition_established() -> None:
    settled = with_conditions(_definition("widgets", "Widget"), [], NOW)
    assert settled["status"]["acceptedNames"] == settled["spec"]["names"]
    assert crd.holds(settled, crd.NAMES_ACCEPTED)
    assert crd.holds(settled, crd.ESTABLISHED)


def test_names_of_others_in_the_group_are_taken() -> None:
    first = with_conditions(_definition("widgets", "Widget"), [], NOW)
    second = with_conditions(_definition("gadgets", "Widget"), [first], NOW)
    assert second["status"]["acceptedNames"] == {"plural": "gadgets", "kind": ""}
    condition = crd.condition(second, crd.NAMES_ACCEPTED)
    assert condition == {
        "type": "NamesAccepted",
        "status": "False",
        "lastTransitionTime": NOW,
        "reason": "ListKindConflict",
        "message": '"WidgetList" is already in use',
    }
    assert not crd.holds(second, crd.ESTABLISHED)
    other_group = with_conditions(_definition("gadgets", "Widget", "other.com"), [first], NOW)
    assert crd.holds(other_group, crd.ESTABLISHED)


def test_settling_again_changes_nothing() -> None:
    settled = with_conditions(_definition("widgets", "Widget"), [], NOW)
    assert with_conditions(settled, [], "2025-01-01T00:00:00Z") == settled


def test_community_groups_tell_whether_they_were_approved() -> None:
    approved = _definition("a", "A", "x.k8s.io", annotations={"api-approved.kubernetes.io": "https://a.test/1"})
    assert crd.holds(with_conditions(approved, [], NOW), crd.CONFORMANT)
    condition = crd.condition(with_conditions(_definition("a", "A", "x.k8s.io"), [], NOW), crd.CONFORMANT)
    assert condition is not None
    assert condition["reason"] == "MissingAnnotation"
