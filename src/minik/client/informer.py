"""A cache of one resource, kept true by list + watch, and told to whoever asked (client-go's informers).

    client --list--> store --changes--> handlers (plain functions, called in order, in batches)
           --watch-> store --changes--> handlers

Objects are shared and read-only: with LocalClient they are the API server's own. A broken watch is resumed where it
ended; after 410 Gone everything is listed again and the difference told. There is no resync: idle costs nothing.
`Informers` hands out ONE informer per resource and selector for the whole process.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from minik.api.request import WatchEvent
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client

log = logging.getLogger("minik.informer")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 30.0  # seconds
HEALTHY_WATCH = 5.0  # seconds; a watch that ends sooner without an event counts as a failure

IndexFunction = Callable[[Obj], Iterable[str]]
Transform = Callable[[Obj], Obj]


@dataclass(frozen=True, slots=True)
class Change:
    """One object came (`old` is None), changed, or went (`new` is None)."""

    old: Obj | None
    new: Obj | None

    @property
    def obj(self) -> Obj:
        """The newest there is to see: after a deletion the last state known."""
        obj = self.new if self.new is not None else self.old
        assert obj is not None
        return obj


Handler = Callable[[Sequence[Change]], None]


def object_key(obj: Obj) -> str:
    """`namespace/name`, or `name` of a cluster-scoped object."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def split_key(key: str) -> tuple[str, str]:
    """(namespace, name); namespace is "" for cluster-scoped objects."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


class _Index:
    """value -> keys, for one index function."""

    def __init__(self, function: IndexFunction) -> None:
        self._function = function
        self._keys: dict[str, dict[str, None]] = {}

    def replace(self, key: str, old: Obj | None, new: Obj | None) -> None:
        before = set(self._function(old)) if old is not None else set()
        after = set(self._function(new)) if new is not None else set()
        for value in before - after:
            keys = self._keys[value]
            del keys[key]
            if not keys:
                del self._keys[value]
        for value in after - before:
            self._keys.setdefault(value, {})[key] = None

    def keys(self, value: str) -> Iterable[str]:
        return self._keys.get(value, ())


class Informer:
    """The cache of one resource as one client sees it. A component: someone runs `run`, usually `Informers`.

    `transform` may replace every object by less (memory); it must keep metadata.name, namespace and resourceVersion.
    """

    def __init__(
        self,
        client: Client,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        transform: Transform | None = None,
    ) -> None:
        self.name = f"informer {resource.resource}"
        self.resource = resource
        self.synced = asyncio.Event()  # the first list is in the cache and told
        self._client = client
        self._namespace = namespace
        self._label_selector, self._field_selector = label_selector, field_selector
        self._transform = transform
        self._objects: dict[str, Obj] = {}
        self._indexes: dict[str, _Index] = {}
        self._handlers: list[Handler] = []
        self._resource_version = ""  # where the watch continues; "": list first

    # -- reading

    def get(self, name: str, namespace: str | None = None) -> Obj | None:
        return self._objects.get(f"{namespace}/{name}" if namespace else name)

    def get_key(self, key: str) -> Obj | None:
        return self._objects.get(key)

    def list(self, namespace: str | None = None) -> Sequence[Obj]:
        """All objects; of one namespace by a scan, so index by namespace where that is hot."""
        if not namespace:
            return [*self._objects.values()]
        prefix = f"{namespace}/"
        return [obj for key, obj in self._objects.items() if key.startswith(prefix)]

    def keys(self) -> Sequence[str]:
        return [*self._objects]

    def __len__(self) -> int:
        return len(self._objects)

    def by_index(self, index: str, value: str) -> Sequence[Obj]:
        return [self._objects[key] for key in self._indexes[index].keys(value)]

    # -- setting up

    def add_index(self, name: str, function: IndexFunction) -> None:
        """`function` gives the values an object is found under. A name added before keeps its function."""
        if name in self._indexes:
            return
        index = self._indexes[name] = _Index(function)
        for key, obj in self._objects.items():
            index.replace(key, None, obj)

    def add_handler(self, handler: Handler) -> None:
        """`handler` is called with every batch of changes, at once with what the cache already holds."""
        self._handlers.append(handler)
        if self._objects:
            self._tell([Change(None, obj) for obj in self._objects.values()], [handler])

    def remove_handler(self, handler: Handler) -> None:
        self._handlers.remove(handler)

    async def wait_synced(self) -> None:
        await self.synced.wait()

    # -- keeping up

    async def run(self, ready: asyncio.Event) -> None:
        backoff = FIRST_BACKOFF
        while True:
            try:
                if not self._resource_version:
                    await self._list()
                    ready.set()
                    backoff = FIRST_BACKOFF
                if await self._watch():
                    backoff = FIRST_BACKOFF
                    continue
            except StatusError as error:
                if error.code == 410:
                    self._resource_version = ""
                    log.debug("%s: history is gone, listing again", self.name)
                else:
                    log.warning("%s: %s", self.name, error.message)
            except (ConnectionError, TimeoutError, OSError) as error:
                log.warning("%s: %s", self.name, error or type(error).__name__)
            except Exception:
                log.exception("%s: failed", self.name)
                self._resource_version = ""
            await asyncio.sleep(backoff * random.uniform(1.0, 1.5))
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _list(self) -> None:
        listed = await self._client.list(
            self.resource,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        )
        seen = set()
        changes = []
        for obj in listed.items:
            key = object_key(obj)
            seen.add(key)
            if (change := self._put(key, obj)) is not None:
                changes.append(change)
        changes += [Change(self._take(key), None) for key in [*self._objects] if key not in seen]
        self._resource_version = listed.resource_version
        self._tell(changes, self._handlers)
        self.synced.set()

    async def _watch(self) -> bool:
        """Follow until the server ends the watch. Says whether it was of use, so that the next may start at once."""
        started, came = time.monotonic(), False
        async for batch in self._client.watch(
            self.resource,
            self._namespace,
            resource_version=self._resource_version,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        ):
            came = True
            changes = [change for event in batch if (change := self._apply(event)) is not None]
            if changes:
                self._tell(changes, self._handlers)
        return came or time.monotonic() - started > HEALTHY_WATCH

    def _apply(self, event: WatchEvent) -> Change | None:
        if event.type == "ERROR":
            status = event.obj
            raise StatusError(int(status.get("code", 500)), status.get("reason", ""), status.get("message", ""))
        self._resource_version = event.obj["metadata"]["resourceVersion"]
        if event.type == "BOOKMARK":
            return None
        key = object_key(event.obj)
        if event.type == "DELETED":
            if key not in self._objects:
                return None
            self._take(key)
            return Change(self._transform(event.obj) if self._transform else event.obj, None)
        return self._put(key, event.obj)

    def _put(self, key: str, obj: Obj) -> Change | None:
        """Keep the object; None when it is the version already known."""
        old = self._objects.get(key)
        if old is not None and old["metadata"].get("resourceVersion") == obj["metadata"].get("resourceVersion"):
            return None
        new = self._transform(obj) if self._transform else obj
        self._objects[key] = new
        for index in self._indexes.values():
            index.replace(key, old, new)
        return Change(old, new)

    def _take(self, key: str) -> Obj:
        old = self._objects.pop(key)
        for index in self._indexes.values():
            index.replace(key, old, None)
        return old

    def _tell(self, changes: Sequence[Change], handlers: Sequence[Handler]) -> None:
        if not changes:
            return
        for handler in [*handlers]:
            try:
                handler(changes)
            except Exception:  # one reader's bug must not blind the others
                log.exception("%s: a handler failed", self.name)


class Informers:
    """The informers of one process, each created when first asked for. A component; start it before its readers."""

    name = "informers"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[tuple[GVR, str, str, str], Informer] = {}
        self._running: dict[Informer, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def of(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        indexes: Mapping[str, IndexFunction] | None = None,
    ) -> Informer:
        """The one informer of this resource and selection; it starts as soon as this component runs."""
        key = (resource, namespace or "", label_selector, field_selector)
        informer = self._informers.get(key)
        if informer is None:
            informer = Informer(
                self._client, resource, namespace, label_selector=label_selector, field_selector=field_selector
            )
            self._informers[key] = informer
            self._start(informer)
        for name, function in (indexes or {}).items():
            informer.add_index(name, function)
        return informer

    def forget(self, informer: Informer) -> None:
        """Follow a resource that is not served any more no longer: whoever reads the informer sees it stand still."""
        self._informers = {key: each for key, each in self._informers.items() if each is not informer}
        task = self._running.pop(informer, None)
        if task is not None:
            task.cancel()

    def existing(self, resource: GVR) -> Informer | None:
        """The informer of all objects of the resource, if someone has asked for it."""
        return self._informers.get((resource, "", "", ""))

    def _start(self, informer: Informer) -> None:
        if self._group is not None:
            task = self._group.create_task(informer.run(asyncio.Event()), name=informer.name)
            self._running[informer] = task

    async def wait_synced(self) -> None:
        for informer in [*self._informers.values()]:
            await informer.wait_synced()

    async def run(self, ready: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as self._group:
                for informer in self._informers.values():
                    self._start(informer)
                ready.set()
                await asyncio.Event().wait()  # the group stays open for informers asked for later
        finally:
            self._group = None
            self._running = {}
