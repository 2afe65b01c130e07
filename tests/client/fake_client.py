"""An API in memory for tests of what stands on the client: objects, versions, watches, finalizers; no validation."""

import asyncio
import copy
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from minik.api import status
from minik.api.groups import load
from minik.api.patch import strategic_merge
from minik.api.request import WatchEvent
from minik.api.schema.decode import shape_of
from minik.api.scheme import Scheme
from minik.api.types import GVR, Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, ListResult


@lru_cache
def _scheme() -> Scheme:
    return load()


class FakeTimer:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Stands still until `advance`."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self._elapsed = 0.0
        self._timers: list[tuple[float, FakeTimer, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer()
        self._timers.append((self._elapsed + seconds, timer, callback))
        return timer

    def advance(self, seconds: float) -> None:
        end = self._elapsed + seconds
        while due := sorted((t for t in self._timers if t[0] <= end and not t[1].cancelled), key=lambda t: t[0]):
            when, _, callback = first = due[0]
            self._timers.remove(first)
            self._now += timedelta(seconds=when - self._elapsed)
            self._elapsed = when
            callback()
        self._now += timedelta(seconds=end - self._elapsed)
        self._elapsed = end


def _matches(obj: Obj, label_selector: str, field_selector: str) -> bool:
    labels = obj["metadata"].get("labels", {})
    wanted = dict(term.split("=", 1) for term in label_selector.split(",") if term)
    fields = dict(term.split("=", 1) for term in field_selector.split(",") if term)
    if any(labels.get(k) != v for k, v in wanted.items()):
        return False
    for path, value in fields.items():
        found: Any = obj
        for part in path.split("."):
            found = found.get(part, {})
        if (found or "") != value:
            return False
    return True


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = _merge(out.get(name), value)
    return out


class FakeClient:
    """`calls` lists the writes as (verb, resource, namespace/name[/subresource]); `fail` may raise before one."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.calls: list[tuple[str, str, str]] = []
        self.fail: Callable[[str, GVR, str], Exception | None] = lambda verb, resource, name: None
        self._objects: dict[GVR, dict[tuple[str, str], Obj]] = defaultdict(dict)
        self._history: dict[GVR, list[tuple[int, WatchEvent]]] = defaultdict(list)
        self._changed = asyncio.Condition()
        self._versions = itertools.count(1)
        self._version = 0
        self.broken_watches = 0  # watches open now end at once when this is raised

    # -- for tests

    def add(self, resource: GVR, obj: Obj) -> Obj:
        """Put an object there without it counting as a call."""
        return self._store(resource, obj, "ADDED")

    def all(self, resource: GVR) -> list[Obj]:
        return [*self._objects[resource].values()]

    def find(self, resource: GVR, name: str, namespace: str = "") -> Obj | None:
        return self._objects[resource].get((namespace, name))

    def change(self, resource: GVR, name: str, namespace: str, patch: Obj) -> Obj:
        """Merge-patch any part of an object, status included."""
        return self._store(resource, _merge(self._objects[resource][namespace, name], patch), "MODIFIED")

    def remove(self, resource: GVR, name: str, namespace: str = "") -> None:
        self._forget(resource, (namespace, name))

    # -- the API

    async def get(self, resource: GVR, name: str, namespace: str | None = None, *, subresource: str = "") -> Obj:
        return self._existing(resource, name, namespace)

    async def list(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_token: str = "",
        metric_label_selector: str = "",
    ) -> ListResult:
        self._check("list", resource, "")
        items = [
            obj
            for (found, _), obj in self._objects[resource].items()
            if (not namespace or namespace == found) and _matches(obj, label_selector, field_selector)
        ]
        return ListResult(items, str(self._version))

    async def create(
        self, resource: GVR, obj: Obj, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Obj:
        obj = copy.deepcopy(obj)
        metadata = obj["metadata"]
        if namespace:
            metadata["namespace"] = namespace
        if "name" not in metadata:
            metadata["name"] = f"{metadata['generateName']}{next(self._versions):05d}"
        self._call("create", resource, namespace, name or metadata["name"], subresource)
        if subresource:
            return obj
        if (namespace or "", metadata["name"]) in self._objects[resource]:
            raise status.already_exists(resource.group, resource.resource, metadata["name"])
        return self._store(resource, obj, "ADDED")

    async def update(self, resource: GVR, obj: Obj, namespace: str | None = None, *, subresource: str = "") -> Obj:
        name = obj["metadata"]["name"]
        self._call("update", resource, namespace, name, subresource)
        old = self._existing(resource, name, namespace)
        version = obj["metadata"].get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise status.conflict(resource.group, resource.resource, name, status.OPTIMISTIC_LOCK)
        if subresource == "status":
            given = {k: v for k, v in obj["metadata"].items() if k in ("annotations", "labels")}
            new = {**old, "metadata": {**old["metadata"], **given}, "status": copy.deepcopy(obj.get("status", {}))}
        else:
            new = copy.deepcopy(obj)
            if "status" in old and resource.resource != "endpointslices":
                new["status"] = old["status"]
        return self._changed_object(resource, old, new)

    async def patch(
        self,
        resource: GVR,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        patch_type: str = "",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Obj:
        self._call("patch", resource, namespace, name, subresource)
        old = self._existing(resource, name, namespace)
        uid = patch.get("metadata", {}).get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise status.conflict(resource.group, resource.resource, name, "Precondition failed: UID in precondition")
        if patch_type == STRATEGIC_MERGE_PATCH:
            known = _scheme().get(*resource)
            assert known is not None
            return self._changed_object(resource, old, strategic_merge.apply(old, patch, shape_of(known)))
        version = patch.get("metadata", {}).get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise status.conflict(resource.group, resource.resource, name, status.OPTIMISTIC_LOCK)
        return self._changed_object(resource, old, _merge(old, patch))

    async def delete(
        self,
        resource: GVR,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Obj:
        self._call("delete", resource, namespace, name, "")
        old = self._existing(resource, name, namespace)
        if uid and uid != old["metadata"]["uid"]:
            raise status.conflict(resource.group, resource.resource, name, "Precondition failed: UID in precondition")
        finalizers = list(old["metadata"].get("finalizers", []))
        if propagation_policy in ("Foreground", "Orphan"):
            finalizers.append("foregroundDeletion" if propagation_policy == "Foreground" else "orphan")
        if finalizers:
            metadata = {"deletionTimestamp": "2026-01-02T03:04:05Z", "finalizers": finalizers}
            return self._store(resource, _merge(old, {"metadata": metadata}), "MODIFIED")
        self._forget(resource, (namespace or "", name))
        return old

    async def delete_collection(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
    ) -> None:
        self._call("deletecollection", resource, namespace, "", "")
        for obj in (await self.list(resource, namespace)).items:
            await self.delete(resource, obj["metadata"]["name"], namespace)

    async def watch(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        self._check("watch", resource, "")
        seen, broken = int(resource_version or 0), self.broken_watches
        while True:
            events = [
                event
                for version, event in self._history[resource]
                if version > seen
                and (not namespace or event.obj["metadata"].get("namespace") == namespace)
                and _matches(event.obj, label_selector, field_selector)
            ]
            seen = self._version
            if events:
                yield events
            if broken != self.broken_watches:
                return
            async with self._changed:
                while seen == self._version and broken == self.broken_watches:
                    await self._changed.wait()

    async def break_watches(self) -> None:
        self.broken_watches += 1
        async with self._changed:
            self._changed.notify_all()

    def forget_history(self) -> None:
        """As after compaction; resuming is for the test to refuse."""
        self._history.clear()

    # -- inside

    def _check(self, verb: str, resource: GVR, name: str) -> None:
        if (error := self.fail(verb, resource, name)) is not None:
            raise error

    def _call(self, verb: str, resource: GVR, namespace: str | None, name: str, subresource: str) -> None:
        path = "/".join(part for part in (namespace, name, subresource) if part)
        self._check(verb, resource, path)
        self.calls.append((verb, resource.resource, path))

    def _existing(self, resource: GVR, name: str, namespace: str | None) -> Obj:
        obj = self._objects[resource].get((namespace or "", name))
        if obj is None:
            raise status.not_found(resource.group, resource.resource, name)
        return obj

    def _changed_object(self, resource: GVR, old: Obj, new: Obj) -> Obj:
        metadata = new["metadata"]
        released = old["metadata"].get("finalizers") and not metadata.get("finalizers")
        if metadata.get("deletionTimestamp") and released:
            self._forget(resource, (metadata.get("namespace", ""), metadata["name"]))
            return new
        if new == old:
            return old
        if "generation" in old["metadata"] and new.get("spec") != old.get("spec"):
            metadata = new["metadata"] = {**metadata, "generation": old["metadata"]["generation"] + 1}
        return self._store(resource, new, "MODIFIED")

    def _store(self, resource: GVR, obj: Obj, event: str) -> Obj:
        obj = copy.deepcopy(obj)
        self._version = next(self._versions)
        metadata = obj["metadata"]
        metadata.setdefault("uid", f"uid-{self._version}")
        metadata.setdefault("creationTimestamp", self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
        metadata["resourceVersion"] = str(self._version)
        self._objects[resource][metadata.get("namespace", ""), metadata["name"]] = obj
        self._record(resource, WatchEvent(event, obj))
        return obj

    def _forget(self, resource: GVR, key: tuple[str, str]) -> None:
        self._version = next(self._versions)
        obj = copy.deepcopy(self._objects[resource].pop(key))
        obj["metadata"]["resourceVersion"] = str(self._version)
        self._record(resource, WatchEvent("DELETED", obj))

    def _record(self, resource: GVR, event: WatchEvent) -> None:
        self._history[resource].append((self._version, event))
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Let other tasks run until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
