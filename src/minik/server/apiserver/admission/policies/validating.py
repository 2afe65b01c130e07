"""ValidatingAdmissionPolicy: writes are held to rules in CEL, which deny, warn or leave a mark in the audit log.

https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from dataclasses import dataclass, field

import orjson

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.expressions import Inputs
from minik.server.apiserver.admission.matching import is_exempt
from minik.server.apiserver.admission.plugin import CONNECT, CREATE, DELETE, UPDATE, Plugin, refuse
from minik.server.apiserver.admission.policies.compiled import compiled
from minik.server.apiserver.admission.policies.configuration import Binding, Policy
from minik.server.apiserver.admission.policies.decisions import Denial, decide
from minik.server.apiserver.admission.policies.selection import Application, Selection
from minik.server.apiserver.admission.policy_metrics import PolicyMetrics

_FAILURE_KEY = "validation.policy.admission.k8s.io/validation_failure"
_MAX_ANNOTATION = 10 * 1024  # characters of one audit annotation
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}


@dataclass(slots=True)
class _Result:
    """What all policies together say about one write."""

    denied: list[tuple[str, str]] = field(default_factory=list)  # (message, reason), the first one is answered
    published: Obj | None = None  # the first failure only: audit annotations are not overwritten
    annotations: dict[str, list[str]] = field(default_factory=dict)

    def deny(self, policy: Policy, binding: Binding | None, denial: Denial) -> None:
        by = f" with binding '{binding.name}'" if binding else ""
        text = f"ValidatingAdmissionPolicy '{policy.name}'{by} denied request: {denial.message}"
        self.denied.append((text, denial.reason or "Invalid"))


class ValidatingAdmissionPolicy(Plugin):
    name = "ValidatingAdmissionPolicy"
    operations = frozenset({CREATE, UPDATE, DELETE, CONNECT})
    resources = None

    def __init__(self, selection: Selection, inputs: Inputs, metrics: PolicyMetrics) -> None:
        self._selection = selection
        self._inputs = inputs
        self._metrics = metrics

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if not self._selection.policies or is_exempt(attributes):
            return
        result = _Result()

        def fail(policy: Policy, binding: Binding | None, text: str) -> None:
            if not policy.ignore_failures:
                result.deny(policy, binding, Denial(0, text))

        for application in self._selection.of(attributes, fail):
            await self._apply(application, attributes, result)
        _publish(attributes, result)
        if result.denied:
            raise _refusal(attributes, *result.denied[0])

    async def _apply(self, application: Application, attributes: AdmissionAttributes, result: _Result) -> None:
        policy, binding = application.policy, application.binding
        bindings = await self._inputs.of(attributes, application.resource, application.param)
        operation = attributes.operation.value

        def observe(seconds: float, errors: int) -> None:
            self._metrics.conditions(policy.name, "policy", "validate", operation, seconds, errors)

        outcome = decide(compiled(policy), bindings, ignore_failures=policy.ignore_failures, observe=observe)
        actions = binding.spec.get("validationActions") or ()
        for denial in outcome.denials:
            if "Deny" in actions:
                result.deny(policy, binding, denial)
            if "Audit" in actions and result.published is None:
                result.published = _failure(policy, binding, denial)
            if "Warn" in actions:
                _warn(attributes, policy, binding, denial)
            for action in actions:
                self._metrics.validation(policy.name, binding.name, denial.message, action.lower(), denial.seconds)
        for denial in outcome.broken:
            result.deny(policy, binding, denial)
            self._metrics.validation(policy.name, binding.name, denial.message, "deny", denial.seconds)
        for denial in outcome.ignored:
            self._metrics.validation(policy.name, binding.name, denial.message, "allow", denial.seconds)
        for key, value in outcome.annotations:
            values = result.annotations.setdefault(f"{policy.name}/{key}", [])
            if value not in values:
                values.append(value[:_MAX_ANNOTATION])


def _warn(attributes: AdmissionAttributes, policy: Policy, binding: Binding, denial: Denial) -> None:
    text = (
        f"Validation failed for ValidatingAdmissionPolicy '{policy.name}' with binding '{binding.name}': "
        f"{denial.message}"
    )
    if text not in attributes.warnings:
        attributes.warnings.append(text)


def _failure(policy: Policy, binding: Binding, denial: Denial) -> Obj:
    return {
        "message": denial.message,
        "policy": policy.name,
        "binding": binding.name,
        "expressionIndex": denial.index,
        "validationActions": binding.spec.get("validationActions") or [],
    }


def _publish(attributes: AdmissionAttributes, result: _Result) -> None:
    if result.published is not None:
        attributes.annotations[_FAILURE_KEY] = orjson.dumps([result.published]).decode()
    for key, values in result.annotations.items():
        attributes.annotations[key] = ", ".join(values)


def _refusal(attributes: AdmissionAttributes, text: str, reason: str) -> StatusError:
    error = refuse(attributes, text)
    error.reason, error.code = reason, _CODES.get(reason, 422)
    error.details = {**(error.details or {}), "causes": [{"message": text}]}
    return error
