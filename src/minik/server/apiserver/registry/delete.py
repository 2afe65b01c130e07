"""DELETE: at once, after a grace period, or when the last finalizer has gone.

Upstream: registry/rest/delete.go (BeforeDelete) and registry/generic/registry/store.go,
https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from datetime import datetime, timedelta
from enum import Enum

from minik.api.columns import parse_time
from minik.api.request import Response
from minik.api.status import forbidden
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.registry import answer, delete_options
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.delete_options import DeleteOptions, precondition_failed
from minik.server.apiserver.registry.metadata import ordered, timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.store.store import KeyValue

_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"


class Next(Enum):
    """What a DELETE does to the object as it is now."""

    REMOVE = "remove it"
    MARK = "write it with its deletion timestamp, and wait"
    MARK_AND_REMOVE = "write it with its deletion timestamp, then remove it: watchers see both"
    NOTHING = "it is on its way already"


async def delete(registry: Registry, call: Call) -> Response:
    options = delete_options.parse(call)
    kept = call.resource.strategy.undeletable.get(call.name)
    if kept is not None:
        raise forbidden(call.resource.error_group, call.resource.plural, call.name, kept)
    obj, removed, stored = await delete_object(registry, call, options)
    if removed and not _answers_with_object(call):
        return answer.document(call, 200, _success(call, obj))
    waits = not removed and options.raw.get("orphanDependents") is False
    return answer.one(registry, call, 202 if waits else 200, stored, obj)


def _answers_with_object(call: Call) -> bool:
    """A few kinds answer a finished delete with the object instead of a Status."""
    return (call.resource.group, call.resource.plural) in _RETURN_OBJECT


# Those whose delete answers with their own type in the OpenAPI documents.
_RETURN_OBJECT = frozenset(
    {
        ("", "pods"),
        ("", "services"),
        ("", "persistentvolumes"),
        ("", "persistentvolumeclaims"),
        ("", "serviceaccounts"),
        ("", "podtemplates"),
        ("", "resourcequotas"),
        ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "devicetaintrules"),
        ("resource.k8s.io", "resourceclaims"),
        ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourcepoolstatusrequests"),
        ("resource.k8s.io", "resourceslices"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "volumeattributesclasses"),
    }
)


def _success(call: Call, obj: Obj) -> Obj:
    details: Obj = {"name": obj["metadata"]["name"]}
    if call.resource.error_group:
        details["group"] = call.resource.error_group
    details |= {"kind": call.resource.plural, "uid": obj["metadata"].get("uid", "")}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def delete_object(
    registry: Registry, call: Call, options: DeleteOptions, *, admit: bool = True
) -> tuple[Obj, bool, KeyValue | None]:
    """Returns the object as it was left, whether it is gone, and how it is stored now (None: gone or dry run)."""
    layout = registry.layout(call.resource)
    admitted = not admit
    while True:
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        await registry.readable(call.resource, [current])
        old = layout.decode(current)
        _check_preconditions(call, options, old)
        if not admitted:
            attributes = _attributes(call, old, options)
            await registry.admission.mutate(attributes)
            await registry.admission.validate(attributes)
            admitted = True
            continue
        obj: Obj = layout.fresh(current)
        step = plan(obj, call, options, registry.now())
        if step is Next.NOTHING:
            return old, False, current
        obj["metadata"] = ordered(obj["metadata"])
        if options.dry_run:
            return obj, step is not Next.MARK, None
        if step is Next.REMOVE:
            if await registry.storage.remove(current) is None:
                continue
        else:
            # What is removed in the next moment need not wait for the disk twice.
            soft = step is Next.MARK_AND_REMOVE
            value = await registry.encoded(call.resource, obj)
            stored = await registry.storage.replace(call.resource, current, value, soft=soft)
            if stored is None:
                continue
            await registry.readable(call.resource, [stored])
            obj["metadata"]["resourceVersion"] = str(stored.mod_revision)
            layout.remember(stored, obj)
            if step is Next.MARK or not await _remove(registry, call, stored):
                return obj, False, stored
        allocator = registry.allocator(call.resource)
        if allocator is not None:
            await allocator.release(None, old)
        return obj, True, None


async def _remove(registry: Registry, call: Call, marked: KeyValue) -> bool:
    """Remove what has just been marked, even if it is being written to. False: a finalizer holds it now."""
    layout = registry.layout(call.resource)
    uid = layout.decode(marked)["metadata"]["uid"]
    while await registry.storage.remove(marked) is None:
        latest = registry.storage.get(call.resource, call.namespace, call.name)
        if latest is None:
            return True
        metadata = layout.decode(latest)["metadata"]
        if metadata["uid"] != uid:
            return True
        if metadata.get("finalizers"):
            return False
        marked = latest
    return True


def _attributes(call: Call, old: Obj, options: DeleteOptions) -> AdmissionAttributes:
    return AdmissionAttributes(
        operation=Operation.DELETE,
        gvr=call.resource.gvr,
        kind=call.resource.kind,
        name=call.name,
        namespace=call.admission_namespace(call.name),
        user=call.user,
        resource=call.resource,
        old_obj=old,
        dry_run=options.dry_run,
        options={"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", **options.raw},
        warnings=call.warnings,
        annotations=call.annotations,
    )


def _check_preconditions(call: Call, options: DeleteOptions, old: Obj) -> None:
    metadata = old["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        raise delete_options.conflict(call, precondition_failed("UID", options.uid, metadata["uid"]))
    if options.resource_version and options.resource_version != metadata["resourceVersion"]:
        text = precondition_failed("ResourceVersion", options.resource_version, metadata["resourceVersion"])
        raise delete_options.conflict(call, text)


def plan(obj: Obj, call: Call, options: DeleteOptions, now: datetime) -> Next:
    """Decide what the DELETE does and mark `obj` accordingly."""
    if call.resource.plural == "namespaces" and not call.resource.group:
        return _plan_namespace(obj, call, options, now)
    metadata: Obj = obj["metadata"]
    hold = call.resource.strategy.hold
    if hold is not None and not metadata.get("deletionTimestamp"):
        hold(obj, now)
        return Next.MARK
    graceful = call.resource.strategy.grace_period is not None
    if graceful and metadata.get("deletionGracePeriodSeconds") is not None:
        if not _shorten(metadata, options, now):
            return Next.NOTHING
    elif graceful and not metadata.get("deletionTimestamp"):
        _mark(obj, now, _grace(obj, call, options))
    else:
        graceful = False
    before = list(metadata.get("finalizers") or ())
    finalizers = _finalizers(metadata, call, options)
    _set_finalizers(metadata, finalizers)
    if graceful:
        waits = bool(finalizers) or metadata["deletionGracePeriodSeconds"] > 0
        return Next.MARK if waits else Next.MARK_AND_REMOVE
    if not finalizers:
        return Next.REMOVE
    if metadata.get("deletionTimestamp") and not metadata.get("deletionGracePeriodSeconds") and finalizers == before:
        return Next.NOTHING
    _mark_at_once(obj, now)
    return Next.MARK


def _grace(obj: Obj, call: Call, options: DeleteOptions) -> int:
    """Seconds the object may take to end."""
    requested = options.grace_period
    if requested is not None and requested < 0:
        requested = 1
    grace_of = call.resource.strategy.grace_period
    assert grace_of is not None, "only asked of kinds that end gracefully"
    return max(grace_of(obj, requested), 0)


def _shorten(metadata: Obj, options: DeleteOptions, now: datetime) -> bool:
    """A second DELETE may only shorten the grace period, and never to before now. False: it changes nothing."""
    running, requested = metadata["deletionGracePeriodSeconds"], options.grace_period
    if requested is None:
        return False
    requested = 1 if requested < 0 else requested
    if requested >= running:
        return False
    began = parse_time(metadata["deletionTimestamp"]) - timedelta(seconds=running)
    ends = began + timedelta(seconds=requested)
    if ends < now:
        ends, requested = now, min(requested, 1)
    metadata["deletionTimestamp"] = timestamp(ends)
    metadata["deletionGracePeriodSeconds"] = requested
    return True


def _mark(obj: Obj, now: datetime, grace: int) -> None:
    """Being deleted is a change of what the object asks for, so it counts as a generation."""
    metadata = obj["metadata"]
    metadata["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
    metadata["deletionGracePeriodSeconds"] = grace
    if metadata.get("generation", 0) > 0:
        metadata["generation"] += 1


def _mark_at_once(obj: Obj, now: datetime) -> None:
    """Mark an object that only its finalizers hold."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp"):
        _mark(obj, now, 0)
    elif parse_time(metadata["deletionTimestamp"]) > now:
        metadata["deletionTimestamp"] = timestamp(now)
    metadata["deletionGracePeriodSeconds"] = 0


def _finalizers(metadata: Obj, call: Call, options: DeleteOptions) -> list[str]:
    """The finalizers after propagation is taken into account."""
    finalizers: list[str] = list(metadata.get("finalizers") or ())
    others = [name for name in finalizers if name not in (_ORPHAN, _FOREGROUND)]
    match options.propagation:
        case "Orphan":
            return [*others, _ORPHAN]
        case "Foreground":
            return [*others, _FOREGROUND]
        case "Background":
            return others
    if _ORPHAN in finalizers or _FOREGROUND in finalizers:
        return finalizers
    return [*others, _ORPHAN] if call.resource.strategy.default_propagation == "Orphan" else finalizers


def _set_finalizers(metadata: Obj, finalizers: list[str]) -> None:
    if finalizers == (metadata.get("finalizers") or []):
        return
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)


def _plan_namespace(obj: Obj, call: Call, options: DeleteOptions, now: datetime) -> Next:
    """A Namespace ends when its controller has emptied it and removed spec.finalizers."""
    metadata = obj["metadata"]
    held = (obj.get("spec") or {}).get("finalizers") or metadata.get("finalizers")
    phase = (obj.get("status") or {}).get("phase")
    if metadata.get("deletionTimestamp") and phase == "Terminating":
        return Next.NOTHING if held else Next.REMOVE
    if options.propagation in ("Orphan", "Foreground"):
        _set_finalizers(metadata, _finalizers(metadata, call, options))
        held = held or metadata.get("finalizers")
    metadata["deletionTimestamp"] = metadata.get("deletionTimestamp") or timestamp(now)
    obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    return Next.MARK if held else Next.REMOVE
