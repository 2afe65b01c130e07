import pytest

from minik.api.patch import managers
from minik.api.patch.managers import ManagerId


@pytest.mark.parametrize(
    ("field_manager", "user_agent", "name"),
    [
        ("me", "kubectl/v1.36", "me"),
        ("", "kubectl/v1.36.0 (linux/amd64)", "kubectl"),
        ("", "curl", "curl"),
        ("", "", ""),
        ("", "a\tb\x00c/1", "abc"),
        ("", "é" * 100, "é" * 64),
    ],
)
def test_names(field_manager: str, user_agent: str, name: str) -> None:
    assert managers.name_from(field_manager, user_agent) == name


def test_a_nameless_manager_is_unknown() -> None:
    assert managers.identify("", "Update", "v1", "") == ManagerId("unknown", "Update", "v1", "")


def test_appliers_are_the_same_in_every_version() -> None:
    assert managers.identify("m", "Apply", "v1", "") == managers.identify("m", "Apply", "v2", "")


def test_order_of_entries() -> None:
    def owned(version: str = "v1", time: str = "2026-01-01T00:00:01Z") -> managers.Owned:
        return managers.Owned({"f:a": {}}, version, time)

    written = managers.encode(
        {
            ManagerId("a", "Update", "v1", ""): owned(),
            ManagerId("b", "Update", "v1", ""): owned(time="2026-01-01T00:00:00Z"),
            ManagerId("a", "Update", "v1", "status"): owned(),
            ManagerId("a", "Update", "v0", ""): owned("v0"),
            ManagerId("z", "Apply", "", ""): owned(time="2026-01-01T00:00:09Z"),
            ManagerId("y", "Apply", "", ""): owned(time=""),
        }
    )
    assert [(e["manager"], e["operation"], e["apiVersion"], e.get("subresource", "")) for e in written] == [
        ("y", "Apply", "v1", ""),
        ("z", "Apply", "v1", ""),
        ("b", "Update", "v1", ""),
        ("a", "Update", "v0", ""),
        ("a", "Update", "v1", ""),
        ("a", "Update", "v1", "status"),
    ]
    assert list(managers.decode(written)) == [ManagerId(*key) for key in _keys(written)]


def _keys(written: list[dict[str, str]]) -> list[tuple[str, str, str, str]]:
    return [
        (e["manager"], e["operation"], e["apiVersion"] if e["operation"] == "Update" else "", e.get("subresource", ""))
        for e in written
    ]
