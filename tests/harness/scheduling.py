"""A namespace of a server with fake nodes, and what tests of scheduling ask it; over HTTP, so that steps are cheap."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

Obj = dict[str, Any]

_NUMBERS = itertools.count(1)
_STRATEGIC, _MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"
_WITHIN = 15.0  # seconds; what is waited for takes far less
_COLLECTIONS = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Node": "/api/v1/nodes",
    "Namespace": "/api/v1/namespaces",
    "Service": "/api/v1/namespaces/{}/services",
    "LimitRange": "/api/v1/namespaces/{}/limitranges",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "RuntimeClass": "/apis/node.k8s.io/v1/runtimeclasses",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
    "CSINode": "/apis/storage.k8s.io/v1/csinodes",
    "DeviceClass": "/apis/resource.k8s.io/v1/deviceclasses",
    "ResourceSlice": "/apis/resource.k8s.io/v1/resourceslices",
    "ResourceClaim": "/apis/resource.k8s.io/v1/namespaces/{}/resourceclaims",
    "DeviceTaintRule": "/apis/resource.k8s.io/v1beta2/devicetaintrules",
}


class Refused(AssertionError):
    """The API server said no; the text is its message."""


class Ground:
    """A namespace of one test. What is made outside of it goes with `leaving`."""

    def __init__(self, wire: Wire, namespace: str) -> None:
        self.wire, self.namespace = wire, namespace

    # -- objects

    def call(self, method: str, path: str, body: Obj | None = None, **options: Any) -> Any:
        """Raises Refused."""
        answer = self.wire.request(method, path, body, **options)
        found = answer.json()
        if answer.status >= 400:
            raise Refused(found["message"])
        return found

    def path(self, kind: str, name: str = "", *, namespace: str = "") -> str:
        collection = _COLLECTIONS[kind].format(namespace or self.namespace)
        return f"{collection}/{name}" if name else collection

    def create(self, *objects: Obj) -> Obj:
        """The last one as the server has it."""
        found: Obj = {}
        for obj in objects:
            collection = self.path(obj["kind"], namespace=obj["metadata"].get("namespace", ""))
            found = self.call("POST", collection, obj)
        return found

    def get(self, kind: str, name: str, *, namespace: str = "") -> Obj:
        found: Obj = self.call("GET", self.path(kind, name, namespace=namespace))
        return found

    def exists(self, kind: str, name: str) -> bool:
        return self.wire.request("GET", self.path(kind, name)).status == 200

    def update(self, obj: Obj) -> Obj:
        found: Obj = self.call("PUT", self.path(obj["kind"], obj["metadata"]["name"]), obj)
        return found

    def patch(self, kind: str, name: str, body: Obj, *, subresource: str = "", merge: bool = False) -> Obj:
        path = self.path(kind, name) + (f"/{subresource}" if subresource else "")
        found: Obj = self.call("PATCH", path, body, media_type=_MERGE if merge else _STRATEGIC)
        return found

    def delete(self, kind: str, *names: str, namespace: str = "") -> None:
        """Also those that are gone."""
        for name in names:
            self.wire.request(
                "DELETE", self.path(kind, name, namespace=namespace), {"gracePeriodSeconds": 0, "kind": "DeleteOptions"}
            )

    @contextmanager
    def leaving(self, *objects: Obj) -> Iterator[None]:
        """The objects are there meanwhile."""
        try:
            self.create(*objects)
            yield
        finally:
            for obj in objects:
                self.delete(obj["kind"], obj["metadata"]["name"], namespace=obj["metadata"].get("namespace", ""))

    # -- Pods

    def pods(self, selector: str = "") -> Sequence[Obj]:
        query = {"labelSelector": selector} if selector else None
        found: Sequence[Obj] = self.call("GET", self.path("Pod"), query=query)["items"]
        return found

    def run(self, pod: Obj) -> Obj:
        """Create a Pod and wait until it runs."""
        self.create(pod)
        namespace = pod["metadata"].get("namespace", "")
        return self.running(pod["metadata"]["name"], namespace=namespace)

    def running(self, name: str, *, namespace: str = "") -> Obj:
        def look() -> Obj | None:
            pod = self.get("Pod", name, namespace=namespace)
            return pod if pod.get("status", {}).get("phase") == "Running" else None

        found: Obj = eventually(look, within=_WITHIN, every=0.03, what=f"{name} running")
        return found

    def node_of(self, name: str) -> str:
        """Once the Pod has one."""

        def look() -> str:
            return str(self.get("Pod", name)["spec"].get("nodeName") or "")

        found: str = eventually(look, within=_WITHIN, every=0.03, what=f"a node for {name}")
        return found

    def refusal(self, name: str) -> str:
        """What the Pod's condition says, once it says that it does not fit."""
        found: str = eventually(
            lambda: unschedulable(self.get("Pod", name)), within=_WITHIN, every=0.03, what=f"{name} being refused"
        )
        return found

    def event(self, name: str, reason: str) -> Obj:
        """The first event of that reason about a Pod, once there is one."""
        selector = f"involvedObject.name={name},reason={reason}"

        def look() -> Obj | None:
            path = f"/api/v1/namespaces/{self.namespace}/events"
            items: list[Obj] = self.call("GET", path, query={"fieldSelector": selector})["items"]
            return items[0] if items else None

        found: Obj = eventually(look, within=_WITHIN, every=0.03, what=f"event {reason} of {name}")
        return found

    # -- nodes

    @contextmanager
    def offering(self, resource: str, amounts: Mapping[str, str]) -> Iterator[None]:
        """Nodes have so much of an extended resource meanwhile."""
        try:
            for node, amount in amounts.items():
                self._offer(node, resource, amount)
            yield
        finally:
            for node in amounts:
                self._offer(node, resource, None)

    def _offer(self, node: str, resource: str, amount: str | None) -> None:
        status = {"capacity": {resource: amount}, "allocatable": {resource: amount}}
        self.patch("Node", node, {"status": status}, subresource="status")

    @contextmanager
    def labelled(self, labels: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
        """Nodes have these labels meanwhile."""
        try:
            for node, added in labels.items():
                self.patch("Node", node, {"metadata": {"labels": dict(added)}})
            yield
        finally:
            for node, added in labels.items():
                self.patch("Node", node, {"metadata": {"labels": dict.fromkeys(added)}})

    @contextmanager
    def tainted(self, taints: Mapping[str, Sequence[Obj]]) -> Iterator[None]:
        """Nodes have these taints meanwhile, and no others."""
        try:
            for node, added in taints.items():
                self.patch("Node", node, {"spec": {"taints": [*added]}}, merge=True)
            yield
        finally:
            for node in taints:
                self.patch("Node", node, {"spec": {"taints": None}}, merge=True)


@contextmanager
def ground(server: ApiServer) -> Iterator[Ground]:
    """A new namespace; it and its Pods are gone afterwards."""
    name = f"ground-{next(_NUMBERS)}"
    with server.wire() as wire:
        found = Ground(wire, name)
        found.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        eventually(
            lambda: wire.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").status == 200, every=0.03
        )
        try:
            yield found
        finally:
            found.delete("Namespace", name)
            eventually(lambda: not found.pods(), every=0.03, what="the Pods being gone")


def unschedulable(pod: Obj) -> str:
    """The message of PodScheduled if it is False for want of a node; "" otherwise."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            assert condition["reason"] == "Unschedulable"
            return str(condition["message"])
    return ""


def pod(name: str, *, requests: Mapping[str, str] | None = None, namespace: str = "", **fields: Any) -> Obj:
    """`requests` are limits, too. `labels` and `finalizers` go into the metadata, other fields into the spec."""
    metadata: Obj = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {key: fields.pop(key) for key in ("labels", "finalizers", "annotations") if key in fields}
    container: Obj = {"name": name, "image": "pause"}
    if requests:
        container["resources"] = {"requests": {**requests}, "limits": {**requests}}
    container |= {key: fields.pop(key) for key in ("ports",) if key in fields}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, **fields}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def replica_set(template: Obj, replicas: int) -> Obj:
    """ReplicaSet `rs-<name>` of such Pods, selected by all their labels."""
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": f"rs-{template['metadata']['name']}"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {**template["spec"], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def priority_class(name: str, value: int, **fields: Any) -> Obj:
    metadata = {"name": name}
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": metadata,
        "value": value,
        **fields,
    }


def on_nodes(key: str, *values: str, field: bool = False) -> Obj:
    """Required node affinity: a label, or a field, of one of these values."""
    one = {"key": key, "operator": "In", "values": [*values]}
    term = {"matchFields": [one]} if field else {"matchExpressions": [one]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def spread(key: str, label: str, when: str = "DoNotSchedule") -> Obj:
    """Evenly over the values of `key`, with all Pods that have the label."""
    selector = {"matchExpressions": [{"key": label, "operator": "Exists"}]}
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector}
