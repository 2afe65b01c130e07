"""GET of a collection: a join of stored bytes, in pages if asked for.

https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from minik.api.request import Response
from minik.api.status import StatusError, expired
from minik.api.types import Obj
from minik.server.apiserver.negotiation import PLAIN
from minik.server.apiserver.registry import answer, continue_token, selection, table
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.continue_token import PRESENT, Continue, ContinueExpired
from minik.server.apiserver.registry.freshness import too_large, wait_for
from minik.server.apiserver.registry.keys import collection_prefix, object_key
from minik.server.apiserver.registry.layout import is_event
from minik.server.apiserver.registry.read_options import ListOptions, parse_list
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.selection import Selection
from minik.store.store import (
    CompactedError,
    FutureRevisionError,
    KeyValue,
    Range,
    RangeResult,
    prefix_end,
)

_LEAST_PAGE = 128  # keys read at once when a selector leaves some out


@dataclass(frozen=True, slots=True)
class Page:
    """`remaining` is None when it is not known."""

    kvs: Sequence[KeyValue]
    revision: int
    continue_token: str = ""
    remaining: int | None = None


async def list_objects(registry: Registry, call: Call) -> Response:
    options = parse_list(call)
    chosen = selection.of_call(call)
    if call.form.kind == "Table":
        table.include_object(call)
    return respond(registry, call, await read(registry, call, chosen, options))


async def read(registry: Registry, call: Call, chosen: Selection, options: ListOptions) -> Page:
    """The objects a list is about. Raises StatusError 410 and 504."""
    store = registry.storage.store
    key = one_key(call, chosen)
    if key is not None:  # read as one object, never in pages
        exact = options.exact and bool(call.parameter("resourceVersionMatch"))
        options = replace(options, exact=exact, limit=0, resume=None)
    revision = options.resume.revision if options.resume else options.revision
    if revision is not None:
        await wait_for(store, revision)
    prefix = _prefix(call, chosen)
    if prefix is None:
        return Page((), store.revision)
    at = revision if revision and revision != PRESENT and (options.exact or options.resume) else 0
    start = prefix + options.resume.start.encode() if options.resume else prefix
    if chosen.everything:
        result = await _range(registry, call, options, start, prefix_end(prefix), at, options.limit)
        return _page(result, prefix, at, options.limit, counted=True)
    if not options.limit:
        first, end = (start, prefix_end(prefix)) if key is None else (key, key + b"\0")
        result = await _range(registry, call, options, first, end, at, 0)
        return Page([*filter(_matcher(registry, call, chosen), result.kvs)], at or result.revision)
    return await _filtered_page(registry, call, chosen, options, prefix, start, at)


def _prefix(call: Call, chosen: Selection) -> bytes | None:
    """The prefix to read; narrower when a field selector names one namespace. None: nothing can match."""
    namespace = call.namespace
    if chosen.namespace is not None and call.resource.namespaced:
        if namespace and chosen.namespace != namespace:
            return None
        if not namespace and chosen.namespace and not call.parameter("continue") and not call.parameter("limit"):
            namespace = chosen.namespace
    return collection_prefix(call.resource, namespace)


async def _range(
    registry: Registry, call: Call, options: ListOptions, start: bytes, end: bytes, revision: int, limit: int
) -> RangeResult:
    result = await _stored_range(registry, options, start, end, revision, limit)
    await registry.readable(call.resource, result.kvs)
    return result


async def _stored_range(
    registry: Registry, options: ListOptions, start: bytes, end: bytes, revision: int, limit: int
) -> RangeResult:
    store = registry.storage.store
    if not revision or revision == store.revision:
        return store.current(start, end, limit=limit)
    try:
        return await store.range(Range(start, end, revision=revision, limit=limit))
    except CompactedError:
        raise _compacted(options) from None
    except FutureRevisionError:
        raise too_large(revision, store.revision) from None


def _compacted(options: ListOptions) -> StatusError:
    if options.resume:
        return ContinueExpired(options.resume.start)
    return expired("The resourceVersion for the provided list is too old.")


def _page(result: RangeResult, prefix: bytes, at: int, limit: int, *, counted: bool) -> Page:
    revision = at or result.revision
    if not result.more or not limit:
        return Page(result.kvs, revision)
    remaining = result.count - len(result.kvs) if counted else None
    return Page(result.kvs, revision, _token(result.kvs[-1], prefix, revision), remaining)


def _token(last: KeyValue, prefix: bytes, revision: int) -> str:
    return continue_token.encode(Continue(revision, last.key[len(prefix) :].decode() + "\0"))


def _matcher(registry: Registry, call: Call, chosen: Selection) -> Callable[[KeyValue], bool]:
    decode = registry.layout(call.resource).decode
    if not is_event(call.resource):
        return lambda kv: chosen.matches(decode(kv))
    quoted = chosen.quoted()  # Events are not kept decoded, and few are about the object that is asked for
    return lambda kv: all(text in kv.value for text in quoted) and chosen.matches(decode(kv))


async def _filtered_page(
    registry: Registry, call: Call, chosen: Selection, options: ListOptions, prefix: bytes, start: bytes, at: int
) -> Page:
    """Read on until the page is full or nothing is left, all at one revision."""
    matches = _matcher(registry, call, chosen)
    limit, end = options.limit, prefix_end(prefix)
    found: list[KeyValue] = []
    while True:
        result = await _range(registry, call, options, start, end, at, max(limit, _LEAST_PAGE))
        at = at or result.revision
        for position, kv in enumerate(result.kvs):
            if matches(kv):
                found.append(kv)
                if len(found) == limit:
                    more = result.more or position + 1 < len(result.kvs)
                    return Page(found, at, _token(kv, prefix, at) if more else "")
        if not result.more:
            return Page(found, at)
        start = result.kvs[-1].key + b"\0"


def one_key(call: Call, chosen: Selection) -> bytes | None:
    """The only key that can match, if the selection names it."""
    namespace = call.namespace or chosen.namespace or ""
    if chosen.name is None or (call.resource.namespaced and not namespace):
        return None
    return object_key(call.resource, namespace, chosen.name)


def respond(registry: Registry, call: Call, page: Page) -> Response:
    layout = registry.layout(call.resource)
    if call.request.local:
        items = [layout.decode(kv) for kv in page.kvs]
        version = str(page.revision)
        return Response(
            items=items, resource_version=version, continue_token=page.continue_token, warnings=call.warnings
        )
    metadata = _metadata(call, page)
    if call.form is PLAIN:
        head = answer.to_json({**list_type(call), "metadata": metadata})[:-1]
        body = _joined(head + b',"items":[', [layout.item(kv) for kv in page.kvs], b"]}")
        return Response(body=body, warnings=call.warnings)
    objects = [layout.decode(kv) for kv in page.kvs]
    if call.form.kind:
        content = table.transform(call, objects, metadata, is_list=True)
    else:
        content = {**list_type(call), "metadata": metadata, "items": [_item(call, obj) for obj in objects]}
    return answer.encoded(200, content, call.form, call.warnings)


def _joined(head: bytes, items: list[bytes], tail: bytes) -> bytes:
    """head, items with commas in between, tail: in one copy, since a list may be megabytes."""
    if not items:
        return head + tail
    items[0] = head + items[0]
    items[-1] += tail
    return b",".join(items)


def list_type(call: Call) -> Obj:
    kind = call.resource.list_kind or f"{call.resource.kind}List"
    return {"kind": kind, "apiVersion": call.resource.api_version}


def _metadata(call: Call, page: Page) -> Obj:
    metadata: Obj = {"resourceVersion": str(page.revision)}
    if page.continue_token or (call.resource.custom and not call.form.kind):
        metadata["continue"] = page.continue_token
    if page.remaining:
        metadata["remainingItemCount"] = page.remaining
    return metadata


def _item(call: Call, obj: Obj) -> Obj:
    if call.resource.custom:
        return obj
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
