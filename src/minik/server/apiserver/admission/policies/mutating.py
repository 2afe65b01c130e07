"""MutatingAdmissionPolicy: objects are changed by CEL expressions, without a webhook.

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
"""

from time import perf_counter
from typing import Any, NamedTuple

from minik.api.admission_cel import object_literals
from minik.api.admission_cel.object_literals import TypeMismatch
from minik.api.patch import json_patch_failure
from minik.api.patch.json_patch_failure import PatchFailed
from minik.api.schema import decode, strict
from minik.api.status import StatusError, internal_error
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.expressions import ExpressionError, Inputs
from minik.server.apiserver.admission.matching import is_exempt
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.admission.policies import object_patch
from minik.server.apiserver.admission.policies.compiled import Mutation, compiled
from minik.server.apiserver.admission.policies.configuration import Binding, Policy
from minik.server.apiserver.admission.policies.object_patch import NotApplicable
from minik.server.apiserver.admission.policies.selection import Application, Selection
from minik.server.apiserver.admission.policy_metrics import PolicyMetrics
from minik.server.apiserver.admission.reinvocation import CallerMemory
from minik.server.apiserver.admission.replacement import carries_own_kind, replace_object
from minik.server.apiserver.admission.versions import Conversions
from minik.server.apiserver.registry.shapes import shape_of


class _Failure(NamedTuple):
    """`reason` "" leaves the refusal a plain Forbidden."""

    policy: Policy
    binding: Binding | None
    text: str
    reason: str = ""

    @property
    def message(self) -> str:
        if self.binding is None:
            return f'policy "{self.policy.name}" denied request: {self.text}'
        return f"policy '{self.policy.name}' with binding '{self.binding.name}' denied request: {self.text}"


class MutatingAdmissionPolicy(Plugin):
    name = "MutatingAdmissionPolicy"
    operations = frozenset({CREATE, UPDATE, CONNECT})
    resources = None

    def __init__(self, selection: Selection, conversions: Conversions, inputs: Inputs, metrics: PolicyMetrics) -> None:
        self._selection = selection
        self._conversions = conversions
        self._inputs = inputs
        self._metrics = metrics

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if not self._selection.policies or is_exempt(attributes):
            return
        failures: list[_Failure] = []

        def fail(policy: Policy, binding: Binding | None, text: str) -> None:
            failures.append(_Failure(policy, binding, text))

        applications = list(self._selection.of(attributes, fail))
        if applications:
            memory = attributes.reinvocation.memory(self.name)
            if attributes.reinvocation.again:
                memory.began(attributes.obj)
            for application in applications:
                await self._apply(application, attributes, memory, failures)
            memory.seen(attributes.obj)
        _refuse(attributes, [failure for failure in failures if not failure.policy.ignore_failures])

    async def _apply(
        self,
        application: Application,
        attributes: AdmissionAttributes,
        memory: CallerMemory,
        failures: list[_Failure],
    ) -> None:
        policy = compiled(application.policy)

        names, operation = (application.policy.name, application.binding.name), attributes.operation.value

        def observe(seconds: float, errors: int) -> None:
            self._metrics.conditions(names[0], "policy", "validate", operation, seconds, errors)

        try:
            bindings = await self._inputs.of(attributes, application.resource, application.param)
            if not policy.conditions.hold(bindings, observe):
                return
        except ExpressionError as error:
            failures.append(_Failure(application.policy, application.binding, str(error), "Invalid"))
            return
        key = _key(application)
        if attributes.reinvocation.again and key not in memory.due:
            return
        memory.due.discard(key)
        for mutation in policy.mutations:
            if attributes.obj is None:
                break
            started = perf_counter()
            changed, failure = await self._tried(application, mutation, attributes)
            self._metrics.mutation(*names, failure, perf_counter() - started)
            if failure:
                failures.append(_Failure(application.policy, application.binding, failure, "Invalid"))
            elif changed:
                memory.changed()
                attributes.reinvocation.wanted = True
        if application.policy.spec.get("reinvocationPolicy") == "IfNeeded":
            memory.ran(key)

    async def _tried(
        self, application: Application, mutation: Mutation, attributes: AdmissionAttributes
    ) -> tuple[bool, str]:
        """Whether the object differs now, or what went wrong."""
        try:
            return await self._mutate(application, mutation, attributes), ""
        except TypeMismatch as error:
            return False, f"type mismatch: {error}"
        except (ExpressionError, PatchFailed, NotApplicable) as error:
            return False, str(error)
        except StatusError as error:
            self._metrics.mutation(application.policy.name, application.binding.name, str(error), 0.0)
            raise

    async def _mutate(self, application: Application, mutation: Mutation, attributes: AdmissionAttributes) -> bool:
        """Raises what can go wrong in the expression or its result. Tells whether the object differs now."""
        resource = application.resource
        bindings = await self._inputs.of(attributes, resource, application.param)
        value = mutation.expression.evaluate(bindings)
        convert = self._conversions.convert
        seen = await convert(attributes.obj, attributes.resource, resource)
        assert seen is not None
        if mutation.json_patch:
            try:
                new = json_patch_failure.apply(seen, operations(value))
            except json_patch_failure.UnmetTest:
                return False
            except PatchFailed as error:
                raise PatchFailed(f"JSON Patch: {error}") from None
            if carries_own_kind(attributes):
                _must_be_known(new, application)
        else:
            new = _merged(seen, value, attributes, application)
        if carries_own_kind(attributes):
            new = _pruned(new, application)
        return replace_object(attributes, await convert(new, resource, attributes.resource))


def _merged(seen: Obj, value: Any, attributes: AdmissionAttributes, application: Application) -> Obj:
    if not carries_own_kind(attributes):
        raise NotApplicable(f"ApplyConfiguration is not possible for {attributes.kind}")
    configuration = object_literals.plain(value)
    if not isinstance(configuration, dict):
        raise NotApplicable(f"unsupported return type from ApplyConfiguration expression: {type(value).__name__}")
    try:
        return object_patch.apply(seen, configuration, shape_of(application.resource))
    except NotApplicable as error:
        raise NotApplicable(f"error applying patch: {error}") from None


def operations(value: Any) -> list[Obj]:
    """The JSON patch an expression yields. Raises PatchFailed for what is none."""
    if not isinstance(value, list):
        raise PatchFailed("type mismatch: JSONPatchType.expression should evaluate to array")
    found = []
    for item in value:
        operation = object_literals.plain(item)
        if not isinstance(operation, dict):
            raise PatchFailed("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
        found.append(operation)
    return found


def _must_be_known(obj: Obj, application: Application) -> None:
    """Fields that a JSON patch sets must be of the kind; custom kinds leave that to their schema."""
    shape = shape_of(application.resource)
    unknown = [] if shape.custom else strict.complaints(obj, shape)
    if unknown:
        raise internal_error(f"strict decoding error: {', '.join(unknown)}")


def _pruned(obj: Obj, application: Application) -> Obj:
    resource = application.resource
    try:
        return {"kind": resource.kind, "apiVersion": resource.api_version} | decode.prune(obj, shape_of(resource))
    except StatusError as error:
        raise internal_error(error.message) from None


def _key(application: Application) -> tuple[str, str, str, str]:
    metadata = (application.param or {}).get("metadata") or {}
    return (application.policy.name, application.binding.name, metadata.get("namespace", ""), metadata.get("name", ""))


def _refuse(attributes: AdmissionAttributes, failures: list[_Failure]) -> None:
    if not failures:
        return
    plain = refuse(attributes, "")
    error = StatusError(plain.code, failures[0].reason or plain.reason, failures[0].message)
    error.details = {**(plain.details or {}), "causes": [{"message": failure.message} for failure in failures]}
    raise error
