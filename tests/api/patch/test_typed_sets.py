"""fields_of and compare by type, on Kubernetes' own types."""

from typing import Any

import pytest

from minik.api.patch import merge_types
from minik.api.patch.typed_sets import Comparison, compare, fields_of, with_named_fields
from minik.api.schema import types

POD = merge_types.of_shape(types.get("io.k8s.api.core.v1.Pod"))
TCP80 = 'k:{"containerPort":80,"protocol":"TCP"}'


def claimed(spec: dict[str, Any]) -> Any:
    return fields_of({"spec": spec}, POD).get("f:spec")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostname": "h"}, {"f:hostname": {}}),
        ({"nodeSelector": {"a": "b"}}, {"f:nodeSelector": {}}),  # an atomic map
        ({"overhead": {"cpu": "1"}}, {"f:overhead": {"f:cpu": {}}}),  # a map that merges
        ({"securityContext": {}}, {"f:securityContext": {}}),  # an empty struct is claimed itself
        ({"securityContext": {"runAsUser": 1}}, {"f:securityContext": {"f:runAsUser": {}}}),
        ({"hostname": None, "affinity": None}, {"f:hostname": {}, "f:affinity": {}}),
        ({"containers": []}, None),  # nothing to claim
        ({"tolerations": []}, {"f:tolerations": {}}),
        ({"tolerations": [{"key": "k"}]}, {"f:tolerations": {}}),
        ({"imagePullSecrets": [{"name": "s"}]}, {"f:imagePullSecrets": {'k:{"name":"s"}': {}}}),  # atomic items
        (
            {"containers": [{"name": "c", "args": ["x"]}]},
            {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:args": {}}}},
        ),
        (
            {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
            {
                "f:containers": {
                    'k:{"name":"c"}': {".": {}, "f:name": {}, "f:ports": {TCP80: {".": {}, "f:containerPort": {}}}}
                }
            },
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "w", "maxSkew": 1}]},
            {
                "f:topologySpreadConstraints": {
                    'k:{"topologyKey":"z","whenUnsatisfiable":"w"}': {
                        ".": {},
                        "f:topologyKey": {},
                        "f:whenUnsatisfiable": {},
                        "f:maxSkew": {},
                    }
                }
            },
        ),
    ],
)
def test_what_a_configuration_claims(spec: dict[str, Any], expected: Any) -> None:
    assert claimed(spec) == expected


def test_finalizers_are_a_set() -> None:
    metadata = {"finalizers": ["a/b", "c/d"]}
    assert fields_of({"metadata": metadata}, POD) == {"f:metadata": {"f:finalizers": {'v:"a/b"': {}, 'v:"c/d"': {}}}}


def changes(old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    found = compare({"spec": old}, {"spec": new}, POD)
    return Comparison(*(part.get("f:spec", {}) for part in (found.added, found.modified, found.removed)))


C = 'k:{"name":"c"}'


@pytest.mark.parametrize(
    ("old", "new", "added", "modified", "removed"),
    [
        ({"hostname": "a"}, {"hostname": "a"}, {}, {}, {}),
        ({"hostname": "a"}, {"hostname": "b"}, {}, {"f:hostname": {}}, {}),
        ({}, {"hostname": "b"}, {"f:hostname": {}}, {}, {}),
        ({"hostname": "a"}, {}, {}, {}, {"f:hostname": {}}),
        ({"nodeSelector": {"a": "b"}}, {"nodeSelector": {}}, {}, {"f:nodeSelector": {}}, {}),
        ({}, {"os": {"name": "linux"}}, {"f:os": {".": {}, "f:name": {}}}, {}, {}),  # every level of what is new
        ({"os": {}}, {"os": {"name": "linux"}}, {"f:os": {"f:name": {}}}, {}, {}),
        ({"os": {"name": "linux"}}, {}, {}, {}, {"f:os": {".": {}, "f:name": {}}}),
        ({"containers": None}, {"containers": [{"name": "c"}]}, {"f:containers": {C: {".": {}, "f:name": {}}}}, {}, {}),
        ({"containers": None}, {"containers": []}, {}, {"f:containers": {}}, {}),  # null is not empty
        ({"tolerations": [{"key": "a"}]}, {"tolerations": []}, {}, {"f:tolerations": {}}, {}),
        (
            {"containers": [{"name": "c", "image": "a"}, {"name": "d"}]},
            {"containers": [{"name": "d"}, {"name": "c", "image": "b"}]},
            {},
            {"f:containers": {C: {"f:image": {}}}},
            {},
        ),
        (
            {"containers": [{"name": "c"}]},
            {"containers": [{"name": "c"}, {"name": "c"}]},  # duplicates are owned as one
            {"f:containers": {C: {}}},
            {},
            {"f:containers": {C: {".": {}, "f:name": {}}}},
        ),
        (
            {"containers": [{"name": "c"}, {"name": "c"}]},
            {"containers": [{"name": "c"}, {"name": "c", "image": "x"}]},
            {},
            {"f:containers": {C: {}}},
            {},
        ),
    ],
)
def test_differences(old: Any, new: Any, added: Any, modified: Any, removed: Any) -> None:
    found = changes(old, new)
    assert (found.added, found.modified, found.removed) == (added, modified, removed)
    assert bool(found) == (old != new)


def test_the_comparison_without_ignored_fields() -> None:
    found = compare({"spec": {"hostname": "a"}}, {"spec": {"hostname": "b"}, "status": {"phase": "x"}}, POD)
    rest = found.without({"f:status": {}})
    assert (rest.added, rest.modified) == ({}, {"f:spec": {"f:hostname": {}}})


def test_declared_fields_on_the_way_become_paths() -> None:
    fields = {"f:metadata": {"f:labels": {"f:x": {"f:y": {}}}}, "f:spec": {"f:containers": {C: {"f:image": {}}}}}
    assert with_named_fields(fields, POD) == {
        "f:metadata": {".": {}, "f:labels": {".": {}, "f:x": {"f:y": {}}}},
        "f:spec": {".": {}, "f:containers": {".": {}, C: {"f:image": {}}}},
    }
