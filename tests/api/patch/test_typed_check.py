from typing import Any

import pytest

from minik.api.patch import merge_types, typed_check
from minik.api.schema import types

POD = merge_types.of_shape(types.get("io.k8s.api.core.v1.Pod"))


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"hostname": 5}, ".hostname: expected string, got &value.valueUnstructured{Value:5}"),
        (
            {"hostname": {"a": ["b", None]}},
            '.hostname: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"a":[]interface {}'
            '{"b", interface {}(nil)}}}',
        ),
        ({"priority": "x"}, ".priority: expected numeric (int or float), got string"),
        ({"hostNetwork": "x"}, ".hostNetwork: expected boolean, got &{x}"),
        ({"containers": {}}, ".containers: expected list, got &{map[]}"),
        ({"affinity": [1]}, ".affinity: expected map, got &{[1]}"),
        ({"nope": 1}, ".nope: field not declared in schema"),
        ({"overhead": {"cpu": []}}, ".overhead.cpu: expected any scalar, got &{[]}"),
        ({"nodeSelector": {"a": 1}}, ".nodeSelector.a: expected string, got &value.valueUnstructured{Value:1}"),
        (
            {"tolerations": [{"key": 1}]},
            ".tolerations[0].key: expected string, got &value.valueUnstructured{Value:1}",
        ),
        ({"containers": [1]}, ".containers: element 0: associative list with keys may not have non-map elements"),
        (
            {"hostAliases": [{"ip": "1"}, {"ip": "1"}]},
            '.hostAliases: duplicate entries for key [ip="1"]',
        ),
    ],
)
def test_complaints(spec: Any, complaint: str) -> None:
    assert typed_check.complaints({"spec": spec}, POD) == [f".spec{complaint}"]


@pytest.mark.parametrize(
    "spec",
    [
        {"hostname": None, "containers": None},
        {"overhead": {"cpu": 1, "memory": "1Gi", "x": 0.5}},
        {"containers": [{"name": "c", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}]},
    ],
)
def test_what_fits(spec: Any) -> None:
    assert typed_check.complaints({"spec": spec}, POD) == []


def test_several_complaints_make_one_message() -> None:
    found = typed_check.complaints({"a": 1, "b": 2}, POD)
    text = "errors:\n  .a: field not declared in schema\n  .b: field not declared in schema"
    assert typed_check.message(found) == text
