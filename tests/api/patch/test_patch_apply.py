"""Server-side apply, as a client sees it: applies and updates in a row on one object."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.api.patch import managed_fields
from minik.api.patch.apply import apply
from minik.api.schema import types
from minik.api.status import StatusError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
SHAPES = {
    "ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "PodTemplate": "io.k8s.api.core.v1.PodTemplate",
    "Service": "io.k8s.api.core.v1.Service",
    "PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
}

Obj = dict[str, Any]


def config_map(data: Any = None, **metadata: Any) -> Obj:
    obj: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}}
    return obj if data is None else {**obj, "data": data}


def pod_template(*containers: Obj, **spec: Any) -> Obj:
    template = {"spec": {**({"containers": list(containers)} if containers else {}), **spec}}
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "t"}, "template": template}


def applied(live: Obj | None, configuration: Obj, manager: str = "m", *, now: str = NOW, **options: Any) -> Obj:
    shape = types.get(SHAPES[configuration["kind"]])
    version = configuration["apiVersion"]
    before = copy.deepcopy((live, configuration))
    result = apply(live, configuration, shape=shape, manager=manager, api_version=version, now=now, **options)
    assert before == (live, configuration), "arguments stay as they are"
    return result


def updated(live: Obj | None, new: Obj, manager: str = "u", *, now: str = NOW, **options: Any) -> Obj:
    shape, version = types.get(SHAPES[new["kind"]]), new["apiVersion"]
    return managed_fields.update(live, new, shape=shape, manager=manager, api_version=version, now=now, **options)


def owners(obj: Obj) -> dict[tuple[str, str], Any]:
    entries = obj["metadata"].get("managedFields", [])
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in entries}


def names(obj: Obj) -> list[str]:
    return [container["name"] for container in obj["template"]["spec"]["containers"]]


def test_the_first_apply_creates() -> None:
    assert applied(None, config_map({"a": "1"}, labels={"x": "1"})) == config_map(
        {"a": "1"},
        labels={"x": "1"},
        managedFields=[
            {
                "manager": "m",
                "operation": "Apply",
                "apiVersion": "v1",
                "time": NOW,
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:x": {}}}},
            }
        ],
    )


def test_the_same_again_changes_nothing() -> None:
    live = applied(None, config_map({"a": "1"}))
    assert applied(live, config_map({"a": "1"}), now=LATER) == live


def test_another_value_moves_the_time() -> None:
    live = applied(applied(None, config_map({"a": "1"})), config_map({"a": "2"}), now=LATER)
    assert live["data"] == {"a": "2"}
    assert [entry["time"] for entry in live["metadata"]["managedFields"]] == [LATER]


def test_fields_left_out_are_removed() -> None:
    live = applied(applied(None, config_map({"a": "1", "b": "2"})), config_map({"a": "1"}))
    assert live["data"] == {"a": "1"}
    assert owners(live) == {("m", "Apply"): {"f:data": {"f:a": {}}}}


def test_fields_left_out_stay_while_another_manager_has_them() -> None:
    live = applied(None, config_map({"a": "1", "b": "2"}), "one")
    live = applied(live, config_map({"b": "2"}), "two")
    live = applied(live, config_map({"a": "1"}), "one")
    assert live["data"] == {"a": "1", "b": "2"}
    live = applied(live, config_map({}), "two")
    assert live["data"] == {"a": "1"}


def test_fields_left_out_stay_while_an_updater_has_them() -> None:
    live = updated(None, config_map({"a": "1", "b": "2"}))
    live = applied(live, config_map({"a": "1"}))
    live = applied(live, config_map({}))
    assert live["data"] == {"a": "1", "b": "2"}
    assert owners(live)["m", "Apply"] == {"f:data": {}}


def test_what_nobody_manages_stays() -> None:
    live = applied(None, pod_template({"name": "c", "image": "i"}, hostname="h"))
    live["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
    live["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    live = applied(live, pod_template({"name": "c", "image": "i"}))
    assert live["template"]["spec"] == {
        "dnsPolicy": "ClusterFirst",
        "containers": [{"name": "c", "image": "i", "imagePullPolicy": "Always"}],
    }


def test_an_item_goes_with_all_the_server_added_to_it() -> None:
    live = applied(None, pod_template({"name": "c1"}, {"name": "c2"}))
    live["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    assert names(applied(live, pod_template({"name": "c2"}))) == ["c2"]


def test_an_item_stays_when_another_manager_owns_something_in_it() -> None:
    live = applied(None, pod_template({"name": "c1", "image": "i"}, {"name": "c2"}), "one")
    live = applied(live, pod_template({"name": "c1", "workingDir": "/"}), "two")
    live = applied(live, pod_template({"name": "c2"}), "one")
    assert live["template"]["spec"]["containers"] == [{"name": "c1", "workingDir": "/"}, {"name": "c2"}]


def test_a_struct_whose_fields_are_dropped_stays_empty() -> None:
    one = pod_template({"name": "c"}, volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}])
    other = pod_template({"name": "c"}, volumes=[{"name": "v", "emptyDir": {}}])
    assert applied(applied(None, one), other)["template"]["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_nested_atomic_fields_are_owned_and_replaced_whole() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}}}
    other = {**service, "spec": {"selector": {"c": "d"}}}
    live = applied(None, service, "one")
    with pytest.raises(StatusError, match=r'conflict with "one": \.spec\.selector$'):
        applied(live, other, "two")
    live = applied(live, other, "two", force=True)
    assert live["spec"] == {"selector": {"c": "d"}}
    assert owners(live) == {("two", "Apply"): {"f:spec": {"f:selector": {}}}}


def test_ports_are_told_apart_by_their_default_protocol() -> None:
    live = applied(None, pod_template({"name": "c", "ports": [{"containerPort": 53}]}), "one")
    live["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP"
    live = applied(live, pod_template({"name": "c", "ports": [{"containerPort": 53, "protocol": "UDP"}]}), "two")
    live = applied(live, pod_template({"name": "c", "ports": [{"containerPort": 53, "name": "dns"}]}), "one")
    assert live["template"]["spec"]["containers"][0]["ports"] == [
        {"containerPort": 53, "protocol": "TCP", "name": "dns"},
        {"containerPort": 53, "protocol": "UDP"},
    ]


class TestConflicts:
    def test_one(self) -> None:
        live = updated(None, config_map({"a": "1"}), "kubectl-client-side-apply")
        with pytest.raises(StatusError) as refused:
            applied(live, config_map({"a": "x"}))
        assert refused.value.status() == {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a',
            "reason": "Conflict",
            "details": {
                "causes": [
                    {
                        "reason": "FieldManagerConflict",
                        "message": 'conflict with "kubectl-client-side-apply" using v1',
                        "field": ".data.a",
                    }
                ]
            },
            "code": 409,
        }

    def test_several_managers(self) -> None:
        live = applied(None, config_map({"a": "1", "b": "2"}), "two")
        live = updated(live, config_map({"a": "1", "b": "2", "c": "3"}), "one")
        with pytest.raises(StatusError) as refused:
            applied(live, config_map({"a": "x", "b": "y", "c": "z"}))
        assert refused.value.message == (
            "Apply failed with 3 conflicts: "
            'conflicts with "one" using v1:\n- .data.c\nconflicts with "two":\n- .data.a\n- .data.b'
        )
        assert len(refused.value.details["causes"]) == 3  # type: ignore[index]

    def test_the_subresource_is_named(self) -> None:
        budget: Obj = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p"}}
        live = updated(None, {**budget, "spec": {"minAvailable": 1}})
        live = updated(live, {**live, "status": {"currentHealthy": 3}}, "s", subresource="status")
        text = r'conflict with "s" with subresource "status" using policy/v1: \.status\.currentHealthy$'
        with pytest.raises(StatusError, match=text):
            applied(live, {**budget, "status": {"currentHealthy": 4}}, subresource="status")

    def test_the_same_value_is_shared(self) -> None:
        live = applied(applied(None, config_map({"a": "1"}), "one"), config_map({"a": "1"}), "two")
        assert owners(live) == {
            ("one", "Apply"): {"f:data": {"f:a": {}}},
            ("two", "Apply"): {"f:data": {"f:a": {}}},
        }
        assert "time" not in live["metadata"]["managedFields"][0], "who changes nothing gets no time"

    def test_force_takes_over(self) -> None:
        live = applied(None, config_map({"a": "1", "b": "2"}), "one")
        live = applied(live, config_map({"a": "x"}), "two", force=True, now=LATER)
        assert live["data"] == {"a": "x", "b": "2"}
        assert owners(live) == {("one", "Apply"): {"f:data": {"f:b": {}}}, ("two", "Apply"): {"f:data": {"f:a": {}}}}
        assert [entry["time"] for entry in live["metadata"]["managedFields"]] == [NOW, LATER]

    def test_a_manager_that_loses_everything_is_gone(self) -> None:
        live = applied(None, config_map({"a": "1"}), "one")
        assert list(owners(applied(live, config_map({"a": "x"}), "two", force=True))) == [("two", "Apply")]


def test_an_unmanaged_object_belongs_to_before_first_apply() -> None:
    live = applied(config_map({"a": "1", "b": "2"}), config_map({"a": "1"}))
    assert owners(live)["before-first-apply", "Update"] == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}
    with pytest.raises(StatusError, match="before-first-apply"):
        applied(config_map({"a": "1"}), config_map({"a": "x"}))


def test_reset_fields_are_applied_but_not_owned() -> None:
    budget: Obj = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p"}}
    full = {**budget, "spec": {"minAvailable": 7}, "status": {"currentHealthy": 1}}
    reset = frozenset({("spec",)})
    live = applied(None, full, subresource="status", reset_fields=reset)
    entry = live["metadata"]["managedFields"][0]
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:currentHealthy": {}}})


@pytest.mark.parametrize(
    ("configuration", "code", "message"),
    [
        ({"metadata": {"name": "c"}}, 400, "invalid object type: /, Kind="),
        ({**config_map(), "kind": "Secret"}, 400, "invalid object type: /v1, Kind=Secret"),
        ({**config_map(), "apiVersion": "apps/v1"}, 400, "invalid object type: apps/v1, Kind=ConfigMap"),
        (config_map(managedFields=[{}]), 400, "metadata.managedFields must be nil"),
        (
            config_map({"a": 5}),
            500,
            "failed to create typed patch object (/c; /v1, Kind=ConfigMap): "
            ".data.a: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (
            {**config_map(namespace="n"), "nope": 1},
            500,
            "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): .nope: field not declared in schema",
        ),
    ],
)
def test_configurations_that_do_not_fit(configuration: Obj, code: int, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        apply(None, configuration, shape=types.get(SHAPES["ConfigMap"]), manager="m", api_version="v1", now=NOW)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_duplicate_items_are_refused() -> None:
    with pytest.raises(StatusError, match=r'\.template\.spec\.containers: duplicate entries for key \[name="c"\]$'):
        applied(None, pod_template({"name": "c"}, {"name": "c"}))


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("12"), max_size=4)
CONTAINERS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", None]), max_size=3)


def containers(images: dict[str, Any]) -> list[Obj]:
    return [{"name": name, **({"image": image} if image else {})} for name, image in images.items()]


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), CONTAINERS), min_size=1, max_size=5))
def test_an_apply_can_be_repeated(writes: list[tuple[str, dict[str, Any]]]) -> None:
    live: Obj | None = None
    for manager, images in writes:
        configuration = pod_template(*containers(images), hostname="h")
        live = applied(live, configuration, manager, force=True)
        assert applied(live, configuration, manager, now=LATER) == live


@UNHURRIED
@given(DATA, DATA, DATA)
def test_what_one_applies_is_there_and_what_nobody_applies_is_not(one: Obj, two: Obj, three: Obj) -> None:
    live = applied(None, config_map(one), "x")
    live = applied(live, config_map(two), "y", force=True)
    live = applied(live, config_map(three), "x", force=True)
    data = live.get("data") or {}
    assert three.items() <= data.items()
    assert data.keys() == three.keys() | two.keys()
    assert all(data[key] == value for key, value in two.items() if key not in three)


@UNHURRIED
@given(DATA, DATA)
def test_two_appliers_share_nothing_but_equal_values(one: Obj, two: Obj) -> None:
    live = applied(None, config_map(one), "x")
    clash = any(one.get(key, value) != value for key, value in two.items())
    if clash:
        with pytest.raises(StatusError, match="Apply failed"):
            applied(live, config_map(two), "y")
    else:
        assert applied(live, config_map(two), "y").get("data", {}) == {**one, **two}
