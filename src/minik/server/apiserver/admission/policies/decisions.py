"""What a ValidatingAdmissionPolicy decides about one write with one parameter object.

Upstream: apiserver's admission/plugin/policy/validating/validator.go.
"""

from dataclasses import dataclass, field

from minik.server.apiserver.admission.expressions import Bindings, BudgetSpent, ExpressionError
from minik.server.apiserver.admission.policies.compiled import CompiledPolicy, Validation

_MAX_MESSAGE = 5 * 1024  # bytes a messageExpression may yield


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule that does not hold, or could not be evaluated. `index` is its place among the validations."""

    index: int
    message: str
    reason: str = ""


@dataclass(slots=True)
class Outcome:
    """`broken`: audit annotations that could not be made, which deny regardless of a binding's actions."""

    denials: list[Denial] = field(default_factory=list)
    annotations: list[tuple[str, str]] = field(default_factory=list)
    broken: list[Denial] = field(default_factory=list)


def decide(policy: CompiledPolicy, bindings: Bindings, *, ignore_failures: bool) -> Outcome:
    outcome = Outcome()
    try:
        if not policy.conditions.hold(bindings):
            return outcome
    except ExpressionError as error:
        outcome.denials.append(Denial(0, str(error)))
        return outcome
    bindings.afford()
    for index, rule in enumerate(policy.validations):
        try:
            holds = rule.expression.evaluate(bindings) is True
        except BudgetSpent as error:
            outcome.denials = [] if ignore_failures else [Denial(0, str(error))]
            return outcome
        except ExpressionError as error:
            if not ignore_failures:
                outcome.denials.append(Denial(index, str(error)))
            continue
        if not holds:
            outcome.denials.append(Denial(index, _message(rule, bindings), rule.reason))
    _annotate(policy, bindings, outcome, ignore_failures=ignore_failures)
    return outcome


def _message(rule: Validation, bindings: Bindings) -> str:
    """What the expression says, else the fixed message, else the rule itself."""
    said = ""
    if rule.message_expression is not None:
        try:
            value = rule.message_expression.evaluate(bindings)
        except ExpressionError:
            value = None
        said = value.strip() if isinstance(value, str) else ""
        if len(said.encode()) > _MAX_MESSAGE or "\n" in said:
            said = ""
    return said or rule.message.strip() or f"failed expression: {rule.expression.text.strip()}"


def _annotate(policy: CompiledPolicy, bindings: Bindings, outcome: Outcome, *, ignore_failures: bool) -> None:
    for key, expression in policy.annotations:
        try:
            value = expression.evaluate(bindings)
        except ExpressionError as error:
            if not ignore_failures:
                outcome.broken.append(Denial(0, str(error)))
            continue
        if value is None:
            continue
        if not isinstance(value, str):
            text = (
                f"valueExpression '{expression.text}' resulted in unsupported return type: {type(value).__name__}. "
                "Return type must be either string or null."
            )
            outcome.broken.append(Denial(0, text))
        elif value.strip():
            outcome.annotations.append((key, value.strip()))
