"""Variables are bound around the expressions that need them, and only there."""

import pytest

from minik.api.admission_cel.variables import inlined, used

VARIABLES = {"a": "object.x", "b": "variables.a + 1", "c": "1 // one"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("variables.b > 1", ["a", "b"]),
        ("object.variables.a == 1", []),
        ("'variables.a' == \"variables.b\"", []),
        ("variables . c == variables.a", ["a", "c"]),
        ("variables.unknown", []),
    ],
)
def test_which_variables_an_expression_needs(expression: str, names: list[str]) -> None:
    assert used(expression, VARIABLES) == names


def test_expressions_get_what_they_need_in_order() -> None:
    assert inlined("object.y", VARIABLES) == "object.y"
    assert inlined("variables.b > 2", VARIABLES) == (
        "cel.bind(variables_a, (object.x\n), cel.bind(variables_b, (variables_a + 1\n), (variables_b > 2\n)))"
    )
    assert inlined("variables.c == 1", VARIABLES) == "cel.bind(variables_c, (1 // one\n), (variables_c == 1\n))"


def test_a_declared_variable_is_always_there() -> None:
    assert inlined("has(variables.a) && has(variables.a.b)", VARIABLES) == (
        "cel.bind(variables_a, (object.x\n), (true && has(variables_a.b)\n))"
    )
