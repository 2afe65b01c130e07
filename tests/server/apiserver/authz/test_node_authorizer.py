"""The Node authorizer: a kubelet reads what its Pods need, and nothing else."""

from typing import Any

import pytest

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Attributes
from minik.server.apiserver.authz.node import NodeAuthorizer
from minik.server.apiserver.authz.node_graph import PODS, NodeGraph

NODE = UserInfo("system:node:n1", groups=("system:nodes",))


def pod(name: str, node: str, **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"nodeName": node, "containers": [], **spec}}


def secret_volume(name: str) -> Obj:
    return {"name": "v", "secret": {"secretName": name}}


def decide(graph: NodeGraph, user: UserInfo = NODE, **question: Any) -> tuple[bool, str]:
    decision = NodeAuthorizer(graph, []).decide(Attributes(user=user, resource_request=True, **question))
    return decision.allowed, decision.reason


def get_secret(graph: NodeGraph, name: str) -> bool:
    return decide(graph, verb="get", resource="secrets", namespace="ns", name=name)[0]


def test_secrets_of_pods_bound_to_the_node_are_readable_while_they_are(objects: Any) -> None:
    graph = NodeGraph(objects)
    graph.change(PODS, pod("a", "n1", volumes=[secret_volume("mine")]), None)
    graph.change(PODS, pod("b", "n2", volumes=[secret_volume("other")]), None)
    assert get_secret(graph, "mine")
    assert not get_secret(graph, "other")
    graph.change(PODS, pod("c", "n1", volumes=[secret_volume("mine")]), None)
    graph.change(PODS, None, pod("a", "n1"))
    assert get_secret(graph, "mine"), "the second Pod still needs it"
    graph.change(PODS, None, pod("c", "n1"))
    assert not get_secret(graph, "mine")


def test_a_pod_that_is_bound_later_counts_from_then_on(objects: Any) -> None:
    graph = NodeGraph(objects)
    graph.change(PODS, pod("a", "", volumes=[secret_volume("mine")]), None)
    assert not get_secret(graph, "mine")
    graph.change(PODS, pod("a", "n1", volumes=[secret_volume("mine")]), None)
    assert get_secret(graph, "mine")


def test_a_mirror_pod_gives_access_to_nothing(objects: Any) -> None:
    graph = NodeGraph(objects)
    mirror = pod("a", "n1", volumes=[secret_volume("mine")])
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    graph.change(PODS, mirror, None)
    assert not get_secret(graph, "mine")


def test_a_volume_and_its_secret_are_found_through_the_claim(objects: Any, named: Any) -> None:
    graph = NodeGraph(objects)
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    graph.change(PODS, pod("a", "n1", volumes=[claim]), None)
    objects.add("persistentvolumeclaims", named("c", spec={"volumeName": "pv"}))
    csi = {"driver": "d", "nodePublishSecretRef": {"name": "s", "namespace": "storage"}}
    objects.add("persistentvolumes", named("pv", "", spec={"csi": csi}))
    assert decide(graph, verb="get", resource="persistentvolumes", name="pv")[0]
    assert decide(graph, verb="get", resource="secrets", namespace="storage", name="s")[0]


LEASES = {"api_group": "coordination.k8s.io", "resource": "leases"}


@pytest.mark.parametrize(
    ("question", "allowed", "reason"),
    [
        ({"verb": "list", "resource": "secrets", "namespace": "ns"}, False, "No Object name found"),
        (
            {"verb": "get", "resource": "configmaps", "namespace": "ns", "name": "x"},
            False,
            "no relationship found between node 'n1' and this object",
        ),
        (
            {"verb": "list", "resource": "pods"},
            False,
            "can only list/watch pods with spec.nodeName field selector",
        ),
        ({"verb": "watch", "resource": "pods", "field_selector": "spec.nodeName=n1"}, True, ""),
        ({"verb": "patch", "resource": "pods", "subresource": "status", "name": "p"}, True, ""),
        ({"verb": "patch", "resource": "pods", "name": "p"}, False, ""),
        ({"verb": "get", "resource": "nodes", "name": "n1"}, True, ""),
        (
            {"verb": "get", "resource": "nodes", "name": "n2"},
            False,
            "node 'n1' cannot read 'n2', only its own Node object",
        ),
        ({**LEASES, "verb": "update", "namespace": "kube-node-lease", "name": "n1"}, True, ""),
        (
            {**LEASES, "verb": "update", "namespace": "kube-system", "name": "n1"},
            False,
            'can only access leases in the "kube-node-lease" system namespace',
        ),
    ],
)
def test_questions_of_a_node(objects: Any, question: dict[str, Any], allowed: bool, reason: str) -> None:
    assert decide(NodeGraph(objects), **question) == (allowed, reason)


def test_others_are_none_of_its_business(objects: Any) -> None:
    stranger = UserInfo("system:node:n1")
    question = {"verb": "get", "resource": "nodes", "name": "n1"}
    assert decide(NodeGraph(objects), stranger, **question) == (False, "")
