"""matchConditions: CEL expressions that all must be true for a webhook or policy to be meant.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from collections.abc import Callable, Sequence
from time import perf_counter

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.expressions import (
    Bindings,
    BudgetSpent,
    Expression,
    ExpressionError,
    Inputs,
)
from minik.server.apiserver.admission.metrics import ADMIT, VALIDATE
from minik.server.apiserver.admission.plugin import refuse
from minik.server.apiserver.admission.policy_metrics import PolicyMetrics
from minik.server.apiserver.admission.webhooks.configuration import Webhook

_BUDGET = 2_500_000  # what all conditions of one webhook or policy may cost

Observe = Callable[[float, int], None]
"""(seconds, how many could not be evaluated)"""


class Conditions:
    """The conditions of one webhook or policy."""

    def __init__(self, conditions: Sequence[Obj], *, ignore: bool) -> None:
        self._expressions = [Expression(condition["expression"]) for condition in conditions]
        self._ignore = ignore

    def hold(self, bindings: Bindings, observe: Observe | None = None) -> bool:
        """One that is false outweighs others that cannot be evaluated. Raises ExpressionError, unless ignored."""
        if not self._expressions:
            return True
        started = perf_counter()
        bindings.afford(_BUDGET)
        failures: list[str] = []
        try:
            errors = self._errors(bindings, failures)
        finally:
            if observe is not None:
                observe(perf_counter() - started, len(failures))
        if not errors:
            return errors is not None
        if self._ignore:
            return False
        raise ExpressionError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")

    def _errors(self, bindings: Bindings, failures: list[str]) -> list[str] | None:
        """What the refusal has to tell; None: one condition is false. `failures` takes all that went wrong."""
        for expression in self._expressions:
            try:
                if expression.evaluate(bindings) is False:
                    return None
            except BudgetSpent as error:
                return [str(error)]
            except ExpressionError as error:
                failures.append(str(error))
        return list(dict.fromkeys(failures))


class WebhookConditions:
    """Implements `Conditions` of the webhook caller."""

    def __init__(self, inputs: Inputs, metrics: PolicyMetrics) -> None:
        self._inputs = inputs
        self._metrics = metrics

    async def hold(
        self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource, *, mutating: bool
    ) -> bool:
        conditions = webhook.state.get("conditions")
        if not isinstance(conditions, Conditions):
            conditions = Conditions(webhook.conditions, ignore=webhook.ignore_failures)
            webhook.state["conditions"] = conditions
        step, operation = ADMIT if mutating else VALIDATE, attributes.operation.value

        def observe(seconds: float, errors: int) -> None:
            self._metrics.conditions(webhook.name, "webhook", step, operation, seconds, errors)

        try:
            meant = conditions.hold(await self._inputs.of(attributes, resource, None), observe)
        except ExpressionError as error:
            raise refuse(attributes, str(error)) from None
        if not meant:
            self._metrics.excluded(webhook.name, "admit" if mutating else "validate", operation)
        return meant
