import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.api.patch import strategic_merge
from minik.api.schema import types
from minik.api.status import StatusError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEMPLATE = types.get("io.k8s.api.core.v1.PodTemplate")
POD: dict[str, Any] = {
    "metadata": {"name": "t", "finalizers": ["a/x", "b/y"], "labels": {"l": "1"}},
    "template": {
        "spec": {
            "containers": [
                {"name": "c1", "image": "x:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "c2", "image": "y:1"},
            ],
            "volumes": [{"name": "v1", "emptyDir": {}}],
            "tolerations": [{"key": "k1"}],
            "nodeSelector": {"a": "b"},
        }
    },
}


def spec(patch: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy(POD)
    patched = strategic_merge.apply(POD, {"template": {"spec": patch}}, TEMPLATE)
    assert before == POD, "the argument stays as it is"
    result: dict[str, Any] = patched["template"]["spec"]
    return result


def names(patch: dict[str, Any]) -> list[str]:
    return [container["name"] for container in spec(patch)["containers"]]


def test_items_merge_by_key() -> None:
    containers = spec({"containers": [{"name": "c1", "image": "new"}]})["containers"]
    assert containers[0] == {**POD["template"]["spec"]["containers"][0], "image": "new"}


def test_lists_in_items_merge_too() -> None:
    patch = {"containers": [{"name": "c1", "env": [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]}]}
    env = spec(patch)["containers"][0]["env"]
    assert env == [{"name": "A", "value": "1"}, {"name": "B", "value": "9"}, {"name": "C", "value": "3"}]


@pytest.mark.parametrize(
    ("patch", "order"),
    [
        ({"containers": [{"name": "c3"}]}, ["c3", "c1", "c2"]),
        ({"containers": [{"name": "c2"}, {"name": "c1"}]}, ["c2", "c1"]),
        ({"containers": [{"name": "c2"}, {"name": "c3"}]}, ["c1", "c2", "c3"]),
        ({"$setElementOrder/containers": [{"name": "c2"}, {"name": "c1"}]}, ["c2", "c1"]),
        (
            {
                "$setElementOrder/containers": [{"name": "c3"}, {"name": "c2"}, {"name": "c1"}],
                "containers": [{"name": "c3"}],
            },
            ["c3", "c2", "c1"],
        ),
        ({"containers": [{"$patch": "replace"}, {"name": "only"}]}, ["only"]),
        ({"containers": [{"name": "c1", "$patch": "delete"}]}, ["c2"]),
        ({"containers": [{"name": "gone", "$patch": "delete"}]}, ["c1", "c2"]),
        (
            {
                "$setElementOrder/containers": [{"name": "c2"}],
                "containers": [{"name": "c1", "$patch": "delete"}],
            },
            ["c2"],
        ),
    ],
)
def test_order_of_items(patch: dict[str, Any], order: list[str]) -> None:
    assert names(patch) == order


def test_atomic_lists_are_replaced() -> None:
    assert spec({"tolerations": [{"key": "k2"}]})["tolerations"] == [{"key": "k2"}]


def test_null_removes() -> None:
    assert "nodeSelector" not in spec({"nodeSelector": None})
    assert spec({"volumes": [{"name": "v1", "emptyDir": None, "hostPath": {"path": "/x"}}]})["volumes"] == [
        {"name": "v1", "hostPath": {"path": "/x"}}
    ]


def test_new_items_come_as_they_are() -> None:
    added = {"name": "n", "image": None, "$retainKeys": ["name"], "env": [{"name": "A", "$patch": "delete"}]}
    assert spec({"containers": [added]})["containers"][0] == added


def test_new_values_come_without_nulls_and_maps_of_directives() -> None:
    new = {"a": None, "$retainKeys": ["b"], "b": [{"c": None, "d": 1}, {"$patch": "replace", "e": 1}]}
    assert spec({"dnsConfig": new})["dnsConfig"] == {"$retainKeys": ["b"], "b": [{"d": 1}]}
    assert "dnsConfig" not in spec({"dnsConfig": {"$patch": "replace", "nameservers": []}})


def test_items_of_any_list_can_be_deleted() -> None:
    pod = {"spec": {"containers": [{"name": "c", "command": ["a", "b"]}]}}
    container = {"name": "c", "$deleteFromPrimitiveList/command": ["a"]}
    patched = strategic_merge.apply(pod, {"spec": {"containers": [container]}}, types.get("io.k8s.api.core.v1.Pod"))
    assert patched["spec"]["containers"] == [{"name": "c", "command": ["b"]}]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"nodeSelector": {"c": "d"}}, {"a": "b", "c": "d"}),
        ({"nodeSelector": {"$patch": "replace", "c": "d"}}, {"c": "d"}),
        ({"nodeSelector": {"$patch": "delete"}}, {}),
    ],
)
def test_directives_on_maps(patch: dict[str, Any], expected: dict[str, str]) -> None:
    assert spec(patch)["nodeSelector"] == expected


def test_retain_keys() -> None:
    patch = {"volumes": [{"name": "v1", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}
    assert spec(patch)["volumes"] == [{"name": "v1", "hostPath": {"path": "/x"}}]


@pytest.mark.parametrize(
    ("metadata", "finalizers"),
    [
        ({"finalizers": ["c/z", "a/x"]}, ["c/z", "a/x", "b/y"]),
        ({"$deleteFromPrimitiveList/finalizers": ["a/x"]}, ["b/y"]),
        (
            {
                "$deleteFromPrimitiveList/finalizers": ["a/x"],
                "$setElementOrder/finalizers": ["n/n", "b/y"],
                "finalizers": ["n/n"],
            },
            ["n/n", "b/y"],
        ),
        ({"$setElementOrder/finalizers": ["b/y", "a/x"]}, ["b/y", "a/x"]),
    ],
)
def test_lists_of_scalars(metadata: dict[str, Any], finalizers: list[str]) -> None:
    assert strategic_merge.apply(POD, {"metadata": metadata}, TEMPLATE)["metadata"]["finalizers"] == finalizers


@pytest.mark.parametrize(
    ("patch", "code", "message"),
    [
        (
            {"containers": [{"name": "c1", "$patch": "frob"}]},
            500,
            "unknown patch type: frob in map: map[$patch:frob name:c1]",
        ),
        (
            {"containers": [{"name": "c1", "$patch": [1, None]}]},
            500,
            "unknown patch type: [%!s(int64=1) %!s(<nil>)] in map: map[$patch:[1 <nil>] name:c1]",
        ),
        ({"containers": [{"image": "z"}]}, 500, "map: map[image:z] does not contain declared merge key: name"),
        (
            {"containers": [{"$patch": "delete"}]},
            500,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (
            {"containers": [{"name": "c1", "$patch": "merge"}]},
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            {"$setElementOrder/containers": [{"name": "c2"}], "containers": [{"name": "c3", "image": "q:1"}]},
            500,
            "The order in patch list:\n[map[image:q:1 name:c3]]\n "
            "doesn't match $setElementOrder list:\n[map[name:c2]]\n",
        ),
        ({"$setElementOrder/nope": ["a"]}, 500, 'unable to find api field in struct PodSpec for the json field "nope"'),
        (
            {"volumes": [{"name": "v1", "$retainKeys": ["name"], "hostPath": {}}]},
            400,
            "Invalid patch format of retainKeys",
        ),
        ({"$deleteFromPrimitiveList": ["a"]}, 400, "Invalid patch format of primitive list"),
        ({"$setElementOrder/containers": "x"}, 500, "expected a []interface {}, but received a string"),
    ],
)
def test_errors(patch: dict[str, Any], code: int, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        spec(patch)
    assert (refused.value.code, refused.value.message) == (code, message)
    assert code != 500 or "reason" not in refused.value.status()


def test_unknown_fields_are_taken_over() -> None:
    assert spec({"nope": 1})["nope"] == 1


NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), unique=True)


@UNHURRIED
@given(NAMES, NAMES)
def test_a_merged_list_has_every_item_once_and_keeps_the_patch_order(live: list[str], patch: list[str]) -> None:
    def pod(containers: list[str]) -> dict[str, Any]:
        return {"template": {"spec": {"containers": [{"name": name} for name in containers]}}}

    merged = strategic_merge.apply(pod(live), pod(patch), TEMPLATE)
    found = [container["name"] for container in merged["template"]["spec"]["containers"]]
    assert sorted(found) == sorted({*live, *patch})
    assert [name for name in found if name in patch] == patch
    assert [name for name in found if name not in patch] == [name for name in live if name not in patch]
    assert strategic_merge.apply(merged, pod(patch), TEMPLATE) == merged
