"""`pods/binding` and the old `bindings`: a scheduler gives a Pod its node.

Upstream: registry/core/pod/storage BindingREST. The Pod is written directly: no defaults, no managedFields, no
second admission, because this is the hot path of scheduling.
"""

from dataclasses import replace

from minik.api.request import Response
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request, conflict
from minik.api.types import Obj
from minik.api.validation import FieldError, not_supported, required
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.registry import answer, write_options
from minik.server.apiserver.registry.body import match_namespace, read_object
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import attributes_of
from minik.server.apiserver.registry.metadata import ordered, timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.update import uid_mismatch

_SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def bind_pod(registry: Registry, call: Call) -> Response:
    """POST pods/<name>/binding."""
    binding_kind = registry.scheme.get("", "v1", "bindings")
    assert binding_kind is not None
    return await _bind(registry, call, call.resource, binding_kind, call.name)


async def create_binding(registry: Registry, call: Call) -> Response:
    """POST bindings: the Pod is the one the Binding is named after."""
    pods = registry.scheme.get("", "v1", "pods")
    assert pods is not None
    return await _bind(registry, call, pods, call.resource, "")


async def _bind(registry: Registry, call: Call, pods: Resource, kind: Resource, name: str) -> Response:
    options = write_options.parse(call, "CreateOptions")
    binding = read_object(call, kind, options.field_validation)
    match_namespace(call, binding)
    given = binding["metadata"].get("name", "")
    if name and given != name:
        raise bad_request("name in URL does not match name in Binding object")
    call = replace(call, resource=pods, info=replace(call.info, name=given))
    attributes = attributes_of(call, Operation.CREATE, binding, None, options)
    attributes.kind, attributes.subresource = "Binding", "binding"
    await registry.admission.mutate(attributes)
    errors = _errors(binding)
    if errors:
        text = ", ".join(str(error) for error in errors)
        raise StatusError(500, "", f"[{text}]" if len(errors) > 1 else text)
    await registry.admission.validate(attributes)
    await _assign(registry, call, binding, dry_run=options.dry_run)
    return answer.document(call, 201, _SUCCESS)


def _errors(binding: Obj) -> list[FieldError]:
    target = binding.get("target") or {}
    errors: list[FieldError] = []
    if target.get("kind", "") not in ("", "Node"):
        errors.append(not_supported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        errors.append(required("target.name"))
    return errors


async def _assign(registry: Registry, call: Call, binding: Obj, *, dry_run: bool) -> None:
    if not call.name:
        raise bad_request("Name parameter required.")
    layout = registry.layout(call.resource)
    while True:
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        pod: Obj = layout.fresh(current)
        _check(call, binding, pod)
        _set_node(pod, binding, timestamp(registry.now()))
        if dry_run:
            return
        stored = await registry.storage.replace(call.resource, current, layout.encode(pod))
        if stored is not None:
            pod["metadata"]["resourceVersion"] = str(stored.mod_revision)
            layout.remember(stored, pod)
            return


def _check(call: Call, binding: Obj, pod: Obj) -> None:
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    uid, version = binding["metadata"].get("uid", ""), binding["metadata"].get("resourceVersion", "")
    if uid and uid != metadata["uid"]:
        raise conflict("", "pods", call.name, uid_mismatch(call, uid, metadata["uid"]))
    if version and version != metadata["resourceVersion"]:
        text = f"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: "
        raise conflict("", "pods", call.name, text + metadata["resourceVersion"])
    if metadata.get("deletionTimestamp"):
        text = f"pod {call.name} is being deleted, cannot be assigned to a host"
        raise conflict("", "pods/binding", call.name, text)
    if spec.get("nodeName"):
        text = f'pod {call.name} is already assigned to node "{spec["nodeName"]}"'
        raise conflict("", "pods/binding", call.name, text)
    if spec.get("schedulingGates"):
        raise conflict("", "pods/binding", call.name, f"pod {call.name} has non-empty .spec.schedulingGates")


def _set_node(pod: Obj, binding: Obj, now: str) -> None:
    """The node, what the Binding adds to labels and annotations, and the condition PodScheduled; no nomination."""
    pod["spec"]["nodeName"] = binding["target"]["name"]
    metadata = pod["metadata"]
    for key in ("annotations", "labels"):
        added = binding["metadata"].get(key)
        if added:
            metadata[key] = {**(metadata.get(key) or {}), **added}
    pod["metadata"] = ordered(metadata)
    status = pod.setdefault("status", {})
    conditions = [c for c in status.get("conditions") or () if c.get("type") != "PodScheduled"]
    generation = metadata.get("generation", 0)
    scheduled: Obj = {"type": "PodScheduled"}
    if any("observedGeneration" in condition for condition in status.get("conditions") or ()):
        scheduled["observedGeneration"] = generation
    scheduled |= {"status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    status["conditions"] = [*conditions, scheduled]
    status.pop("nominatedNodeName", None)
