"""Namespaces in a whole server: how they go, in which order, and what they say meanwhile."""

import secrets

import pytest

from harness.cluster import eventually
from harness.objects import Obj, Objects, Refused, conditions, new_namespace

SOON = {"within": 15.0, "every": 0.02}
KEPT = "e2e.example.com/finalizer"
POD = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
FINE = {
    "NamespaceDeletionDiscoveryFailure": (
        "False",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
}


@pytest.fixture
def going(objects: Objects) -> Objects:
    """A namespace to delete."""
    return new_namespace(objects.wire)


def delete(objects: Objects) -> None:
    objects.delete("namespaces", objects.namespace)


def is_gone(objects: Objects) -> None:
    eventually(lambda: objects.is_gone("namespaces", objects.namespace), what="the end", **SOON)


def told(objects: Objects, **wanted: tuple[str, str, str]) -> Obj:
    def check() -> Obj:
        found = objects.get("namespaces", objects.namespace)
        assert conditions(found) == wanted
        return found

    namespace: Obj = eventually(check, **SOON)
    return namespace


def content(*parts: str) -> tuple[str, str, str]:
    return ("True", "SomeResourcesRemain", f"Some resources are remaining: {', '.join(parts)}")


def finalizers(*parts: str) -> tuple[str, str, str]:
    text = f"Some content in the namespace has finalizers remaining: {', '.join(parts)}"
    return ("True", "SomeFinalizersRemain", text)


def test_pods_go_with_their_namespace(going: Objects) -> None:
    going.create("pods", "test-pod", POD)
    eventually(lambda: going.get("pods", "test-pod")["status"]["phase"] == "Running", **SOON)
    delete(going)
    is_gone(going)
    going.create("namespaces", going.namespace)
    assert going.find("pods", "test-pod") is None
    delete(going)
    is_gone(going)


def test_services_go_with_their_namespace(going: Objects) -> None:
    going.create("services", "test-service", {"spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}})
    delete(going)
    is_gone(going)
    going.create("namespaces", going.namespace)
    assert going.find("services", "test-service") is None
    delete(going)
    is_gone(going)


def test_pods_go_first(going: Objects) -> None:
    going.create("pods", "pod", POD, finalizers=[KEPT])
    eventually(lambda: going.get("pods", "pod")["status"]["phase"] == "Running", **SOON)
    going.create("configmaps", "stays")
    delete(going)
    namespace = told(
        going,
        **FINE,
        NamespaceContentRemaining=content("pods. has 1 resource instances"),
        NamespaceFinalizersRemaining=finalizers(f"{KEPT} in 1 resource instances"),
    )
    assert namespace["status"]["phase"] == "Terminating"
    assert "deletionTimestamp" in going.get("pods", "pod")["metadata"]
    assert "deletionTimestamp" not in going.get("configmaps", "stays")["metadata"]
    assert going.find("serviceaccounts", "default") is not None
    going.patch("pods", "pod", {"metadata": {"finalizers": None}})
    is_gone(going)


def test_what_remains_is_told_by_kind_and_finalizer(going: Objects) -> None:
    going.create("configmaps", "a", finalizers=[KEPT])
    going.create("configmaps", "b", finalizers=[KEPT, "example.com/other"])
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    going.create("deployments", "d", {"spec": spec}, finalizers=[KEPT])
    delete(going)
    told(
        going,
        **FINE,
        NamespaceContentRemaining=content(
            "configmaps. has 2 resource instances", "deployments.apps has 1 resource instances"
        ),
        NamespaceFinalizersRemaining=finalizers(
            f"{KEPT} in 3 resource instances", "example.com/other in 1 resource instances"
        ),
    )
    for plural, name in (("configmaps", "a"), ("configmaps", "b"), ("deployments", "d")):
        going.patch(plural, name, {"metadata": {"finalizers": None}})
    is_gone(going)


def test_custom_resources_go_with_their_namespace(going: Objects) -> None:
    group = f"{secrets.token_hex(3)}.example.com"
    kinds = Objects(going.wire, going.namespace, {"things": f"{group}/v1"})
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    kinds.create("customresourcedefinitions", f"things.{group}", {"spec": spec})
    eventually(lambda: kinds.all("things") == [], **SOON)
    kinds.create("things", "one", {"kind": "Thing"}, finalizers=[KEPT])
    delete(going)
    told(
        going,
        **FINE,
        NamespaceContentRemaining=content(f"things.{group} has 1 resource instances"),
        NamespaceFinalizersRemaining=finalizers(f"{KEPT} in 1 resource instances"),
    )
    kinds.patch("things", "one", {"metadata": {"finalizers": None}})
    is_gone(going)
    kinds.delete("customresourcedefinitions", f"things.{group}")


def test_group_that_does_not_answer_keeps_the_namespace(going: Objects) -> None:
    service = {"name": "nobody", "namespace": going.namespace}
    spec = {
        "group": "silent.example.com",
        "version": "v1",
        "service": service,
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    }
    going.create("apiservices", "v1.silent.example.com", {"spec": spec})
    delete(going)
    why = "silent.example.com/v1: stale GroupVersion discovery: silent.example.com/v1"
    failing = (
        "True",
        "DiscoveryFailed",
        f"Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: {why}",
    )
    told(
        going,
        **FINE | {"NamespaceDeletionDiscoveryFailure": failing},
        NamespaceContentRemaining=("False", "ContentRemoved", "All content successfully removed"),
        NamespaceFinalizersRemaining=(
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    )
    going.delete("apiservices", "v1.silent.example.com")
    is_gone(going)


def test_nothing_new_enters_a_namespace_that_goes(going: Objects) -> None:
    going.create("configmaps", "kept", finalizers=[KEPT])
    delete(going)
    with pytest.raises(Refused) as caught:
        going.create("configmaps", "late")
    assert caught.value.code == 403
    assert caught.value.message == (
        f'configmaps "late" is forbidden: unable to create new content in namespace {going.namespace} '
        "because it is being terminated"
    )
    cause = caught.value.status["details"]["causes"][0]
    assert cause == {
        "reason": "NamespaceTerminating",
        "message": f"namespace {going.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    going.patch("configmaps", "kept", {"metadata": {"finalizers": None}})
    is_gone(going)


def test_namespaces_own_finalizers_are_heeded(going: Objects) -> None:
    namespace = going.get("namespaces", going.namespace)
    namespace["spec"]["finalizers"].append("e2e.example.com/fakeFinalizer")
    changed = going.replace("namespaces", namespace, subresource="finalize")
    assert changed["spec"]["finalizers"] == ["kubernetes", "e2e.example.com/fakeFinalizer"]
    delete(going)
    eventually(
        lambda: going.get("namespaces", going.namespace)["spec"]["finalizers"] == ["e2e.example.com/fakeFinalizer"],
        **SOON,
    )
    namespace = going.get("namespaces", going.namespace)
    namespace["spec"]["finalizers"] = []
    going.replace("namespaces", namespace, subresource="finalize")
    is_gone(going)


def test_finalizer_can_be_added_and_taken_back(going: Objects) -> None:
    namespace = going.get("namespaces", going.namespace)
    namespace["spec"]["finalizers"].append("e2e.example.com/fakeFinalizer")
    namespace = going.replace("namespaces", namespace, subresource="finalize")
    assert "e2e.example.com/fakeFinalizer" in namespace["spec"]["finalizers"]
    namespace["spec"]["finalizers"] = ["kubernetes"]
    namespace = going.replace("namespaces", namespace, subresource="finalize")
    assert namespace["spec"]["finalizers"] == ["kubernetes"]
    delete(going)
    is_gone(going)


def test_namespaces_are_patched_and_updated(objects: Objects) -> None:
    name = objects.namespace
    patched = objects.patch("namespaces", name, {"metadata": {"labels": {"testLabel": "testValue"}}})
    assert patched["metadata"]["labels"] == {"testLabel": "testValue", "kubernetes.io/metadata.name": name}

    def label(namespace: Obj) -> None:
        namespace["metadata"]["labels"][name] = "updated"

    assert objects.edit("namespaces", name, label)["metadata"]["labels"][name] == "updated"


def test_status_is_patched_and_updated(objects: Objects) -> None:
    name = objects.namespace
    assert objects.call("GET", objects.path("namespaces", name, "status"))["status"] == {"phase": "Active"}
    condition = {"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Patched by an e2e test"}
    patched = objects.patch("namespaces", name, {"status": {"conditions": [condition]}}, subresource="status")
    assert conditions(patched) == {"StatusPatch": ("True", "E2E", "Patched by an e2e test")}
    more = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Updated by an e2e test"}
    patched["status"]["conditions"].append(more)
    updated = objects.replace("namespaces", patched, subresource="status")
    assert conditions(updated)["StatusUpdate"] == ("True", "E2E", "Updated by an e2e test")
    with pytest.raises(Refused) as caught:
        objects.patch("namespaces", name, {"status": {"phase": "Terminating"}}, subresource="status")
    assert caught.value.code == 422
