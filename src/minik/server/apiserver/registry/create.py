"""POST: a new object.

    default -> owner of fields -> mutating admission -> default -> allocate -> prepare -> validate
            -> validating admission -> store

Upstream: apiserver's handlers/create.go and registry/rest/create.go.
"""

import asyncio

from minik.api import names
from minik.api.object_meta import validate_object_meta
from minik.api.request import Response
from minik.api.status import StatusError, already_exists, generate_name_conflict
from minik.api.types import Obj
from minik.api.validation import invalid
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation
from minik.server.apiserver.attributes import SUPERUSERS, Attributes
from minik.server.apiserver.authz.authorizer import refusal
from minik.server.apiserver.registry import answer, ownership, requester, write_options
from minik.server.apiserver.registry.body import match_namespace, read_object
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.registry.metadata import (
    fill_new,
    generate_name,
    ordered,
    without_duplicate_owners,
)
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.write_options import WriteOptions
from minik.store.store import KeyValue

_NAME_ATTEMPTS = 8  # names tried for one generateName


async def create(registry: Registry, call: Call) -> Response:
    options = write_options.parse(call, "CreateOptions")
    obj = read_object(call, call.resource, options.field_validation)
    match_namespace(call, obj)
    stored, obj = await create_object(registry, call, obj, options)
    return answer.one(registry, call, 201, stored, obj)


async def create_object(
    registry: Registry, call: Call, obj: Obj, options: WriteOptions, *, owned: bool = False
) -> tuple[KeyValue | None, Obj]:
    """Take a decoded object through admission and validation and store it.

    `owned`: its managedFields are up to date already. Returns the stored value (None: dry run) and the object.
    """
    strategy = call.resource.strategy
    _drop_duplicate_owners(call, obj, admitted=False)
    strategy.default(obj)
    if not owned:
        obj = ownership.record(registry, call, None, obj, options.field_manager, strategy, "")
    attributes = attributes_of(call, Operation.CREATE, obj, None, options)
    await registry.admission.mutate(attributes)
    obj = attributes.obj or obj
    _drop_duplicate_owners(call, obj, admitted=True)
    strategy.default(obj)
    fill_new(obj, call.resource, call.namespace, registry.now())
    generated = not obj["metadata"].get("name") and bool(obj["metadata"].get("generateName"))
    if generated:
        obj["metadata"]["name"] = generate_name(obj["metadata"]["generateName"])
    requester.stamp(call, obj)
    allocator = registry.allocator(call.resource)
    undo = await allocator.allocate(obj, None, dry_run=options.dry_run) if allocator else None
    try:
        for text in strategy.warn_sent(obj):
            call.warn(text)
        strategy.prepare_create(obj)
        _validate(call, obj)
        strategy.canonicalize(obj)
        for text in strategy.warn(obj, None):
            call.warn(text)
        attributes.obj, attributes.name = obj, obj["metadata"].get("name", "")
        if call.info.verb != "create":
            await _check_permission(registry, call)
        await registry.admission.validate(attributes)
        obj["metadata"] = ordered(obj["metadata"])
        written = await _store(registry, call, obj, generated=generated, dry_run=options.dry_run)
    except asyncio.CancelledError:
        raise  # the write may still happen: better to lose what was handed out than to hand it out twice
    except BaseException:
        if undo is not None:
            await undo()
        raise
    effect = registry.effects.get((call.resource.group, call.resource.plural))
    if effect is not None and written[0] is not None:
        await effect(written[1])
    return written


async def _check_permission(registry: Registry, call: Call) -> None:
    """Who may write to an object may not make it for that, be it by a PUT or by applying. Raises StatusError 403."""
    if registry.authorize is None or SUPERUSERS in call.user.groups:
        return
    info, resource = call.info, call.resource
    question = Attributes(
        user=call.user,
        verb="create",
        path=info.path,
        resource_request=True,
        namespace=info.namespace,
        api_group=resource.group,
        api_version=resource.version,
        resource=resource.plural,
        name=call.name,
    )
    decision = await registry.authorize(question)
    if not decision.allowed:
        raise refusal(question, decision.reason)


def attributes_of(
    call: Call, operation: Operation, obj: Obj | None, old: Obj | None, options: WriteOptions
) -> AdmissionAttributes:
    name = call.name
    if obj is not None and not name:
        name = obj["metadata"].get("name", "")
    return AdmissionAttributes(
        operation=operation,
        gvr=call.resource.gvr,
        kind=call.resource.kind,
        name=name,
        namespace=call.admission_namespace(name),
        user=call.user,
        resource=call.resource,
        subresource=call.info.subresource,
        obj=obj,
        old_obj=old,
        dry_run=options.dry_run,
        options=options.raw,
        warnings=call.warnings,
        annotations=call.annotations,
    )


def _check_resource_version(obj: Obj) -> None:
    """It is the storage that refuses one, so a dry run does not get there, and what is no version counts as none."""
    version = obj["metadata"].get("resourceVersion", "")
    if version.isascii() and version.isdigit() and int(version):
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")


def _drop_duplicate_owners(call: Call, obj: Obj, *, admitted: bool) -> None:
    for text in without_duplicate_owners(obj, admitted=admitted):
        call.warn(text)


def _validate(call: Call, obj: Obj) -> None:
    resource = call.resource
    errors = validate_object_meta(
        obj["metadata"],
        namespaced=resource.namespaced,
        name_errors=resource.strategy.name_errors or names.subdomain_name,
        kube_finalizers=resource.kube_finalizers,
    )
    errors += resource.strategy.validate(obj)
    if errors:
        raise invalid(resource.error_group, obj.get("kind") or resource.kind, obj["metadata"].get("name", ""), errors)


def _taken(registry: Registry, call: Call, obj: Obj) -> StatusError:
    """Upstream takes any name for a generated one where there is a generateName."""
    resource, metadata = call.resource, obj["metadata"]
    refused = generate_name_conflict if metadata.get("generateName") else already_exists
    error = refused(resource.error_group, resource.plural, metadata["name"])
    present = registry.storage.get(resource, call.namespace, metadata["name"])
    if present is not None and registry.layout(resource).decode(present)["metadata"].get("deletionTimestamp"):
        error.message = f"object is being deleted: {error.message}"
    return error


async def _store(
    registry: Registry, call: Call, obj: Obj, *, generated: bool, dry_run: bool
) -> tuple[KeyValue | None, Obj]:
    resource, metadata = call.resource, obj["metadata"]
    layout = registry.layout(resource)
    if not dry_run:
        _check_resource_version(obj)
    for _ in range(_NAME_ATTEMPTS if generated else 1):
        key = object_key(resource, call.namespace, metadata["name"])
        if dry_run:
            if registry.storage.store.get(key) is None:
                return None, obj
        else:
            stored = await registry.storage.insert(resource, key, await registry.encoded(resource, obj))
            if stored is not None:
                await registry.readable(resource, [stored])
                metadata["resourceVersion"] = str(stored.mod_revision)
                obj["metadata"] = ordered(metadata)
                layout.remember(stored, obj)
                return stored, obj
        if generated:
            metadata["name"] = generate_name(metadata["generateName"])
    raise _taken(registry, call, obj)
