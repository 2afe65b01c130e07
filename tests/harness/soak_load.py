"""A random load on every controller: objects come, change, are scaled and go, the same for the same seed.

What is refused because something else was faster, or by a quota or a disruption budget, is part of the game; any other
refusal is an error. Which step comes next never depends on an answer, so that a seed can be run again.
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from harness import soak_objects as objects
from harness.soak_objects import CORE, CRDS, GROUP, PLACES, Obj
from harness.wire import Wire

MOST_NAMESPACES, MOST_DEFINITIONS, MOST_NODES = 6, 3, 4  # of the load's own
MOST_OBJECTS = 10  # of one kind in one namespace
MOST_DAEMON_SETS = 2
EXPECTED = (403, 404, 409, 429)
TWO_BUDGETS = "This pod has more than one PodDisruptionBudget"  # upstream's 500
NODES, VOLUMES = f"{CORE}/nodes", f"{CORE}/persistentvolumes"
OWN_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
TAINT = {"key": "soak", "effect": "NoExecute"}
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


class Refused(Exception):
    """The server's no."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Api:
    """Decoded answers over a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        return json.loads(self.text(method, path, body, kind=kind))

    def text(
        self, method: str, path: str, body: Any = None, *, kind: str = "application/json", accept: str = "*/*"
    ) -> bytes:
        where, _, query = path.partition("?")
        pairs = dict(part.split("=", 1) for part in query.split("&")) if query else None
        answer = self._wire.request(method, where, body, media_type=kind, query=pairs, headers={"Accept": accept})
        if answer.status >= 300:
            raise Refused(answer.status, f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.body

    def items(self, path: str) -> list[Obj]:
        found: list[Obj] = self.request("GET", path)["items"]
        return found


class Load:
    """`step` does one thing. `done` counts by what it was, `refused` what could not be done."""

    def __init__(self, api: Api, seed: int) -> None:
        self._api = api
        self._random = random.Random(seed)
        self._serial = 0
        self._namespaces: list[str] = []
        self._objects: dict[tuple[str, str], list[str]] = {}  # namespace, resource -> names
        self._definitions: list[str] = []
        self._nodes: list[str] = []
        self.done: dict[str, int] = {}
        self.refused = 0
        self._actions: tuple[tuple[int, Callable[[], str]], ...] = (
            (30, self._create),
            (18, self._scale),
            (12, self._update),
            (4, self._apply),
            (16, self._delete),
            (8, self._remove_pod),
            (6, self._create_custom),
            (6, self._read),
            (3, self._new_namespace),
            (1, self._delete_namespace),
            (1, self._new_definition),
            (1, self._delete_definition),
            (2, self._cordon),
            (1, self._taint),
            (1, self._new_node),
            (1, self._delete_node),
        )

    def run(self, seconds: float, rate: float, each_minute: Callable[[], None] = lambda: None) -> None:
        """`rate` steps a second; it takes longer when the server does not keep up."""
        started, minutes = time.monotonic(), 0
        for count in range(int(seconds * rate)):
            self.step()
            elapsed = time.monotonic() - started
            if elapsed // 60 > minutes:
                minutes += 1
                each_minute()
            time.sleep(max(0.0, (count + 1) / rate - elapsed))

    def begin(self) -> None:
        """One object of every kind, so that whatever loads when it is first needed has been loaded."""
        for action in (self._new_namespace, self._new_definition, self._new_node):
            action()
        for resource in PLACES:
            self._create_one(self._namespaces[0], resource)

    def step(self) -> None:
        weights, actions = zip(*self._actions, strict=True)
        action = self._random.choices(actions, weights)[0] if self._namespaces else self._new_namespace
        try:
            what = action()
        except Refused as error:
            if error.code not in EXPECTED and TWO_BUDGETS not in str(error):
                raise
            self.refused += 1
        else:
            self.done[what] = self.done.get(what, 0) + 1

    def settle(self) -> None:
        """Nothing that keeps Pods from running stays: cordons, taints, claims without a volume."""
        for node in self._api.items(NODES):
            if node["spec"].get("unschedulable") or TAINT["key"] in {
                t["key"] for t in node["spec"].get("taints") or ()
            }:
                taints = [each for each in node["spec"].get("taints") or () if each["key"] != TAINT["key"]]
                change = {"spec": {"unschedulable": None, "taints": taints or None}}
                self._try("PATCH", f"{NODES}/{node['metadata']['name']}", change, kind=MERGE)
        claims = self._api.items(f"{CORE}/persistentvolumeclaims")
        self._add_volumes(sum((claim.get("status") or {}).get("phase") != "Bound" for claim in claims))

    def delete_objects(self) -> None:
        """One by one, so that only the garbage collector takes what they own; namespaces stay."""
        for (namespace, resource), names in self._objects.items():
            for name in names:
                policy = self._random.choice(["Background", "Foreground"])
                self._try("DELETE", self._path(namespace, resource, name), {"propagationPolicy": policy})
        self._objects = {}
        for plural in self._definitions:
            self._try("DELETE", f"{CRDS}/{plural}.{GROUP}")
        self._definitions = []

    def delete_rest(self) -> None:
        """Namespaces with what deletions with Orphan left in them, unused volumes, added nodes."""
        for namespace in self._namespaces:
            self._try("DELETE", f"{CORE}/namespaces/{namespace}")
        self._namespaces = []
        for node in self._nodes:
            self._try("DELETE", f"{NODES}/{node}")
        self._nodes = []
        for volume in self._api.items(VOLUMES):
            if (volume.get("status") or {}).get("phase") != "Bound":
                self._try("DELETE", f"{VOLUMES}/{volume['metadata']['name']}")

    def _try(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> None:
        try:
            self._api.request(method, path, body, kind=kind)
        except Refused as error:
            if error.code not in EXPECTED:
                raise

    # -- choosing

    def _name(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}{self._serial}"

    def _any(self, *resources: str) -> tuple[str, str, str] | None:
        """Namespace, resource and name of an object that should be there."""
        found = [key for key, names in self._objects.items() if names and (not resources or key[1] in resources)]
        if not found:
            return None
        namespace, resource = self._random.choice(found)
        return namespace, resource, self._random.choice(self._objects[namespace, resource])

    def _pick(self, items: list[Obj], part: float) -> Obj | None:
        """`part` is drawn before the list is known, so that its length does not change what is drawn later."""
        return items[int(part * len(items))] if items else None

    def _path(self, namespace: str, resource: str, name: str = "") -> str:
        place = PLACES.get(resource) or f"/apis/{GROUP}/v1"
        return f"{place}/namespaces/{namespace}/{resource}" + (f"/{name}" if name else "")

    def _app(self, namespace: str) -> str:
        names = self._objects.get((namespace, "deployments"))
        return self._random.choice(names) if names else "nobody"

    # -- namespaces, definitions, nodes

    def _new_namespace(self) -> str:
        if len(self._namespaces) >= MOST_NAMESPACES:
            return "nothing"
        name = self._name("soak-")
        self._namespaces.append(name)
        self._api.request("POST", f"{CORE}/namespaces", {"metadata": {"name": name}})
        return "create namespaces"

    def _delete_namespace(self) -> str:
        namespace = self._random.choice(self._namespaces)
        self._namespaces.remove(namespace)
        self._objects = {key: names for key, names in self._objects.items() if key[0] != namespace}
        self._api.request("DELETE", f"{CORE}/namespaces/{namespace}")
        return "delete namespaces"

    def _new_definition(self) -> str:
        if len(self._definitions) >= MOST_DEFINITIONS:
            return "nothing"
        plural = self._name("things")
        self._definitions.append(plural)
        self._api.request("POST", CRDS, objects.definition(plural))
        return "create customresourcedefinitions"

    def _delete_definition(self) -> str:
        if not self._definitions:
            return "nothing"
        plural = self._random.choice(self._definitions)
        self._definitions.remove(plural)
        self._objects = {key: names for key, names in self._objects.items() if key[1] != plural}
        self._api.request("DELETE", f"{CRDS}/{plural}.{GROUP}")
        return "delete customresourcedefinitions"

    def _new_node(self) -> str:
        if len(self._nodes) >= MOST_NODES:
            return "nothing"
        name = self._name("soak-node-")
        self._nodes.append(name)
        self._api.request("POST", NODES, objects.node(name))
        return "create nodes"

    def _delete_node(self) -> str:
        if not self._nodes:
            return "nothing"
        name = self._random.choice(self._nodes)
        self._nodes.remove(name)
        self._api.request("DELETE", f"{NODES}/{name}")
        return "delete nodes"

    def _cordon(self) -> str:
        node = self._pick(self._api.items(f"{NODES}?limit=20"), self._random.random())
        if node is None:
            return "nothing"
        change = {"spec": {"unschedulable": None if node["spec"].get("unschedulable") else True}}
        self._api.request("PATCH", f"{NODES}/{node['metadata']['name']}", change, kind=MERGE)
        return "cordon nodes"

    def _taint(self) -> str:
        node = self._pick(self._api.items(f"{NODES}?limit=10"), self._random.random())
        if node is None:
            return "nothing"
        change = {"spec": {"taints": None if node["spec"].get("taints") else [TAINT]}}
        self._api.request("PATCH", f"{NODES}/{node['metadata']['name']}", change, kind=MERGE)
        return "taint nodes"

    # -- objects

    def _create(self) -> str:
        return self._create_one(self._random.choice(self._namespaces), self._random.choice([*PLACES]))

    def _create_one(self, namespace: str, resource: str) -> str:
        names = self._objects.setdefault((namespace, resource), [])
        most = {"daemonsets": MOST_DAEMON_SETS, "resourcequotas": 1}.get(resource, MOST_OBJECTS)
        if len(names) >= most:
            return "nothing"
        name = self._name(f"{resource[:3]}-")
        names.append(name)
        made = objects.new(resource, name, self._app(namespace), self._random)
        if resource == "persistentvolumeclaims":
            self._add_volumes(1)
        elif made.get("spec", {}).get("volumeClaimTemplates"):
            self._add_volumes(made["spec"]["replicas"])
        self._api.request("POST", self._path(namespace, resource), made)
        return f"create {resource}"

    def _add_volumes(self, count: int) -> None:
        for _ in range(count):
            self._api.request("POST", VOLUMES, objects.volume(self._name("volume-")))

    def _create_custom(self) -> str:
        """A custom resource, sometimes one that owns a ConfigMap."""
        namespace, owns = self._random.choice(self._namespaces), self._random.random() < 0.7
        size, name = self._random.randrange(100), self._name("thing-")
        if not self._definitions:
            return "nothing"
        plural = self._random.choice(self._definitions)
        names = self._objects.setdefault((namespace, plural), [])
        if len(names) >= MOST_OBJECTS:
            return "nothing"
        names.append(name)
        owner = self._api.request("POST", self._path(namespace, plural), objects.custom(plural, name, size))
        if owns:
            dependent = objects.new("secrets", f"{name}-owned", "", random.Random(size))
            self._api.request("POST", self._path(namespace, "secrets"), objects.owned(dependent, owner))
        return "create custom resources"

    def _scale(self) -> str:
        if (chosen := self._any(*objects.MOST_REPLICAS)) is None:
            return "nothing"
        replicas = self._random.randrange(objects.MOST_REPLICAS[chosen[1]])
        self._api.request("PATCH", f"{self._path(*chosen)}/scale", {"spec": {"replicas": replicas}}, kind=MERGE)
        return f"scale {chosen[1]}"

    def _update(self) -> str:
        """A new template where there is one: a rollout."""
        changed = ("deployments", "statefulsets", "daemonsets", "jobs", "configmaps", "services", *self._definitions)
        number = self._random.randrange(5)
        if (chosen := self._any(*changed)) is None:
            return "nothing"
        namespace, resource, _ = chosen
        change: Obj
        if resource == "configmaps":
            change = {"data": {"key": str(number)}}
        elif resource == "services":
            change = {"spec": {"selector": {"app": self._app(namespace)}}}
        elif resource == "jobs":
            change = {"spec": {"suspend": number == 0}}
        elif resource in PLACES:
            change = {"spec": {"template": {"metadata": {"annotations": {"round": str(number)}}}}}
        else:
            change = {"spec": {"size": number}}
        self._api.request("PATCH", self._path(*chosen), change, kind=MERGE)
        return f"update {resource if resource in PLACES else 'custom resources'}"

    def _apply(self) -> str:
        """Server-side, by several managers."""
        manager, number = self._random.choice("abc"), self._random.randrange(20)
        if (chosen := self._any("configmaps", "deployments")) is None:
            return "nothing"
        _, resource, name = chosen
        version, kind = ("v1", "ConfigMap") if resource == "configmaps" else ("apps/v1", "Deployment")
        body: Obj = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
        if resource == "configmaps":
            body["data"] = {f"{manager}{number}": str(number)}
        else:
            body["metadata"]["annotations"] = {f"{manager}{number}": str(number)}
        # the uid is not known, so what was deleted must not come back
        self._api.request("GET", self._path(*chosen))
        path = f"{self._path(*chosen)}?fieldManager={manager}&force=true"
        self._api.request("PATCH", path, body, kind=APPLY)
        return f"apply {resource}"

    def _delete(self) -> str:
        policy = self._random.choices(["Background", "Foreground", "Orphan"], [5, 4, 1])[0]
        if (chosen := self._any()) is None:
            return "nothing"
        namespace, resource, name = chosen
        self._objects[namespace, resource].remove(name)
        self._api.request("DELETE", self._path(*chosen), {"propagationPolicy": policy})
        return f"delete {resource if resource in PLACES else 'custom resources'}"

    def _read(self) -> str:
        """As kubectl does: a table, a watch that ends, what is served."""
        what, resource = self._random.choice(["table", "watch", "openapi", "discovery"]), self._random.choice([*PLACES])
        if what == "table":
            self._api.text("GET", f"{PLACES[resource]}/{resource}", accept=TABLE)
        elif what == "watch":
            self._api.text("GET", f"{PLACES[resource]}/{resource}?watch=1&timeoutSeconds=1")
        elif what == "openapi":
            self._api.text("GET", f"/openapi/v3/apis/{GROUP}/v1")
        else:
            self._api.text("GET", f"/apis/{GROUP}/v1")
        return f"read {what}"

    def _remove_pod(self) -> str:
        """By deletion, or by eviction."""
        namespace, part, evicted = self._random.choice(self._namespaces), self._random.random(), self._random.random()
        pods = f"{CORE}/namespaces/{namespace}/pods"
        pod = self._pick(self._api.items(f"{pods}?limit=50"), part)
        if pod is None:
            return "nothing"
        name = pod["metadata"]["name"]
        if evicted < 0.5:
            self._api.request("DELETE", f"{pods}/{name}")
            return "delete pods"
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
        self._api.request("POST", f"{pods}/{name}/eviction", eviction)
        return "evict pods"
