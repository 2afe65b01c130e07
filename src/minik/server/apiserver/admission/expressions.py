"""CEL expressions of webhooks and policies, and what they see of a write.

Variables: object, oldObject, request, namespaceObject, params, authorizer, variables. The engine is loaded with the
first expression. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from minik.api.admission_cel import authorizer
from minik.api.admission_cel.authorizer import Answer, Ask, Question
from minik.api.admission_cel.variables import inlined, mentioned
from minik.api.scheme import Resource
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.matching import Matcher
from minik.server.apiserver.admission.versions import Conversions
from minik.server.apiserver.admission.webhooks.review import admission_request
from minik.server.apiserver.attributes import Attributes, Authorize, Decision

_NOT_IN_REQUEST = ("uid", "object", "oldObject")
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


class ExpressionError(Exception):
    """An expression could not be evaluated. The text is the one to show."""


class BudgetSpent(ExpressionError):
    """Nor can those after it."""


@dataclass(slots=True)
class Bindings:
    """What expressions see: values by name, and whom `authorizer` asks.

    `budget`: what evaluating them may cost; None: it is not known yet. `activation`, `measured`: what the engine and
    the budget made of the values for the first expression.
    """

    values: Mapping[str, Any]
    ask: Ask
    activation: Any = None
    measured: Any = None
    budget: Any = None

    def afford(self, cost: int | None = None) -> None:
        """Give the expressions that follow a budget of their own: `cost` None is what a policy has."""
        from minik.api.cel.budget import PER_REQUEST, Budget

        self.budget = Budget(PER_REQUEST if cost is None else cost)


class Expression:
    """One expression, compiled when it is first needed. `variables`: those it may use, as they are declared."""

    __slots__ = ("_program", "_variables", "text")

    def __init__(self, text: str, variables: Mapping[str, str] = NO_VARIABLES) -> None:
        self.text = text
        self._variables = variables
        self._program: Any = None

    def evaluate(self, bindings: Bindings) -> Any:
        """The value as JSON has it. Raises ExpressionError."""
        from minik.api.cel.budget import OutOfBudget  # brings the engine
        from minik.api.cel.engine import CelError
        from minik.api.cel.interpreter import TooExpensive

        try:
            with authorizer.asking(bindings.ask):
                return self._value(bindings)
        except OutOfBudget as error:
            raise BudgetSpent(str(error)) from None
        except (TooExpensive, CelError) as error:
            raise ExpressionError(f"expression '{self.text}' resulted in error: {error}") from None

    def _value(self, bindings: Bindings) -> Any:
        """Raises CelError that says which variable is to blame, TooExpensive, OutOfBudget, ExpressionError."""
        from minik.api.admission_cel import environment
        from minik.api.cel.engine import CelError

        if self._program is None:
            try:
                source = inlined(self.text, self._variables)
                self._program = environment.compile_expression(source, environment.EVERYTHING)
            except CelError as error:
                raise ExpressionError(f"compilation error: compilation failed: {error}") from None
        try:
            return self._evaluated(bindings)
        except CelError as error:
            cause = self._failed_variable(bindings)
            raise (CelError(cause) if cause else error) from None

    def _evaluated(self, bindings: Bindings) -> Any:
        from minik.api.admission_cel import environment
        from minik.api.cel.budget import Budget, Values

        if bindings.activation is None:
            bindings.activation = environment.activation(bindings.values)
            bindings.measured = Values(bindings.values, bindings.values)
        if bindings.budget is None:
            bindings.budget = Budget()
        program, activation = self._program, bindings.activation
        return bindings.budget.evaluate(
            program, bindings.measured, lambda: environment.evaluate(program, activation, bindings.values)
        )

    def _failed_variable(self, bindings: Bindings) -> str:
        """Which variable made the expression fail, if one did."""
        from minik.api.cel.engine import CelError
        from minik.api.cel.interpreter import TooExpensive

        for name in mentioned(self.text, self._variables):
            try:
                Expression(self._variables[name], self._variables)._value(bindings)
            except (TooExpensive, CelError) as error:
                return f'composited variable "{name}" fails to evaluate: {error}'
        return ""


class Inputs:
    """Makes the variables of a write."""

    def __init__(self, matcher: Matcher, conversions: Conversions, authorize: Authorize) -> None:
        self._matcher = matcher
        self._conversions = conversions
        self._authorize = authorize

    async def of(self, attributes: AdmissionAttributes, resource: Resource, param: Obj | None) -> Bindings:
        """For the write taken as one of `resource`. Raises StatusError 404 when its namespace is gone."""
        convert = self._conversions.convert
        obj = await convert(attributes.obj, attributes.resource, resource)
        old = await convert(attributes.old_obj, attributes.resource, resource)
        request = admission_request(attributes, resource, "", None, None)
        for key in _NOT_IN_REQUEST:
            del request[key]
        values = {
            "object": obj,
            "oldObject": old,
            "request": request,
            "params": param,
            "namespaceObject": self._namespace(attributes),
            "authorizer": authorizer.authorizer(),
            "authorizer.requestResource": authorizer.request_resource(
                attributes.gvr.group,
                attributes.gvr.resource,
                attributes.subresource,
                attributes.namespace,
                attributes.name,
            ),
        }
        return Bindings(values, self._asker(attributes.user))

    def _namespace(self, attributes: AdmissionAttributes) -> Obj | None:
        """None for a Namespace, too, although admission says it lies in itself."""
        if not attributes.namespace or (attributes.resource.plural == "namespaces" and not attributes.resource.group):
            return None
        return self._matcher.namespace(attributes.namespace)

    def _asker(self, user: UserInfo) -> Ask:
        def ask(question: Question) -> Answer:
            decision = _decided(self._authorize(_attributes(question, user)))
            return Answer(decision.allowed, decision.reason)

        return ask


def _attributes(question: Question, user: UserInfo) -> Attributes:
    if question.account is not None:
        user = _service_account(*question.account)
    if question.path:
        return Attributes(user=user, verb=question.verb, path=question.path)
    return Attributes(
        user=user,
        verb=question.verb,
        resource_request=True,
        namespace=question.namespace,
        api_group=question.group,
        api_version="*",
        resource=question.resource,
        subresource=question.subresource,
        name=question.name,
        label_selector=question.label_selector,
        field_selector=question.field_selector,
    )


def _service_account(namespace: str, name: str) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)


def _decided(asking: Any) -> Decision:
    """The answer of an authorizer, which decides from memory and so never waits."""
    coroutine = cast("Coroutine[Any, Any, Decision]", asking)
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast("Decision", finished.value)
    coroutine.close()
    raise RuntimeError("authorization had to wait inside an expression")
