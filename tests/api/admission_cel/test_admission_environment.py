"""What authors of policies are told about their expressions, in cel-go's words."""

from dataclasses import replace

import pytest

from minik.api.admission_cel.environment import checked_expression, complaint, literal_name
from minik.api.admission_cel.scope import Scope

BARE = Scope(params=False, authorizer=False)
FULL = Scope(params=True, authorizer=True, variables=("a", "b"))
UNDECLARED = "compilation failed: ERROR: <input>:1:{at}: undeclared reference to '{name}' (in container '')\n | {line}"


@pytest.mark.parametrize(
    ("expression", "scope", "text"),
    [
        ("object.x == 1", BARE, ""),
        ("params.x == 1", BARE, UNDECLARED.format(at=1, name="params", line="params.x == 1\n | ^")),
        ("1 == params.a.b", BARE, UNDECLARED.format(at=6, name="params", line="1 == params.a.b\n | .....^")),
        ("nope", BARE, UNDECLARED.format(at=1, name="nope", line="nope\n | ^")),
        ("params.x == variables.a", FULL, ""),
        (
            "variables.c == 1",
            FULL,
            "compilation failed: ERROR: <input>:1:10: undefined field 'c'\n | variables.c == 1\n | .........^",
        ),
        (
            "variables.c == 1",
            replace(BARE, composed=True),
            "compilation failed: ERROR: <input>:1:10: undefined field 'c'\n | variables.c == 1\n | .........^",
        ),
        (
            "variables.b == 1",
            replace(FULL, definitions=(("a", "object.x"), ("b", "[1, 2].map(i, string(i))[0]"))),
            "compilation failed: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(string, int)'"
            "\n | variables.b == 1\n | ............^",
        ),
        ("variables.b == 1", replace(FULL, definitions=(("a", "{'x': 1}"), ("b", "variables.a.x"))), ""),
        (
            "variables.b.all(k, k == 'a')",
            replace(FULL, definitions=(("a", "nope"), ("b", "variables.a"))),
            "",
        ),
        (
            "variables.a",
            replace(FULL, definitions=(("a", "1"),)),
            "must evaluate to bool but got int",
        ),
        ("namespaceObject.status.conditions.all(c, c.type != 'x')", BARE, ""),
        ("authorizer.group('').resource('pods').check('get').allowed()", FULL, ""),
        (
            "request.foo == 1",
            BARE,
            "compilation failed: ERROR: <input>:1:8: undefined field 'foo'\n | request.foo == 1\n | .......^",
        ),
        ("request.userInfo.groups.exists(g, g == 'a') && namespaceObject.metadata.labels['a'] == 'b'", BARE, ""),
        (
            "authorizer.requestResource.check('get')",
            FULL,
            "must evaluate to bool but got kubernetes.authorization.Decision",
        ),
        ("1 + 1", BARE, "must evaluate to bool but got int"),
        ("[object]", BARE, "must evaluate to bool but got list(dyn)"),
        ("object.x", BARE, "must evaluate to bool but got dyn"),
    ],
)
def test_an_expression_must_compile_to_a_boolean(expression: str, scope: Scope, text: str) -> None:
    assert complaint(expression, scope, ("bool",)) == text


def test_several_types_may_be_allowed() -> None:
    wanted = ("string", "null_type")
    assert complaint("null", BARE, wanted) == ""
    assert complaint("1", BARE, wanted) == "must evaluate to one of [string null_type] but got int"
    assert complaint("1", BARE, ()) == ""


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("Object{spec: Object.spec{replicas: 1}}", "Object"),
        ("JSONPatch{op: 'remove', path: '/a'}", "JSONPatch"),
        ("[JSONPatch{op: 'remove', path: '/a'}]", "list(JSONPatch)"),
        ("has(object.a) ? Object{} : Object{spec: object.spec}", "Object"),
        ("object.spec", "dyn"),
        ("variables.a", ""),
    ],
)
def test_literals_have_types_of_their_own(expression: str, name: str) -> None:
    scope = Scope(params=False, authorizer=False, variables=("a",), literals=True)
    assert literal_name(checked_expression(expression, scope)) == name
