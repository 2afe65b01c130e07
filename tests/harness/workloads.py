"""A namespace of a server with fake nodes, for tests of workload controllers: objects over HTTP and what to wait for.

Fake nodes take every probe as passing. A Pod that must stay unready gets a readiness gate (`gated`), which the test
opens and shuts; one that must stay Pending gets a node selector that matches nothing (`NOWHERE`).
"""

import copy
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

Obj = dict[str, Any]

GATE = "example.com/gate"
NOWHERE = {"example.com/nowhere": "true"}
_WITHIN = 20.0  # seconds; what is waited for takes far less
_EVERY = 0.02
_NUMBERS = itertools.count(1)
_PATCHES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
_APPS = ("deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions")
_ROOTS = {
    **dict.fromkeys(_APPS, "/apis/apps/v1"),
    "poddisruptionbudgets": "/apis/policy/v1",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
    "storageclasses": "/apis/storage.k8s.io/v1",
}
_CLUSTER_WIDE = ("nodes", "namespaces", "customresourcedefinitions", "storageclasses", "persistentvolumes")


class Refused(AssertionError):
    """The API server said no."""

    def __init__(self, status: Obj) -> None:
        super().__init__(status.get("message", ""))
        self.code, self.status = status.get("code"), status

    @property
    def causes(self) -> Sequence[str]:
        return [cause["reason"] for cause in (self.status.get("details") or {}).get("causes", ())]


class Workloads:
    """One namespace. Resources are named by their plural."""

    def __init__(self, server: ApiServer, wire: Wire, namespace: str) -> None:
        self.server, self.wire, self.namespace = server, wire, namespace

    # -- the API

    def path(self, resource: str, name: str = "", subresource: str = "", *, namespace: str | None = None) -> str:
        """`namespace` "" is all of them."""
        where = self.namespace if namespace is None else namespace
        root = _ROOTS.get(resource, "/api/v1")
        if where and resource not in _CLUSTER_WIDE:
            root += f"/namespaces/{where}"
        return "/".join(part for part in (root, resource, name, subresource) if part)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Raises Refused."""
        answer = self.wire.request(method, path, body, **options)
        found = answer.json()
        if answer.status >= 400:
            raise Refused(found)
        return found

    def create(self, resource: str, obj: Obj, **where: str) -> Obj:
        found: Obj = self.call("POST", self.path(resource, **where), obj)
        return found

    def get(self, resource: str, name: str, subresource: str = "") -> Obj:
        found: Obj = self.call("GET", self.path(resource, name, subresource))
        return found

    def find(self, resource: str, name: str) -> Obj | None:
        answer = self.wire.request("GET", self.path(resource, name))
        return answer.json() if answer.status == 200 else None

    def all(self, resource: str, selector: str = "", *, fields: str = "", namespace: str | None = None) -> list[Obj]:
        query = {"labelSelector": selector, "fieldSelector": fields}
        query = {key: value for key, value in query.items() if value}
        found: list[Obj] = self.call("GET", self.path(resource, namespace=namespace), query=query)["items"]
        return found

    def update(self, resource: str, obj: Obj, subresource: str = "") -> Obj:
        found: Obj = self.call("PUT", self.path(resource, obj["metadata"]["name"], subresource), obj)
        return found

    def change(self, resource: str, name: str, edit: Callable[[Obj], None], subresource: str = "") -> Obj:
        """Read, edit and write; again when somebody else wrote meanwhile."""
        for _ in range(50):
            obj = self.get(resource, name)
            edit(obj)
            try:
                return self.update(resource, obj, subresource)
            except Refused as refused:
                if refused.code != 409:
                    raise
        raise AssertionError(f"{resource} {name}: never free of conflicts")

    def patch(self, resource: str, name: str, body: Any, subresource: str = "", *, how: str = "strategic") -> Obj:
        found: Obj = self.call("PATCH", self.path(resource, name, subresource), body, media_type=_PATCHES[how])
        return found

    def delete(self, resource: str, name: str, **options: Any) -> None:
        self.call("DELETE", self.path(resource, name), options or None)

    def delete_collection(self, resource: str, selector: str, **options: Any) -> None:
        self.call("DELETE", self.path(resource), options or None, query={"labelSelector": selector})

    def evict(self, pod: str) -> Obj:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.namespace}}
        found: Obj = self.call("POST", self.path("pods", pod, "eviction"), body)
        return found

    def version(self, resource: str) -> str:
        """The resourceVersion to watch from."""
        return str(self.call("GET", self.path(resource))["metadata"]["resourceVersion"])

    def watch(self, resource: str, since: str, done: Callable[[list[Obj]], Any]) -> list[Obj]:
        """The events from `since` until `done` says so."""
        seen: list[Obj] = []
        with self.server.wire() as wire:
            query = {"watch": "1", "resourceVersion": since, "timeoutSeconds": str(int(_WITHIN))}
            for line in wire.lines(self.path(resource), query=query):
                seen.append(json.loads(line))
                if done(seen):
                    return seen
        raise AssertionError(f"the watch of {resource} ended before its time: {[e['type'] for e in seen]}")

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.server.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    # -- what to wait for

    def until(self, condition: Callable[[], Any], what: str = "") -> Any:
        return eventually(condition, within=_WITHIN, every=_EVERY, what=what)

    def status(self, resource: str, name: str, **expected: Any) -> Obj:
        """The object once its status has these fields and its latest generation was seen; None: absent or 0."""

        def look() -> Obj | None:
            obj = self.get(resource, name)
            status = obj.get("status") or {}
            assert status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0), status
            shown = {field: status.get(field) for field in expected}
            assert all((shown[field] or 0) == (value or 0) for field, value in expected.items()), status
            return obj

        found: Obj = self.until(look, f"{resource} {name}: {expected}")
        return found

    def pods(self, selector: str = "", *, phase: str = "") -> list[Obj]:
        """Those that are not on their way out, by name."""
        alive = [pod for pod in self.all("pods", selector) if "deletionTimestamp" not in pod["metadata"]]
        return [pod for pod in alive if not phase or pod["status"].get("phase") == phase]

    def running(self, count: int, selector: str = "") -> list[Obj]:
        """That many Pods, all of them running and no others left."""

        def look() -> list[Obj]:
            found = self.all("pods", selector)
            assert len(found) == count, names(found)
            assert all(pod["status"].get("phase") == "Running" for pod in found), names(found)
            return found or [{}]

        found: list[Obj] = self.until(look, f"{count} running Pods {selector}")
        return found if count else []

    def nudge(self, resource: str, name: str) -> None:
        """Make the controller look at the object once more, and wait until it has: what was to happen has happened."""
        number = next(_NUMBERS)
        spec: Obj = {"revisionHistoryLimit": 100 + number}
        if resource in ("replicasets", "replicationcontrollers"):
            spec = {"template": {"metadata": {"annotations": {"nudge": str(number)}}}}
        self.patch(resource, name, {"spec": spec})
        self.status(resource, name)

    def condition(self, resource: str, name: str, type: str, **expected: str) -> Obj:
        def look() -> Obj | None:
            status = self.get(resource, name).get("status") or {}
            found = next((c for c in status.get("conditions") or () if c["type"] == type), None)
            assert found is not None, status
            assert expected.items() <= found.items(), found
            return found

        found: Obj = self.until(look, f"{resource} {name}: {type} {expected}")
        return found

    def event(self, about: str, reason: str, message: str = "") -> Obj:
        """The first event about an object of that name with that reason and text."""

        def look() -> Obj | None:
            found = self.all("events", fields=f"involvedObject.name={about}")
            said = [(one["reason"], one["message"]) for one in found]
            matching = [one for one in found if one["reason"] == reason and message in one["message"]]
            assert matching, said
            return matching[0]

        found: Obj = self.until(look, f"event {reason} {message} of {about}")
        return found

    def messages(self, about: str, reason: str) -> list[str]:
        return [e["message"] for e in self.all("events", fields=f"involvedObject.name={about},reason={reason}")]

    # -- Pods' lives

    def open_gate(self, pod: str, ready: bool = True) -> None:
        """Make a gated Pod ready, or unready."""
        conditions = [{"type": GATE, "status": "True" if ready else "False"}]
        self.patch("pods", pod, {"status": {"conditions": conditions}}, "status")
        expected = "True" if ready else "False"
        self.until(lambda: ready_condition(self.get("pods", pod)) == expected, f"{pod} ready: {expected}")

    def open_gates(self) -> None:
        """Make gated Pods that run ready, without waiting for it; those that go meanwhile do not matter."""
        for pod in self.pods(phase="Running"):
            if ready_condition(pod) != "True":
                body = {"status": {"conditions": [{"type": GATE, "status": "True"}]}}
                self.wire.request(
                    "PATCH",
                    self.path("pods", pod["metadata"]["name"], "status"),
                    body,
                    media_type=_PATCHES["strategic"],
                )

    def opening(self, condition: Callable[[], Any], what: str = "") -> Any:
        """Let every gated Pod that comes be ready, until the condition is true."""
        return self.until(lambda: [self.open_gates(), condition()][1], what)

    def run(self, pod: str) -> None:
        """Play the kubelet of `silent_node`."""
        ready = [{"type": type, "status": "True"} for type in ("Ready", "ContainersReady")]
        self.patch("pods", pod, {"status": {"phase": "Running", "conditions": ready}}, "status")

    def end(self, pod: str) -> None:
        """Take a Pod away whose kubelet does not."""
        self.delete("pods", pod, gracePeriodSeconds=0, kind="DeleteOptions", apiVersion="v1")

    @contextmanager
    def silent_node(self) -> Iterator[str]:
        """A node without a kubelet, for Pods that name it: nothing starts or ends there by itself."""
        name = f"silent-{next(_NUMBERS)}"
        self.create("nodes", {"metadata": {"name": name}, "spec": {"taints": [{"key": "own", "effect": "NoSchedule"}]}})
        try:
            yield name
        finally:
            self.delete("nodes", name)

    def fail(self, pod: str) -> None:
        self.patch("pods", pod, {"status": {"phase": "Failed"}}, "status")


@contextmanager
def server_with_nodes(directory: Any, nodes: int) -> Iterator[ApiServer]:
    settings = {"fake-nodes": nodes, "fake-pod-delay": "0.02"}
    with ApiServer(directory, settings=settings) as server, server.wire() as wire:
        eventually(lambda: len(wire.request("GET", "/api/v1/nodes").json()["items"]) == nodes, every=_EVERY)
        yield server
        assert server.failures() == [], server.log_tail(200)


@contextmanager
def workloads(server: ApiServer) -> Iterator[Workloads]:
    """A new namespace, deleted afterwards without waiting for its end."""
    name = f"workloads-{next(_NUMBERS)}"
    with server.wire() as wire:
        space = Workloads(server, wire, name)
        space.create("namespaces", {"metadata": {"name": name}})
        space.until(lambda: space.find("serviceaccounts", "default"), "the default ServiceAccount")
        try:
            yield space
        finally:
            space.delete("namespaces", name)


def names(objects: Sequence[Obj]) -> list[str]:
    return sorted(obj["metadata"]["name"] for obj in objects)


def ready_condition(pod: Obj) -> str:
    return next((c["status"] for c in pod["status"].get("conditions") or () if c["type"] == "Ready"), "")


def owner_of(obj: Obj) -> Obj | None:
    return next((r for r in obj["metadata"].get("ownerReferences") or () if r.get("controller")), None)


def template(labels: Mapping[str, str], *, image: str = "web:1", gated: bool = False, **spec: Any) -> Obj:
    """A Pod template; other fields go into the Pod's spec."""
    fields = {"containers": [{"name": "web", "image": image}], "terminationGracePeriodSeconds": 0, **spec}
    if gated:
        fields["readinessGates"] = [{"conditionType": GATE}]
    return {"metadata": {"labels": dict(labels)}, "spec": fields}


def workload(kind: str, name: str, pods: Obj, *, api_version: str = "apps/v1", **spec: Any) -> Obj:
    """A Deployment, ReplicaSet, ... that selects its template's labels."""
    labels = pods["metadata"]["labels"]
    selector = labels if api_version == "v1" else {"matchLabels": labels}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"selector": dict(selector), "template": copy.deepcopy(pods), **spec},
    }
