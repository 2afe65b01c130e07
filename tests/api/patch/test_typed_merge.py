from typing import Any

import pytest

from minik.api.patch import merge_types
from minik.api.patch.typed_merge import merge, remove
from minik.api.schema import types

POD = merge_types.of_shape(types.get("io.k8s.api.core.v1.Pod"))


def merged(live: dict[str, Any], applied: dict[str, Any]) -> Any:
    return merge({"spec": live}, {"spec": applied}, POD)["spec"]


@pytest.mark.parametrize(
    ("live", "applied", "expected"),
    [
        ({"hostname": "a"}, {"hostname": "b"}, {"hostname": "b"}),
        ({"hostname": "a"}, {"subdomain": "b"}, {"hostname": "a", "subdomain": "b"}),
        ({"hostname": "a"}, {"hostname": None}, {"hostname": None}),
        ({"nodeSelector": {"a": "b"}}, {"nodeSelector": {"c": "d"}}, {"nodeSelector": {"c": "d"}}),
        ({"overhead": {"a": "1"}}, {"overhead": {"b": "2"}}, {"overhead": {"a": "1", "b": "2"}}),
        ({"overhead": {"a": "1"}}, {"overhead": {}}, {"overhead": {"a": "1"}}),
        ({"overhead": {"a": "1"}}, {"overhead": None}, {"overhead": {"a": "1"}}),
        ({"containers": None}, {"containers": [{"name": "c"}]}, {"containers": [{"name": "c"}]}),
        ({"containers": [{"name": "c"}]}, {"containers": []}, {"containers": [{"name": "c"}]}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
        (
            {"containers": [{"name": "c", "image": "a"}]},
            {"containers": [{"name": "c", "args": ["x"]}]},
            {"containers": [{"name": "c", "image": "a", "args": ["x"]}]},
        ),
    ],
)
def test_merges_by_type(live: Any, applied: Any, expected: Any) -> None:
    assert merged(live, applied) == expected


@pytest.mark.parametrize(
    ("live", "applied", "expected"),
    [
        ("abc", "ca", "bca"),
        ("abc", "b", "abc"),
        ("abc", "xb", "axbc"),
        ("abc", "bx", "abcx"),  # a new item at the end stays at the end
        ("abc", "ba", "bca"),
        ("", "ab", "ab"),
        ("ab", "cd", "abcd"),
        ("aab", "b", "aab"),
    ],
)
def test_order_of_merged_items(live: str, applied: str, expected: str) -> None:
    result = merged(
        {"containers": [{"name": name} for name in live]}, {"containers": [{"name": name} for name in applied]}
    )
    assert "".join(container["name"] for container in result["containers"]) == expected


def test_an_item_may_leave_out_a_key_that_has_a_default() -> None:
    def ports(*ports: dict[str, Any]) -> dict[str, Any]:
        return {"containers": [{"name": "c", "ports": list(ports)}]}

    live = ports({"containerPort": 80, "protocol": "TCP", "name": "a"}, {"containerPort": 80, "protocol": "UDP"})
    assert merged(live, ports({"containerPort": 80, "name": "b"})) == ports(
        {"containerPort": 80, "protocol": "TCP", "name": "b"}, {"containerPort": 80, "protocol": "UDP"}
    )


@pytest.mark.parametrize(
    ("spec", "fields", "rest"),
    [
        ({"hostname": "a", "subdomain": "b"}, {"f:hostname": {}}, {"subdomain": "b"}),
        ({"os": {"name": "x"}}, {"f:os": {"f:name": {}}}, {"os": {}}),  # the emptied struct stays
        ({"os": {"name": "x"}}, {"f:os": {".": {}, "f:name": {}}}, {}),
        ({"containers": [{"name": "c"}]}, {"f:containers": {'k:{"name":"c"}': {}}}, {"containers": []}),
        (
            {"containers": [{"name": "c", "image": "i"}, {"name": "d"}]},
            {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}},
            {"containers": [{"name": "c"}, {"name": "d"}]},
        ),
        ({"nodeSelector": {"a": "b"}}, {"f:nodeSelector": {"f:a": {}}}, {"nodeSelector": {"a": "b"}}),
    ],
)
def test_removes_fields(spec: Any, fields: Any, rest: Any) -> None:
    assert remove({"spec": spec}, {"f:spec": fields}, POD) == {"spec": rest}


def test_neither_changes_its_arguments() -> None:
    live = {"spec": {"containers": [{"name": "c", "image": "a"}]}}
    merge(live, {"spec": {"containers": [{"name": "c", "image": "b"}, {"name": "d"}]}}, POD)
    remove(live, {"f:spec": {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}}, POD)
    assert live == {"spec": {"containers": [{"name": "c", "image": "a"}]}}
