from datetime import UTC, datetime

from fake_client import until

from minik.client.resources import CONFIG_MAPS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from minik.server.controllers.namespace import NamespaceController
from minik.server.controllers.namespace_content import Remaining, conditions
from minik.server.controllers.root_ca import RootCAController
from minik.server.controllers.service_account import ServiceAccountController

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def namespace(name: str, *, deleting: bool = False) -> dict:
    metadata = {"name": name} | ({"deletionTimestamp": "2026-01-02T03:00:00Z"} if deleting else {})
    return {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def condition(cluster, type: str) -> dict:
    status = cluster.client.find(NAMESPACES, "ns")["status"]
    return next((c for c in status.get("conditions", []) if c["type"] == type), {})


async def test_terminating_namespace_is_emptied_and_finalized(cluster, make_pod):
    cluster.serve(CONFIG_MAPS, "ConfigMap")
    cluster.serve(PODS, "Pod")
    cluster.client.add(PODS, make_pod("p"))
    cluster.client.add(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "ns"}})
    cluster.client.add(CONFIG_MAPS, {"metadata": {"name": "other", "namespace": "other"}})
    cluster.client.add(NAMESPACES, namespace("ns", deleting=True))
    cluster.start(NamespaceController)
    await until(lambda: ("update", "namespaces", "ns/finalize") in cluster.client.calls)
    assert [obj["metadata"]["name"] for obj in cluster.client.all(CONFIG_MAPS)] == ["other"]
    emptied = [call[1] for call in cluster.client.calls if call[0] == "deletecollection"]
    assert emptied == ["pods", "configmaps"]


async def test_what_has_finalizers_is_waited_for_and_told(cluster):
    cluster.serve(CONFIG_MAPS, "ConfigMap")
    cluster.client.add(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "ns", "finalizers": ["x.y/z"]}})
    cluster.client.add(NAMESPACES, namespace("ns", deleting=True))
    cluster.start(NamespaceController)
    await until(lambda: condition(cluster, "NamespaceFinalizersRemaining").get("status") == "True")
    text = "Some resources are remaining: configmaps. has 1 resource instances"
    assert condition(cluster, "NamespaceContentRemaining")["message"] == text
    cluster.client.remove(CONFIG_MAPS, "c", "ns")
    cluster.clock.advance(10)
    await until(lambda: ("update", "namespaces", "ns/finalize") in cluster.client.calls)


def test_conditions_without_anything_left():
    shown = {c["type"]: (c["status"], c["reason"]) for c in conditions([], Remaining(), NOW)}
    assert shown == {
        "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered"),
        "NamespaceDeletionGroupVersionParsingFailure": ("False", "ParsedGroupVersions"),
        "NamespaceDeletionContentFailure": ("False", "ContentDeleted"),
        "NamespaceContentRemaining": ("False", "ContentRemoved"),
        "NamespaceFinalizersRemaining": ("False", "ContentHasNoFinalizers"),
    }


async def test_every_live_namespace_gets_account_and_root_ca_again(cluster):
    cluster.client.add(NAMESPACES, namespace("ns"))
    cluster.client.add(NAMESPACES, namespace("going", deleting=True))
    cluster.start(ServiceAccountController)
    cluster.start(RootCAController)
    await until(lambda: cluster.client.all(SERVICE_ACCOUNTS) and cluster.client.all(CONFIG_MAPS))
    assert cluster.client.find(CONFIG_MAPS, "kube-root-ca.crt", "ns")["data"] == {"ca.crt": "PEM"}
    cluster.client.remove(SERVICE_ACCOUNTS, "default", "ns")
    cluster.client.change(CONFIG_MAPS, "kube-root-ca.crt", "ns", {"data": {"ca.crt": "forged"}})
    await until(lambda: cluster.client.find(SERVICE_ACCOUNTS, "default", "ns"))
    await until(lambda: cluster.client.find(CONFIG_MAPS, "kube-root-ca.crt", "ns")["data"] == {"ca.crt": "PEM"})
    assert cluster.client.find(SERVICE_ACCOUNTS, "default", "going") is None
