"""NodeRestriction: what a kubelet may write."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.admission.node_restriction import NodeRestriction
from minik.server.apiserver.attributes import Attributes, Decision

NODE = UserInfo("system:node:n1", groups=("system:nodes",))
MIRROR = {"kubernetes.io/config.mirror": "x"}


def node(name: str = "n1", taints: Any = None, **labels: str) -> dict[str, Any]:
    named = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return {"metadata": {"name": name, "labels": named}, "spec": {"taints": taints or []}}


async def authorize(question: Attributes) -> Decision:
    return Decision(question.verb == "request-serviceaccounts-token-audience" and question.resource == "registry")


async def refusal(objects: Any, request: Any) -> str:
    """What is complained about; "" if the write is fine."""
    request.user = NODE
    try:
        await NodeRestriction(objects, authorize).mutate(request)
    except StatusError as error:
        return error.message.partition("is forbidden: ")[2] or error.message
    return ""


@pytest.mark.parametrize(
    ("new", "old", "complaint"),
    [
        (node(), None, ""),
        (node("n2"), None, 'node "n1" is not allowed to modify node "n2"'),
        (node(kubernetes_io__hostname="n1", node_kubernetes_io__x="y"), None, ""),
        (
            node(kubernetes_io__odd="y"),
            None,
            'node "n1" is not allowed to set the following labels: kubernetes.io/odd',
        ),
        (node(example_com__ok="y"), node(), ""),
        (node(kubernetes_io__odd="y"), node(), "is not allowed to modify labels: kubernetes.io/odd"),
        (node(), node(kubernetes_io__odd="y"), "is not allowed to modify labels: kubernetes.io/odd"),
        (node(kubernetes_io__odd="y"), node(kubernetes_io__odd="y"), ""),
        (node(taints=[{"key": "a"}]), node(), 'node "n1" is not allowed to modify taints'),
    ],
)
async def test_its_own_node(objects: Any, write: Any, new: Any, old: Any, complaint: str) -> None:
    assert await refusal(objects, write("nodes", new, old)) == complaint


def pod(node_name: str = "n1", annotations: Any = None, owner: Any = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", "annotations": annotations or {}}
    if owner:
        metadata["ownerReferences"] = [owner]
    return {"metadata": metadata, "spec": {"nodeName": node_name, "containers": [], **spec}}


OWNER = {"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-n1", "controller": True}


@pytest.mark.parametrize(
    ("obj", "complaint"),
    [
        (pod(annotations=MIRROR, owner=OWNER), ""),
        (pod(), 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods'),
        (pod("n2", MIRROR), 'node "n1" can only create pods with spec.nodeName set to itself'),
        (pod(annotations=MIRROR), 'node "n1" can only create pods with an owner reference set to itself'),
        (
            pod(annotations=MIRROR, owner={**OWNER, "uid": "other"}),
            "node n1 UID mismatch: expected other got uid-n1",
        ),
        (
            pod(annotations=MIRROR, owner=OWNER, volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
            'node "n1" can not create pods that reference secrets',
        ),
    ],
)
async def test_mirror_pods(objects: Any, write: Any, obj: Any, complaint: str) -> None:
    objects.add("nodes", node())
    assert await refusal(objects, write("pods", obj)) == complaint


async def test_only_its_own_pods_change_and_go(objects: Any, write: Any) -> None:
    mine, other = pod(), pod("n2")
    objects.add("pods", mine)
    delete = {"operation": Operation.DELETE}
    assert await refusal(objects, write("pods", None, mine, **delete)) == ""
    assert await refusal(objects, write("pods", mine, mine, subresource="status")) == ""
    objects.add("pods", other)
    assert "only delete pods with spec.nodeName" in await refusal(objects, write("pods", None, other, **delete))
    assert "only update pod status" in await refusal(objects, write("pods", other, other, subresource="status"))


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ({"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "uid-p"}, ""),
        ({}, "node requested token not bound to a pod"),
        ({"kind": "Pod", "apiVersion": "v1", "name": "p"}, "node requested token with a pod binding without a uid"),
        ({"kind": "Pod", "apiVersion": "v1", "name": "q", "uid": "x"}, 'pods "q" not found'),
    ],
)
async def test_tokens_are_for_its_pods(objects: Any, write: Any, reference: Any, complaint: str) -> None:
    objects.add("pods", pod(volumes=[token_volume(None)]))
    request = {"metadata": {"name": "default"}, "spec": {"boundObjectRef": reference}}
    assert await refusal(objects, write("serviceaccounts", request, subresource="token")) == complaint


def token_volume(audience: str | None) -> dict[str, Any]:
    source = {"path": "token"} | ({"audience": audience} if audience else {})
    return {"name": "t", "projected": {"sources": [{"serviceAccountToken": source}]}}


@pytest.mark.parametrize(
    ("audiences", "complaint"),
    [
        (["vault"], ""),
        (["csi"], ""),
        (["registry"], ""),  # by way of the authorizer
        ([], 'audience "" not found in pod spec volume'),
        (["other"], "system:node:n1 is not authorized to request tokens for this audience"),
        (["vault", "csi"], "node may only request 0 or 1 audiences"),
    ],
)
async def test_tokens_are_for_what_the_pod_uses(objects: Any, write: Any, audiences: Any, complaint: str) -> None:
    objects.add("pods", pod(volumes=[token_volume("vault"), {"name": "c", "csi": {"driver": "d"}}]))
    objects.add("csidrivers", {"metadata": {"name": "d"}, "spec": {"tokenRequests": [{"audience": "csi"}]}})
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "uid-p"}
    request = {"metadata": {"name": "default"}, "spec": {"boundObjectRef": bound, "audiences": audiences}}
    said = await refusal(objects, write("serviceaccounts", request, subresource="token"))
    assert complaint in said
    assert bool(said) == bool(complaint)


async def test_a_mirror_pod_needs_its_node(objects: Any, write: Any) -> None:
    said = await refusal(objects, write("pods", pod(annotations=MIRROR, owner=OWNER)))
    assert said == 'nodes "n1" not found'


async def test_leases(objects: Any, write: Any) -> None:
    group = {"group": "coordination.k8s.io", "namespace": "kube-node-lease"}
    lease = {"metadata": {"name": "n1"}}
    assert await refusal(objects, write("leases", lease, **group)) == ""
    other = {"metadata": {"name": "n2"}}
    assert "same name as the requesting node" in await refusal(objects, write("leases", other, **group))


async def test_nobody_else_is_restricted(objects: Any, write: Any) -> None:
    await NodeRestriction(objects, authorize).mutate(write("nodes", node("n2")))
