"""What goes with its owner and what stays, in a whole server."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from harness.cluster import eventually
from harness.objects import STRATEGIC, Obj, Objects, Refused, new_namespace

SOON = {"within": 15.0, "every": 0.02}
REPLICAS = 20


def template(labels: Obj) -> Obj:
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def controller(objects: Objects, name: str, replicas: int) -> Obj:
    """A ReplicationController."""
    labels = {"gctest": name}
    return objects.create(
        "replicationcontrollers", name, {"spec": {"replicas": replicas, "template": template(labels)}}
    )


def deployment(objects: Objects, name: str, replicas: int = 2) -> Obj:
    labels = {"gctest": name}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels)}
    return objects.create("deployments", name, {"spec": spec})


def has(objects: Objects, **counts: int) -> bool:
    found = {plural: len(objects.all(plural)) for plural in counts}
    assert found == counts
    return True


def runs(objects: Objects, name: str, replicas: int) -> None:
    def is_there() -> bool:
        found = objects.get("replicationcontrollers", name)
        return bool(found["status"].get("replicas") == replicas and found["status"].get("readyReplicas") == replicas)

    eventually(is_there, what="all Pods", **SOON)


def refer(owner: Obj, **more: Any) -> Obj:
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        **more,
    }


def delete(objects: Objects, plural: str, owner: Obj, policy: str) -> None:
    name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
    options = {"propagationPolicy": policy, "preconditions": {"uid": uid}}
    objects.call("DELETE", objects.path(plural, name), options)


def config(objects: Objects, name: str, *owners: Obj, **metadata: Any) -> Obj:
    return objects.create("configmaps", name, ownerReferences=[*owners], **metadata)


def owners_of(objects: Objects, name: str) -> list[str]:
    return [each["name"] for each in objects.get("configmaps", name)["metadata"].get("ownerReferences", [])]


def test_pods_go_with_their_controller_in_the_background(objects: Objects) -> None:
    made = controller(objects, "simpletest.rc", 2)
    eventually(lambda: objects.all("pods"), **SOON)
    delete(objects, "replicationcontrollers", made, "Background")
    eventually(lambda: has(objects, replicationcontrollers=0, pods=0), **SOON)


def test_pods_outlive_a_controller_that_orphans_them(objects: Objects) -> None:
    made = controller(objects, "simpletest.rc", REPLICAS)
    runs(objects, "simpletest.rc", REPLICAS)
    delete(objects, "replicationcontrollers", made, "Orphan")
    eventually(lambda: objects.is_gone("replicationcontrollers", "simpletest.rc"), **SOON)
    pods = objects.all("pods")
    assert len(pods) == REPLICAS
    assert not any("ownerReferences" in pod["metadata"] or "deletionTimestamp" in pod["metadata"] for pod in pods)


def test_replica_sets_and_pods_go_with_their_deployment(objects: Objects) -> None:
    made = deployment(objects, "simpletest.deployment")
    eventually(lambda: objects.all("replicasets"), **SOON)
    delete(objects, "deployments", made, "Background")
    eventually(lambda: has(objects, deployments=0, replicasets=0, pods=0), **SOON)


def test_replica_sets_outlive_a_deployment_that_orphans_them(objects: Objects) -> None:
    made = deployment(objects, "simpletest.deployment")
    eventually(lambda: [s["status"].get("readyReplicas") for s in objects.all("replicasets")] == [2], **SOON)
    delete(objects, "deployments", made, "Orphan")
    eventually(lambda: objects.is_gone("deployments", "simpletest.deployment"), **SOON)
    assert has(objects, replicasets=1, pods=2)
    assert "ownerReferences" not in objects.all("replicasets")[0]["metadata"]


def test_controller_deleted_in_the_foreground_waits_for_its_pods(objects: Objects) -> None:
    made = controller(objects, "simpletest.rc", REPLICAS)
    runs(objects, "simpletest.rc", REPLICAS)
    pod = objects.all("pods")[0]["metadata"]["name"]
    objects.patch("pods", pod, {"metadata": {"finalizers": ["example.com/kept"]}})
    delete(objects, "replicationcontrollers", made, "Foreground")
    eventually(lambda: has(objects, pods=1), **SOON)
    left = objects.get("replicationcontrollers", "simpletest.rc")["metadata"]
    assert left["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in left
    objects.patch("pods", pod, {"metadata": {"finalizers": None}})
    eventually(lambda: objects.is_gone("replicationcontrollers", "simpletest.rc"), **SOON)
    assert objects.all("pods") == []


def test_pods_with_another_owner_stay(objects: Objects) -> None:
    going = controller(objects, "simpletest-rc-to-be-deleted", REPLICAS)
    staying = controller(objects, "simpletest-rc-to-stay", 0)
    runs(objects, "simpletest-rc-to-be-deleted", REPLICAS)
    pods = [pod["metadata"]["name"] for pod in objects.all("pods")][: REPLICAS // 2]
    for pod in pods:
        change = {"metadata": {"ownerReferences": [refer(staying)]}}
        objects.patch("pods", pod, change, media_type=STRATEGIC)
    delete(objects, "replicationcontrollers", going, "Foreground")
    eventually(lambda: objects.is_gone("replicationcontrollers", "simpletest-rc-to-be-deleted"), **SOON)
    left = objects.all("pods")
    assert sorted(pod["metadata"]["name"] for pod in left) == sorted(pods)
    assert not any("deletionTimestamp" in pod["metadata"] for pod in left)
    assert {owner["name"] for pod in left for owner in pod["metadata"]["ownerReferences"]} == {"simpletest-rc-to-stay"}


def test_circle_of_owners_goes_as_one(objects: Objects) -> None:
    spec = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
    pods = [objects.create("pods", f"pod{number}", spec) for number in (1, 2, 3)]
    for pod, owner in zip(pods, [pods[2], pods[0], pods[1]], strict=True):
        change = {"metadata": {"ownerReferences": [refer(owner, controller=True, blockOwnerDeletion=True)]}}
        objects.patch("pods", pod["metadata"]["name"], change, media_type=STRATEGIC)
    delete(objects, "pods", pods[0], "Foreground")
    eventually(lambda: has(objects, pods=0), **SOON)


def test_only_those_that_block_are_waited_for(objects: Objects) -> None:
    owner = config(objects, "owner")
    config(objects, "blocks", refer(owner, blockOwnerDeletion=True), finalizers=["example.com/kept"])
    config(objects, "does-not", refer(owner), finalizers=["example.com/kept"])
    delete(objects, "configmaps", owner, "Foreground")
    for name in ("blocks", "does-not"):
        eventually(lambda name=name: "deletionTimestamp" in objects.get("configmaps", name)["metadata"], **SOON)
    assert objects.find("configmaps", "owner") is not None
    objects.patch("configmaps", "blocks", {"metadata": {"finalizers": None}})
    eventually(lambda: objects.is_gone("configmaps", "owner"), **SOON)
    objects.patch("configmaps", "does-not", {"metadata": {"finalizers": None}})
    eventually(lambda: objects.is_gone("configmaps", "does-not"), **SOON)


def test_dependent_that_no_longer_blocks_lets_its_owner_go(objects: Objects) -> None:
    owner = config(objects, "owner")
    config(objects, "d", refer(owner, blockOwnerDeletion=True), finalizers=["example.com/kept"])
    delete(objects, "configmaps", owner, "Foreground")
    eventually(lambda: "deletionTimestamp" in objects.get("configmaps", "d")["metadata"], **SOON)
    change = {"metadata": {"ownerReferences": [refer(owner, blockOwnerDeletion=False)]}}
    objects.patch("configmaps", "d", change)
    eventually(lambda: objects.is_gone("configmaps", "owner"), **SOON)
    objects.patch("configmaps", "d", {"metadata": {"finalizers": None}})


def test_foreground_runs_down_a_chain(objects: Objects) -> None:
    first = config(objects, "first")
    second = config(objects, "second", refer(first, blockOwnerDeletion=True))
    config(objects, "third", refer(second, blockOwnerDeletion=True), finalizers=["example.com/kept"])
    delete(objects, "configmaps", first, "Foreground")
    eventually(lambda: "deletionTimestamp" in objects.get("configmaps", "third")["metadata"], **SOON)
    assert objects.get("configmaps", "second")["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert objects.get("configmaps", "first")["metadata"]["finalizers"] == ["foregroundDeletion"]
    objects.patch("configmaps", "third", {"metadata": {"finalizers": None}})
    for name in ("second", "first"):
        eventually(lambda name=name: objects.is_gone("configmaps", name), **SOON)


def test_reference_to_what_never_was_is_no_owner(objects: Objects) -> None:
    real = config(objects, "real")
    stale = refer(real) | {"uid": "00000000-0000-0000-0000-000000000000"}
    config(objects, "goes", stale)
    config(objects, "stays", stale | {"name": "other"}, refer(real))
    wrong = refer(real) | {"kind": "Secret"}
    config(objects, "wrong-kind", wrong)
    eventually(lambda: objects.is_gone("configmaps", "goes"), **SOON)
    eventually(lambda: owners_of(objects, "stays") == ["real"], **SOON)
    eventually(lambda: objects.is_gone("configmaps", "wrong-kind"), **SOON)
    assert objects.find("configmaps", "real") is not None


def test_owner_in_another_namespace_is_none_and_told(objects: Objects) -> None:
    elsewhere = new_namespace(objects.wire)
    owner = config(elsewhere, "owner")
    config(objects, "d", refer(owner))
    text = (
        f"ownerRef [v1/ConfigMap, namespace: {objects.namespace}, name: owner, uid: {owner['metadata']['uid']}] "
        f'does not exist in namespace "{objects.namespace}"'
    )
    eventually(lambda: objects.has_event("d", "Warning", "OwnerRefInvalidNamespace", text), **SOON)
    eventually(lambda: objects.is_gone("configmaps", "d"), **SOON)
    assert elsewhere.find("configmaps", "owner") is not None
    elsewhere.delete("namespaces", elsewhere.namespace)


def test_cluster_scoped_object_cannot_have_a_namespaced_owner(objects: Objects) -> None:
    owner, name = config(objects, "owner"), f"of-{objects.namespace}"
    objects.create("priorityclasses", name, {"value": 1}, ownerReferences=[refer(owner)])
    objects.delete("configmaps", "owner")
    canary = config(objects, "canary", refer(owner))
    eventually(lambda: objects.is_gone("configmaps", canary["metadata"]["name"]), **SOON)
    assert objects.find("priorityclasses", name) is not None
    objects.delete("priorityclasses", name)


def test_cluster_scoped_owner_takes_namespaced_objects_along(objects: Objects) -> None:
    name = f"own-{objects.namespace}"
    owner = objects.create("priorityclasses", name, {"value": 1})
    config(objects, "d", refer(owner))
    objects.delete("priorityclasses", name)
    eventually(lambda: objects.is_gone("configmaps", "d"), **SOON)


@pytest.mark.parametrize("policy", ["Sideways", ""])
def test_policy_must_be_one_of_three(objects: Objects, policy: str) -> None:
    config(objects, "c")
    if not policy:
        options: Obj = {"orphanDependents": True, "propagationPolicy": "Orphan"}
        text = "orphanDependents and deletionPropagation cannot be both set"
    else:
        options = {"propagationPolicy": policy}
        text = 'Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"'
    with pytest.raises(Refused) as refused:
        objects.call("DELETE", objects.path("configmaps", "c"), options)
    assert text in refused.value.message


# -- custom resources


@pytest.fixture
def widgets(objects: Objects) -> Iterator[Objects]:
    """The test's namespace, with a kind of its own: widgets and, cluster-scoped, gadgets."""
    group = f"{secrets.token_hex(3)}.example.com"
    kinds = Objects(objects.wire, objects.namespace, {"widgets": f"{group}/v1"})
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    kinds.create("customresourcedefinitions", f"widgets.{group}", {"spec": spec})
    eventually(lambda: kinds.all("widgets") == [], **SOON)
    yield kinds
    kinds.call(
        "DELETE",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        query={"fieldSelector": f"metadata.name=widgets.{group}"},
    )


def widget(objects: Objects, name: str, *owners: Obj, **metadata: Any) -> Obj:
    return objects.create("widgets", name, {"kind": "Widget"}, ownerReferences=[*owners], **metadata)


def test_custom_resources_take_dependents_along(widgets: Objects) -> None:
    owner = widget(widgets, "owner")
    widget(widgets, "dependent", refer(owner))
    config(widgets, "plain", refer(owner))
    delete(widgets, "widgets", owner, "Background")
    for plural, name in (("widgets", "owner"), ("widgets", "dependent"), ("configmaps", "plain")):
        eventually(lambda plural=plural, name=name: widgets.is_gone(plural, name), **SOON)


def test_custom_resources_can_be_orphaned_and_waited_for(widgets: Objects) -> None:
    owner = widget(widgets, "owner")
    widget(widgets, "dependent", refer(owner))
    delete(widgets, "widgets", owner, "Orphan")
    eventually(lambda: widgets.is_gone("widgets", "owner"), **SOON)
    assert "ownerReferences" not in widgets.get("widgets", "dependent")["metadata"]
    other = widget(widgets, "other")
    widget(widgets, "blocks", refer(other, blockOwnerDeletion=True), finalizers=["example.com/kept"])
    delete(widgets, "widgets", other, "Foreground")
    eventually(lambda: "deletionTimestamp" in widgets.get("widgets", "blocks")["metadata"], **SOON)
    assert widgets.find("widgets", "other") is not None
    widgets.patch("widgets", "blocks", {"metadata": {"finalizers": None}})
    eventually(lambda: widgets.is_gone("widgets", "other"), **SOON)


def test_dependents_go_though_the_kind_of_their_owner_goes_with_it(widgets: Objects) -> None:
    owner, canary = widget(widgets, "owner"), widget(widgets, "canary")
    config(widgets, "plain", refer(owner))
    delete(widgets, "widgets", canary, "Foreground")
    eventually(lambda: widgets.is_gone("widgets", "canary"), what="the new kind being known", **SOON)
    definition = f"widgets.{owner['apiVersion'].removesuffix('/v1')}"
    widgets.delete("customresourcedefinitions", definition)
    eventually(lambda: widgets.is_gone("customresourcedefinitions", definition), **SOON)
    eventually(lambda: widgets.is_gone("configmaps", "plain"), **SOON)


def test_nothing_is_concluded_about_an_owner_of_an_unknown_kind(widgets: Objects) -> None:
    known = widget(widgets, "known")
    unknown = {"apiVersion": "example.org/v1", "kind": "Mystery", "name": "m", "uid": "1-2-3"}
    config(widgets, "kept", unknown)
    config(widgets, "canary", refer(known) | {"uid": "4-5-6"})
    eventually(lambda: widgets.is_gone("configmaps", "canary"), **SOON)
    assert widgets.find("configmaps", "kept") is not None
