"""Encode once, decode once: how objects lie in the store and how they come back out.

A value is the object's JSON in its storage version without metadata.resourceVersion, and always starts with

    {"kind":"ConfigMap","apiVersion":"v1","metadata":{

so that the revision is spliced in at an offset known per resource. What was decoded, converted or framed once is
kept on the store's KeyValue (`memo`) and shared by every reader: it is read-only.
"""

from collections.abc import Callable, Iterable

import orjson

from minik.api.codec.json_codec import dumps_as_go
from minik.api.scheme import Resource
from minik.api.types import GVR, Obj
from minik.server.apiserver.registry.sharing import share
from minik.store.store import Event, KeyValue

_IDENTITY = Resource.__dataclass_fields__["from_storage"].default


def is_event(resource: Resource) -> bool:
    """Whether it is the kind Event, of either of its groups."""
    return resource.plural == "events" and resource.group in ("", "events.k8s.io")


class Memo:
    """What readers made of one value: the decoded object per served version and its watch lines.

    It is `dear` if a webhook had its part in it.
    """

    __slots__ = ("dear", "lines", "objects")

    def __init__(self) -> None:
        self.dear = False
        self.objects: dict[str, Obj] = {}
        self.lines: dict[str, bytes] = {}


class Layout:
    """The bytes of one served resource. `spliced`: it is stored in the version it is served in."""

    __slots__ = (
        "_classes",
        "_dumps",
        "_forgets",
        "_head",
        "_item_head",
        "_offset",
        "_own_head",
        "_reading",
        "_resource",
        "_stored_head",
        "_version",
        "spliced",
    )

    def __init__(self, resource: Resource) -> None:
        stored = resource.storage or resource.gvr
        self._resource = resource
        self._version = resource.api_version
        self._stored_head = _type_head(resource.kind, stored.api_version)
        self._offset = len(self._stored_head) + len(b'"metadata":{')
        self._own_head = _type_head(resource.kind, resource.api_version)
        version_head = b'"metadata":{"resourceVersion":"'
        self._head = _type_head(resource.kind, resource.api_version) + version_head
        # Items of built-in lists carry no kind and apiVersion, as upstream's typed lists do.
        self._item_head = self._head if resource.custom else b"{" + version_head
        self.spliced = resource.from_storage is _IDENTITY or (resource.custom and stored == resource.gvr)
        # Clients compare the data of these, byte by byte, with the patch they make of the object's own template.
        is_history = resource.gvr == GVR("apps", "v1", "controllerrevisions")
        self._dumps: Callable[[Obj], bytes] = dumps_as_go if is_history else orjson.dumps
        self._forgets = is_event(resource)  # there are many, and hardly anyone reads one
        self._classes: dict[Callable[[Obj], str], Callable[[KeyValue], str | None]] = {}
        # What readers made of a value under another schema is not for readers under this one.
        self._reading = f"{self._version}@{resource.written_since}" if resource.custom else self._version

    def _as_stored(self, kv: KeyValue) -> bool:
        """Whether answers are made from the stored bytes without decoding."""
        if not self._resource.custom or not self.spliced:
            return self.spliced
        return kv.mod_revision > self._resource.written_since and kv.value.startswith(self._stored_head)

    def encode(self, obj: Obj) -> bytes:
        """The value to store for `obj`, given in the served version. `obj` is left as it is."""
        return self.encode_stored(obj if self.spliced else self._resource.to_storage(orjson.loads(orjson.dumps(obj))))

    def encode_stored(self, stored: Obj) -> bytes:
        """The value to store for an object in the storage version."""
        body = {"metadata": {k: v for k, v in stored["metadata"].items() if k != "resourceVersion"}}
        body.update((k, v) for k, v in stored.items() if k not in ("kind", "apiVersion", "metadata"))
        return self._stored_head + self._dumps(body)[1:]

    def decode(self, kv: KeyValue) -> Obj:
        """The object in the served version. Shared: never change it."""
        if self._forgets:
            return self.fresh(kv)
        memo = _memo(kv)
        obj = memo.objects.get(self._reading)
        if obj is None:
            obj = memo.objects[self._reading] = self.fresh(kv)
            share(obj)
        return obj

    def fresh(self, kv: KeyValue) -> Obj:
        """The object in the served version, as a copy of one's own."""
        if self._resource.converted_by and kv.memo is not None and self._reading in _memo(kv).objects:
            made: Obj = orjson.loads(orjson.dumps(_memo(kv).objects[self._reading]))
            return made
        obj: Obj = orjson.loads(kv.value)
        if not self._as_stored(kv):
            obj = self._resource.from_storage(obj)
        obj["apiVersion"] = self._version
        obj["metadata"]["resourceVersion"] = str(kv.mod_revision)
        return obj

    def remember(self, kv: KeyValue, obj: Obj) -> None:
        """Keep `obj` (with its resourceVersion), which was just written as `kv`, so that nobody decodes it."""
        if self._forgets or (self._resource.custom and not self.spliced):  # other versions lose fields on the way
            return
        if _memo(kv).objects.setdefault(self._reading, obj) is obj:
            share(obj)

    def unconverted(self, kvs: Iterable[KeyValue]) -> list[KeyValue]:
        """Those written in another version, which nobody has converted yet."""
        return [
            kv
            for kv in kvs
            if not kv.value.startswith(self._own_head) and (kv.memo is None or self._reading not in _memo(kv).objects)
        ]

    def keep(self, kv: KeyValue, obj: Obj) -> None:
        """Keep what a webhook made of a value."""
        obj["metadata"]["resourceVersion"] = str(kv.mod_revision)
        memo = _memo(kv)
        memo.objects[self._reading] = obj
        memo.dear = True

    def lost(self, kv: KeyValue, revision: int) -> KeyValue:
        """An earlier state, at the revision at which a watcher loses sight of its object."""
        last = KeyValue(kv.key, kv.value, kv.create_revision, revision, kv.version)
        if self._resource.converted_by is not None:  # the webhook has been asked, and is not asked again
            obj = self.decode(kv)
            self.keep(last, {**obj, "metadata": dict(obj["metadata"])})
        return last

    def classes(self, field: Callable[[Obj], str]) -> Callable[[KeyValue], str | None] | None:
        """What tells values apart by a field of their objects, always the same for one field. None: nothing can."""
        if self._resource.converted_by is not None:  # only a webhook can read some of them
            return None

        def classify(kv: KeyValue) -> str | None:
            try:
                return field(self.decode(kv))
            except ValueError:
                return None

        return self._classes.setdefault(field, classify)

    def whole(self, kv: KeyValue) -> bytes:
        """The JSON of one object."""
        if self._as_stored(kv):
            return b'%b%d",%b' % (self._head, kv.mod_revision, kv.value[self._offset :])
        return orjson.dumps(self.decode(kv))

    def item(self, kv: KeyValue) -> bytes:
        """The JSON of one object inside a list."""
        if self._as_stored(kv):
            return b'%b%d",%b' % (self._item_head, kv.mod_revision, kv.value[self._offset :])
        obj = self.decode(kv)
        if self._resource.custom:
            return orjson.dumps(obj)
        return orjson.dumps({k: v for k, v in obj.items() if k not in ("kind", "apiVersion")})

    def line(self, kind: str, kv: KeyValue, *, keep: bool = True) -> bytes:
        """One line of a watch: event `kind` about the object as it is in `kv`; with `keep` built once for all."""
        key = kind + self._reading
        memo = kv.memo
        line: bytes | None = None if memo is None else memo.lines.get(key)
        if line is None:
            line = b'{"type":"%b","object":%b}\n' % (kind.encode(), self.whole(kv))
            if keep:
                _memo(kv).lines[key] = line
        return line


class Layouts:
    """The layouts of the resources served, made when first asked for."""

    def __init__(self) -> None:
        self._layouts: dict[int, tuple[Resource, Layout]] = {}

    def of(self, resource: Resource) -> Layout:
        found = self._layouts.get(id(resource))
        if found is None:
            # The resource is kept so that its id stays taken.
            found = self._layouts[id(resource)] = (resource, Layout(resource))
        return found[1]

    def forget(self, resource: Resource) -> None:
        """The resource is not served any more."""
        self._layouts.pop(id(resource), None)


def deleted(event: Event) -> KeyValue:
    """The last state of what `event` deleted, at the revision of its deletion; one for all watchers."""
    last = event.kv.memo
    if last is None:
        assert event.prev_kv is not None, "watches always carry the previous value"
        kv, previous = event.kv, event.prev_kv
        last = KeyValue(kv.key, previous.value, previous.create_revision, kv.mod_revision, previous.version)
        kv.memo = last
    assert isinstance(last, KeyValue)
    return last


def _memo(kv: KeyValue) -> Memo:
    memo = kv.memo
    if memo is None:
        memo = kv.memo = Memo()
    assert isinstance(memo, Memo)
    return memo


def _type_head(kind: str, api_version: str) -> bytes:
    return f'{{"kind":"{kind}","apiVersion":"{api_version}",'.encode()
