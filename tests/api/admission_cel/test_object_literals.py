"""Object and JSONPatch literals become maps that remember their types; everything else stays."""

import pytest

from minik.api.admission_cel.object_literals import TypeMismatch, plain, with_maps


@pytest.mark.parametrize(
    ("expression", "rewritten"),
    [
        ("Object{a: 1, ?b: x}", 'dyn({"@type": "Object", "a": 1, ?"b": x})'),
        ("Object{}", 'dyn({"@type": "Object", })'),
        (
            "Object{spec: Object . spec{f: g(x, y), `a-b`: [1, 2]}}",
            'dyn({"@type": "Object", "spec": dyn({"@type": "Object.spec", "f": g(x, y), "a-b": [1, 2]})})',
        ),
        ('[JSONPatch{op: "add"}]', '[dyn({"@type": "JSONPatch", "op": "add"})]'),
        ("""'Object{a: 1}' + r"\\" + "Object{b: 2}" """, """'Object{a: 1}' + r"\\" + "Object{b: 2}" """),
        ("object.Object{x: 1}", "object.Object{x: 1}"),
        ('{"a": {"b": Objects}}', '{"a": {"b": Objects}}'),
        ("Object{a: c ? {k: v} : {}} // Object{", 'dyn({"@type": "Object", "a": c ? {k: v} : {}}) // Object{'),
    ],
)
def test_literals_are_rewritten(expression: str, rewritten: str) -> None:
    assert with_maps(expression) == rewritten


def test_a_literal_stands_for_its_fields() -> None:
    containers = [{"@type": "Object.spec.containers", "name": "c", "args": ["x"]}]
    literal = {"@type": "Object", "spec": {"@type": "Object.spec", "containers": containers}, "m": {"k": "v"}}
    assert plain(literal) == {"spec": {"containers": [{"name": "c", "args": ["x"]}]}, "m": {"k": "v"}}


def test_a_patchs_value_may_start_anywhere() -> None:
    value = {"@type": "Object.spec.template", "spec": {"@type": "Object.spec.template.spec", "a": 1}}
    assert plain({"@type": "JSONPatch", "op": "add", "value": value}) == {"op": "add", "value": {"spec": {"a": 1}}}


def test_type_names_must_fit_the_fields() -> None:
    with pytest.raises(TypeMismatch, match=r'unexpected type name "Object\.wrong", expected "Object\.spec"'):
        plain({"@type": "Object", "spec": {"@type": "Object.wrong"}})
