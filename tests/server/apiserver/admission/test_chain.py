"""The chain asks the plugins that care, in order; small plugins do their one thing."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.default_class import DefaultIngressClass, DefaultStorageClass
from minik.server.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from minik.server.apiserver.admission.plugin import CREATE, Plugin
from minik.server.apiserver.admission.storage_object_in_use_protection import StorageObjectInUseProtection
from minik.server.apiserver.admission.taint_nodes_by_condition import TaintNodesByCondition


class Note(Plugin):
    name = "Note"
    operations = frozenset({CREATE})

    def __init__(self, name: str, notes: list[str], resources: Any = None) -> None:
        self._name = name
        self._notes = notes
        self.resources = resources

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        self._notes.append(self._name)


async def test_plugins_are_asked_in_order_and_only_about_what_they_care_for(named: Any, write: Any) -> None:
    notes: list[str] = []
    pods = frozenset({("", "pods")})
    chain = AdmissionChain([Note("all", notes), Note("pods", notes, pods), Note("last", notes)])
    await chain.mutate(write("configmaps", named("a")))
    await chain.mutate(write("pods", named("a")))
    await chain.mutate(write("pods", named("a"), named("a")))  # an update: nobody's business
    await chain.validate(write("pods", named("a")))  # nobody validates
    assert notes == ["all", "last", "all", "pods", "last"]


async def test_nothing_is_created_in_a_missing_or_terminating_namespace(objects: Any, named: Any, write: Any) -> None:
    plugin = NamespaceLifecycle(objects)
    with pytest.raises(StatusError, match='namespaces "ns" not found'):
        await plugin.mutate(write("configmaps", named("a")))
    namespace = objects.add("namespaces", named("ns", "", status={"phase": "Active"}))
    await plugin.mutate(write("configmaps", named("a")))
    namespace["status"]["phase"] = "Terminating"
    with pytest.raises(StatusError, match="because it is being terminated") as caught:
        await plugin.mutate(write("configmaps", named("a")))
    assert caught.value.status()["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    await plugin.mutate(write("configmaps", named("a"), named("a")))  # updates go on
    await plugin.mutate(write("configmaps", None, named("a"), operation=Operation.DELETE))


@pytest.mark.parametrize(("name", "stays"), [("default", True), ("kube-system", True), ("kube-node-lease", False)])
async def test_some_namespaces_stay(objects: Any, named: Any, write: Any, name: str, stays: bool) -> None:
    request = write("namespaces", None, named(name, ""), operation=Operation.DELETE)
    if stays:
        with pytest.raises(StatusError, match="this namespace may not be deleted"):
            await NamespaceLifecycle(objects).mutate(request)
    else:
        await NamespaceLifecycle(objects).mutate(request)


async def test_the_newest_default_storage_class_is_taken(objects: Any, named: Any, write: Any) -> None:
    for name, created in (
        ("old", "2026-01-01T00:00:00Z"),
        ("b", "2026-02-01T00:00:00Z"),
        ("a", "2026-02-01T00:00:00Z"),
    ):
        storage_class = objects.add("storageclasses", named(name, ""))
        storage_class["metadata"]["creationTimestamp"] = created
        storage_class["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    claim = named("c", spec={})
    await DefaultStorageClass(objects).mutate(write("persistentvolumeclaims", claim))
    assert claim["spec"]["storageClassName"] == "a"
    chosen = named("c", spec={"storageClassName": ""})
    await DefaultStorageClass(objects).mutate(write("persistentvolumeclaims", chosen))
    assert chosen["spec"]["storageClassName"] == ""


async def test_an_ingress_gets_the_default_class_unless_it_names_one(objects: Any, named: Any, write: Any) -> None:
    ingress_class = objects.add("ingressclasses", named("web", ""))
    ingress_class["metadata"]["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    ingress = named("i", spec={})
    await DefaultIngressClass(objects).mutate(write("ingresses", ingress, group="networking.k8s.io"))
    assert ingress["spec"]["ingressClassName"] == "web"


async def test_claims_are_protected_and_new_nodes_tainted(named: Any, write: Any) -> None:
    claim, node = named("c", spec={}), named("n", "", spec={})
    await StorageObjectInUseProtection().mutate(write("persistentvolumeclaims", claim))
    await TaintNodesByCondition().mutate(write("nodes", node))
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
