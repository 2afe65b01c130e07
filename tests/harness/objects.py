"""A server's objects from Python: one namespace of one test, over one kept-alive connection, without kubectl."""

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.cluster import eventually
from harness.wire import Answer, Wire

Obj = dict[str, Any]

MERGE, STRATEGIC, JSON_PATCH = (
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
)
_GROUPS = {
    "jobs": "batch/v1",
    "cronjobs": "batch/v1",
    "deployments": "apps/v1",
    "replicasets": "apps/v1",
    "statefulsets": "apps/v1",
    "daemonsets": "apps/v1",
    "horizontalpodautoscalers": "autoscaling/v2",
    "leases": "coordination.k8s.io/v1",
    "poddisruptionbudgets": "policy/v1",
    "customresourcedefinitions": "apiextensions.k8s.io/v1",
    "apiservices": "apiregistration.k8s.io/v1",
    "priorityclasses": "scheduling.k8s.io/v1",
    "certificatesigningrequests": "certificates.k8s.io/v1",
    "clusterroles": "rbac.authorization.k8s.io/v1",
    "endpointslices": "discovery.k8s.io/v1",
    "storageclasses": "storage.k8s.io/v1",
    "deviceclasses": "resource.k8s.io/v1",
    "resourceclaims": "resource.k8s.io/v1",
    "validatingadmissionpolicies": "admissionregistration.k8s.io/v1",
}
_CLUSTER_WIDE = {
    "apiservices",
    "certificatesigningrequests",
    "clusterroles",
    "customresourcedefinitions",
    "deviceclasses",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "priorityclasses",
    "storageclasses",
    "validatingadmissionpolicies",
}


class Refused(AssertionError):
    """The server said no."""

    def __init__(self, answer: Answer) -> None:
        self.code, self.status = answer.status, answer.json()
        super().__init__(f"{answer.status}: {self.status.get('message')}")

    @property
    def message(self) -> str:
        return str(self.status["message"])


class Objects:
    """Everything in one namespace. `kinds`: where further plurals are served, as {"widgets": "example.com/v1"}."""

    def __init__(self, wire: Wire, namespace: str, kinds: Mapping[str, str] | None = None) -> None:
        self.wire, self.namespace = wire, namespace
        self._groups = {**_GROUPS, **(kinds or {})}

    def path(self, plural: str, name: str = "", subresource: str = "") -> str:
        group = self._groups.get(plural, "v1")
        root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        where = "" if plural in _CLUSTER_WIDE else f"/namespaces/{self.namespace}"
        return "/".join(part for part in (f"{root}{where}/{plural}", name, subresource) if part)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Obj:
        answer = self.wire.request(method, path, body, **options)
        if answer.status >= 400:
            raise Refused(answer)
        found: Obj = answer.json()
        return found

    def create(self, plural: str, name: str, content: Obj | None = None, **metadata: Any) -> Obj:
        """`content` is all but metadata; apiVersion and kind are the server's business."""
        kind = {"apiVersion": self._groups.get(plural, "v1")} if plural in self._groups else {}
        obj = {**kind, **(content or {}), "metadata": {"name": name, **metadata}}
        return self.call("POST", self.path(plural), obj)

    def get(self, plural: str, name: str) -> Obj:
        return self.call("GET", self.path(plural, name))

    def find(self, plural: str, name: str) -> Obj | None:
        """None when there is no such object."""
        try:
            return self.get(plural, name)
        except Refused as refused:
            if refused.code == 404:
                return None
            raise

    def all(self, plural: str, **query: str) -> list[Obj]:
        items: list[Obj] = self.call("GET", self.path(plural), query=query)["items"]
        return items

    def patch(self, plural: str, name: str, change: Any, *, subresource: str = "", media_type: str = MERGE) -> Obj:
        return self.call("PATCH", self.path(plural, name, subresource), change, media_type=media_type)

    def replace(self, plural: str, obj: Obj, *, subresource: str = "") -> Obj:
        return self.call("PUT", self.path(plural, obj["metadata"]["name"], subresource), obj)

    def delete(self, plural: str, name: str = "", *, policy: str = "", **query: str) -> Obj:
        """One object, or without a name all (that labelSelector picks)."""
        options = {"propagationPolicy": policy} if policy else None
        return self.call("DELETE", self.path(plural, name), options, query=query)

    def set_status(self, plural: str, name: str, **status: Any) -> Obj:
        """As a kubelet or a controller would."""
        return self.patch(plural, name, {"status": status}, subresource="status")

    def events(self, name: str) -> list[tuple[str, str, str]]:
        """(type, reason, message) of every Event about an object."""
        found = self.all("events", fieldSelector=f"involvedObject.name={name}")
        return [(event["type"], event["reason"], event["message"]) for event in found]

    def edit(self, plural: str, name: str, change: Callable[[Obj], None]) -> Obj:
        """Read, change and replace, again after a conflict."""
        while True:
            obj = self.get(plural, name)
            change(obj)
            try:
                return self.replace(plural, obj)
            except Refused as refused:
                if refused.code != 409:
                    raise

    def has_event(self, name: str, type: str, reason: str, message: str) -> bool:
        """For `eventually`; its error shows the Events there are."""
        events = self.events(name)
        assert (type, reason, message) in events, json.dumps(events, indent=1)
        return True

    def is_gone(self, plural: str, name: str) -> bool:
        found = self.find(plural, name)
        assert found is None, json.dumps(found.get("metadata"), indent=1)
        return True


def new_namespace(wire: Wire, kinds: Mapping[str, str] | None = None, **metadata: Any) -> Objects:
    """With its ServiceAccount, so that Pods can be created at once."""
    name = f"t-{secrets.token_hex(4)}"
    objects = Objects(wire, name, kinds)
    objects.create("namespaces", name, **metadata)
    eventually(lambda: objects.find("serviceaccounts", "default"), every=0.02, what="the default ServiceAccount")
    return objects


def conditions(obj: Obj) -> dict[str, tuple[str, str, str]]:
    """(status, reason, message) by type."""
    found: Iterable[Obj] = (obj.get("status") or {}).get("conditions") or ()
    return {each["type"]: (each["status"], each.get("reason", ""), each.get("message", "")) for each in found}
