"""matchConditions: CEL expressions that all must be true for a webhook or policy to be meant.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from collections.abc import Sequence

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
from minik.server.apiserver.admission.plugin import refuse
from minik.server.apiserver.admission.webhooks.configuration import Webhook

_BUDGET = 2_500_000  # what all conditions of one webhook or policy may cost


class Conditions:
    """The conditions of one webhook or policy."""

    def __init__(self, conditions: Sequence[Obj], *, ignore: bool) -> None:
        self._expressions = [Expression(condition["expression"]) for condition in conditions]
        self._ignore = ignore

    def hold(self, bindings: Bindings) -> bool:
        """One that is false outweighs others that cannot be evaluated. Raises ExpressionError, unless ignored."""
        errors: list[str] = []
        if self._expressions:
            bindings.afford(_BUDGET)
        for expression in self._expressions:
            try:
                if expression.evaluate(bindings) is False:
                    return False
            except BudgetSpent as error:
                errors = [str(error)]
                break
            except ExpressionError as error:
                if str(error) not in errors:
                    errors.append(str(error))
        if not errors:
            return True
        if self._ignore:
            return False
        raise ExpressionError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


class WebhookConditions:
    """Implements `Conditions` of the webhook caller."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    async def hold(self, webhook: Webhook, attributes: AdmissionAttributes, resource: Resource) -> bool:
        conditions = webhook.state.get("conditions")
        if not isinstance(conditions, Conditions):
            conditions = Conditions(webhook.conditions, ignore=webhook.ignore_failures)
            webhook.state["conditions"] = conditions
        try:
            return conditions.hold(await self._inputs.of(attributes, resource, None))
        except ExpressionError as error:
            raise refuse(attributes, str(error)) from None
