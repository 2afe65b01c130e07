"""`authorizer` in expressions: who may do what, asked while the expression is evaluated.

Its values are maps that remember the question so far; only `check` asks. Whom it asks is set by `asking` around the
evaluation. https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from minik.api.cel.function import AUTHORIZER, DECISION, GROUP_CHECK, PATH_CHECK, RESOURCE_CHECK, Function

Value = Mapping[str, Any]


class Question(NamedTuple):
    """One check. `path` set: about a path outside the resource API. `account`: (namespace, name) to ask about."""

    verb: str
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""
    account: tuple[str, str] | None = None


class Answer(NamedTuple):
    allowed: bool
    reason: str = ""
    error: str = ""


Ask = Callable[[Question], Answer]
_ask: ContextVar[Ask] = ContextVar("authorizer")


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Answer the checks of the expressions evaluated inside."""
    token = _ask.set(ask)
    try:
        yield
    finally:
        _ask.reset(token)


def authorizer() -> dict[str, Any]:
    """The variable `authorizer`."""
    return {"authorizer": "user"}


def request_resource(group: str, resource: str, subresource: str, namespace: str, name: str) -> dict[str, Any]:
    """The variable `authorizer.requestResource`."""
    given = {"subresource": subresource, "namespace": namespace, "name": name}
    return {"group": group, "resource": resource, **{key: value for key, value in given.items() if value}}


def _with(field: str) -> Callable[[Value, str], Value]:
    def extend(value: Value, given: str) -> Value:
        return {**value, field: given}

    return extend


def _service_account(value: Value, namespace: str, name: str) -> Value:
    return {**value, "account_namespace": namespace, "account_name": name}


def _check(value: Value, verb: str) -> Value:
    account = (value["account_namespace"], value["account_name"]) if "account_name" in value else None
    fields = {name: value[name] for name in Question._fields if name in value}
    answer = _ask.get()(Question(verb=verb, account=account, **fields))
    return answer._asdict()


_FIELDS = (
    (AUTHORIZER, "path", "path", PATH_CHECK),
    (AUTHORIZER, "group", "group", GROUP_CHECK),
    (GROUP_CHECK, "resource", "resource", RESOURCE_CHECK),
    (RESOURCE_CHECK, "subresource", "subresource", RESOURCE_CHECK),
    (RESOURCE_CHECK, "namespace", "namespace", RESOURCE_CHECK),
    (RESOURCE_CHECK, "name", "name", RESOURCE_CHECK),
    (RESOURCE_CHECK, "fieldSelector", "field_selector", RESOURCE_CHECK),
    (RESOURCE_CHECK, "labelSelector", "label_selector", RESOURCE_CHECK),
)

FUNCTIONS = (
    *(Function(name, (of, "string"), result, _with(field)) for of, name, field, result in _FIELDS),
    Function("serviceAccount", (AUTHORIZER, "string", "string"), AUTHORIZER, _service_account),
    Function("check", (PATH_CHECK, "string"), DECISION, _check),
    Function("check", (RESOURCE_CHECK, "string"), DECISION, _check),
    Function("allowed", (DECISION,), "bool", lambda decision: bool(decision["allowed"])),
    Function("errored", (DECISION,), "bool", lambda decision: bool(decision["error"])),
    Function("reason", (DECISION,), "string", lambda decision: str(decision["reason"])),
    Function("error", (DECISION,), "string", lambda decision: str(decision["error"])),
)
