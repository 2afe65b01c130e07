"""What a ValidatingAdmissionPolicy decides about one write with one parameter object.

Upstream: apiserver's admission/plugin/policy/validating/validator.go.
"""

from dataclasses import dataclass, field
from time import perf_counter

from minik.server.apiserver.admission.conditions import Observe
from minik.server.apiserver.admission.expressions import Bindings, BudgetSpent, ExpressionError
from minik.server.apiserver.admission.policies.compiled import CompiledPolicy, Validation

_TYPE_NAMES = {bool: "bool", int: "int", float: "double", list: "list", dict: "map"}  # what CEL calls them
_MAX_MESSAGE = 5 * 1024  # bytes a messageExpression may yield


@dataclass(frozen=True, slots=True)
class Denial:
    """A rule that does not hold, or could not be evaluated. `index` is its place among the validations."""

    index: int
    message: str
    reason: str = ""
    seconds: float = 0.0  # that the rule took


@dataclass(slots=True)
class Outcome:
    """`broken`: audit annotations that could not be made, which deny regardless of a binding's actions.

    `ignored`: rules that could not be evaluated, which is nothing to refuse for.
    """

    denials: list[Denial] = field(default_factory=list)
    annotations: list[tuple[str, str]] = field(default_factory=list)
    broken: list[Denial] = field(default_factory=list)
    ignored: list[Denial] = field(default_factory=list)


def decide(
    policy: CompiledPolicy, bindings: Bindings, *, ignore_failures: bool, observe: Observe | None = None
) -> Outcome:
    """`observe` is told how long match conditions took."""
    outcome = Outcome()
    try:
        if not policy.conditions.hold(bindings, observe):
            return outcome
    except ExpressionError as error:
        outcome.denials.append(Denial(0, str(error)))
        return outcome
    bindings.afford()
    failed = outcome.ignored if ignore_failures else outcome.denials
    try:
        for index, rule in enumerate(policy.validations):
            _hold_to(rule, index, bindings, outcome.denials, failed)
    except BudgetSpent as error:
        return _all_failed(error, ignore_failures=ignore_failures)
    bindings.afford()
    try:
        _annotate(policy, bindings, outcome, ignore_failures=ignore_failures)
    except BudgetSpent as error:
        return _all_failed(error, ignore_failures=ignore_failures)
    return outcome


def _all_failed(error: BudgetSpent, *, ignore_failures: bool) -> Outcome:
    """What is too expensive as a whole tells nothing of its parts."""
    spent = [Denial(0, str(error))]
    return Outcome(ignored=spent) if ignore_failures else Outcome(denials=spent)


def _hold_to(rule: Validation, index: int, bindings: Bindings, denials: list[Denial], failed: list[Denial]) -> None:
    """Raises BudgetSpent."""
    started = perf_counter()
    try:
        holds = rule.expression.evaluate(bindings) is True
    except BudgetSpent:
        raise
    except ExpressionError as error:
        failed.append(Denial(index, str(error), seconds=perf_counter() - started))
        return
    if not holds:
        seconds = perf_counter() - started
        denials.append(Denial(index, _message(rule, bindings), rule.reason, seconds))


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
        except BudgetSpent:
            raise
        except ExpressionError as error:
            if not ignore_failures:
                outcome.broken.append(Denial(0, str(error)))
            continue
        if value is None:
            continue
        if not isinstance(value, str):
            kind = _TYPE_NAMES.get(type(value), "dyn")
            text = (
                f"valueExpression '{expression.text}' resulted in unsupported return type: {kind}. "
                "Return type must be either string or null."
            )
            outcome.broken.append(Denial(0, text))
        elif value.strip():
            outcome.annotations.append((key, value.strip()))
