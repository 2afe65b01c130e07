"""PUT, and the compare-and-swap loop under every change of an existing object.

    change -> default -> owner of fields -> mutating admission -> default -> allocate -> carry over -> prepare
           -> validate -> validating admission -> store, or start over when somebody else was faster

Upstream: apiserver's handlers/update.go, registry/rest/update.go and registry/generic/registry/store.go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from minik.api import names
from minik.api.object_meta import validate_finalizers, validate_object_meta, validate_object_meta_update
from minik.api.request import Response
from minik.api.scheme import Strategy
from minik.api.status import OPTIMISTIC_LOCK, StatusError, conflict
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid, invalid_value
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.encryption.decrypted import is_outdated
from minik.server.apiserver.registry import answer, ownership, write_options
from minik.server.apiserver.registry.body import match_name, match_namespace, read_object
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import attributes_of, create_object
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.metadata import (
    bump_generation,
    carry_over,
    ordered,
    without_duplicate_owners,
)
from minik.server.apiserver.registry.read_options import version_problem
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.write_options import WriteOptions
from minik.store.store import KeyValue

Change = Callable[[Obj], Awaitable[Obj]]
"""From the current object (shared, read-only) to a new one of the caller's own."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an update left: `stored` is None for a dry run or when the object is gone with this update."""

    stored: KeyValue | None
    obj: Obj


async def update(registry: Registry, call: Call) -> Response:
    options = write_options.parse(call, "UpdateOptions")
    obj = read_object(call, call.resource, options.field_validation)
    match_namespace(call, obj)
    match_name(call, obj)
    strategy = call.resource.strategy
    if strategy.create_on_update and registry.storage.get(call.resource, call.namespace, call.name) is None:
        obj["metadata"].pop("resourceVersion", None)
        stored, obj = await create_object(registry, call, obj, options)
        return answer.one(registry, call, 201, stored, obj)
    written = await update_object(registry, call, replace_with(obj), options, strategy)
    return answer.one(registry, call, 200, written.stored, written.obj)


def replace_with(obj: Obj) -> Change:
    """The change a PUT asks for. A repeated attempt starts from what the client sent."""
    sent = orjson.dumps(obj)
    fresh: list[Obj] = [obj]

    async def change(_: Obj) -> Obj:
        return fresh.pop() if fresh else orjson.loads(sent)

    return change


async def update_object(
    registry: Registry,
    call: Call,
    change: Change,
    options: WriteOptions,
    strategy: Strategy,
    *,
    subresource: str = "",
    owned: bool = False,
    admit: bool = True,
) -> Written:
    """Change the object the call names until nobody interferes.

    `owned`: `change` keeps managedFields itself. `admit` off skips admission (the server's own writes).
    Raises StatusError: not found, conflict, invalid, forbidden by admission.
    """
    layout = registry.layout(call.resource)
    while True:
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        await registry.readable(call.resource, [current])
        old = layout.decode(current)
        new = await change(old)
        _check_versions(call, new, old, strategy)
        if call.info.verb == "update":
            _drop_duplicate_owners(call, new, admitted=False)
        strategy.default(new)
        if not owned:
            new = ownership.record(registry, call, old, new, options.field_manager, strategy, subresource)
        attributes = attributes_of(call, Operation.UPDATE, new, old, options)
        if admit:
            await registry.admission.mutate(attributes)
            new = attributes.obj or new
            strategy.default(new)
        _drop_duplicate_owners(call, new, admitted=True)
        allocator = None if subresource else registry.allocator(call.resource)
        undo = await allocator.allocate(new, old, dry_run=options.dry_run) if allocator else None
        written: Written | None = None
        cancelled = False
        try:
            _prepare(new, old, strategy)
            _validate(call, new, old, strategy)
            strategy.canonicalize(new)
            for text in strategy.warn(new, old):
                call.warn(text)
            attributes.obj = new
            if admit:
                await registry.admission.validate(attributes)
            written = await _store(registry, call, current, new, old, dry_run=options.dry_run)
        except asyncio.CancelledError:
            cancelled = True  # the write may still happen, see create.py
            raise
        finally:
            if undo is not None and not cancelled and (written is None or written.stored in (None, current)):
                await undo()
        if written is not None:
            return written


def _check_versions(call: Call, new: Obj, old: Obj, strategy: Strategy) -> None:
    """The preconditions in the object itself: uid (of a PUT; a patch must not change it) and resourceVersion."""
    resource, metadata, before = call.resource, new["metadata"], old["metadata"]
    uid = metadata.get("uid", "")
    if call.info.verb == "update" and uid and uid != before["uid"]:
        raise conflict(resource.error_group, resource.plural, call.name, uid_mismatch(call, uid, before["uid"]))
    version = metadata.get("resourceVersion", "")
    if version in ("", "0"):
        if not (strategy.unconditional_update and resource.strategy.unconditional_update):  # its subresources: as it
            error = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
            # its plural, as upstream's store says
            raise invalid(resource.error_group, resource.plural, call.name, [error])
        metadata["resourceVersion"] = before["resourceVersion"]
    elif version != before["resourceVersion"]:
        if problem := version_problem(version):
            raise StatusError(500, "", f'strconv.ParseUint: parsing "{version}": {problem}')
        raise conflict(resource.error_group, resource.plural, call.name, OPTIMISTIC_LOCK)


def _drop_duplicate_owners(call: Call, obj: Obj, *, admitted: bool) -> None:
    for text in without_duplicate_owners(obj, admitted=admitted):
        call.warn(text)


def uid_mismatch(call: Call, wanted: str, actual: str) -> str:
    """What the storage says about a uid that is not the object's."""
    key = object_key(call.resource, call.namespace, call.name).decode()
    return (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
    )


def _prepare(new: Obj, old: Obj, strategy: Strategy) -> None:
    carry_over(new, old)
    strategy.prepare_update(new, old)
    bump_generation(new, old, strategy)


def _validate(call: Call, new: Obj, old: Obj, strategy: Strategy) -> None:
    resource = call.resource
    errors = _validate_metadata(call, new["metadata"], old["metadata"], strategy)
    for error in strategy.validate_update(new, old):
        if error.tolerated:
            call.warn(str(error))
        else:
            errors.append(error)
    if errors:
        raise invalid(resource.error_group, new.get("kind") or resource.kind, call.name, errors)


def _validate_metadata(call: Call, new: Obj, old: Obj, strategy: Strategy) -> list[FieldError]:
    """Upstream looks at metadata for every kind as at a new object and as at an update, then once more for the kind.

    What is wrong is told as often as it is found, so the rare complaint is made in full and the usual case is quick.
    """
    resource, kube = call.resource, call.resource.kube_finalizers
    quick = validate_object_meta_update(new, old, kube_finalizers=kube)
    quick += validate_finalizers(new.get("finalizers"), "")
    if not quick and new.get("generateName") == old.get("generateName"):
        return []

    def check(which: str, *, own: bool) -> list[FieldError]:
        if which == "update":
            return validate_object_meta_update(new, old, kube_finalizers=own and kube)
        rule = (strategy.name_errors or names.subdomain_name) if own else names.path_segment_name
        return validate_object_meta(new, namespaced=resource.namespaced, name_errors=rule, kube_finalizers=own and kube)

    errors = check("create", own=False) + check("update", own=False)
    for which in strategy.metadata_checks:
        errors += check(which, own=True)
    return errors


async def _store(
    registry: Registry, call: Call, current: KeyValue, new: Obj, old: Obj, *, dry_run: bool
) -> Written | None:
    """Write `new` over `current`. None: somebody else was faster."""
    resource, layout = call.resource, registry.layout(call.resource)
    allocator = registry.allocator(resource)
    new["metadata"] = ordered(new["metadata"])
    if ownership.unchanged(new, old) and not is_outdated(current):
        return Written(current, old)
    if is_gone(new):
        revision = 0 if dry_run else await registry.storage.remove(current)
        if revision is None:
            return None
        new["metadata"]["resourceVersion"] = str(revision or old["metadata"]["resourceVersion"])
        if allocator and not dry_run:
            await allocator.release(None, old)
        return Written(None, new)
    if dry_run:
        return Written(None, new)
    stored = await registry.storage.replace(resource, current, await registry.encoded(resource, new))
    if stored is None:
        return None
    await registry.readable(resource, [stored])
    new["metadata"]["resourceVersion"] = str(stored.mod_revision)
    layout.remember(stored, new)
    if allocator:
        await allocator.release(new, old)
    return Written(stored, new)


def is_gone(obj: Obj) -> bool:
    """True for an object that is being deleted and that nothing holds any more."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1":
        return not (obj.get("spec") or {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")
