"""x-kubernetes-validations: what compiles, what it costs, and what it refuses."""

from typing import Any

import pytest

from minik.api.cel.budget import Budget
from minik.api.crd import rules
from minik.api.crd.rule_definition_validation import compile_errors


def _schema(*wanted: Any, **properties: Any) -> Any:
    spec = {"type": "object", "properties": properties, "x-kubernetes-validations": list(wanted)}
    return {"type": "object", "properties": {"spec": spec}}


A = {"type": "integer"}


def _broken(schema: Any, new: Any, old: Any = None) -> list[str]:
    before = None if old is None else {"spec": old}
    errors = rules.validate(schema, {"spec": new}, before)
    return [f"(warning) {error}" if error.tolerated else str(error) for error in errors]


def test_a_broken_rule_says_its_message() -> None:
    schema = _schema(
        {"rule": "self.a > 0"},
        {"rule": "self.a > 0", "message": "too small"},
        {"rule": "self.a > 0", "message": "no", "messageExpression": "'a is ' + string(self.a)"},
        {"rule": "self.a > 0", "reason": "FieldValueForbidden", "fieldPath": ".a"},
        a=A,
    )
    assert _broken(schema, {"a": 1}) == []
    assert _broken(schema, {"a": 0}) == [
        "spec: Invalid value: failed rule: self.a > 0",
        "spec: Invalid value: too small",
        "spec: Invalid value: a is 0",
        "spec.a: Forbidden: failed rule: self.a > 0",
    ]


def test_transition_rules_wait_for_an_old_value() -> None:
    schema = _schema(a={**A, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "immutable"}]})
    assert _broken(schema, {"a": 1}) == []
    assert _broken(schema, {"a": 1}, {"a": 1}) == []
    assert _broken(schema, {"a": 1}, {}) == []
    assert _broken(schema, {"a": 2}, {"a": 1}) == ["spec.a: Invalid value: 2: immutable"]


def test_an_optional_old_value_is_there_from_the_start() -> None:
    rule = {"rule": "oldSelf.hasValue() || self.a == 0", "optionalOldSelf": True, "message": "starts at zero"}
    schema = _schema(rule, a=A)
    assert _broken(schema, {"a": 1}) == ["spec: Invalid value: starts at zero"]
    assert _broken(schema, {"a": 0}) == []
    assert _broken(schema, {"a": 1}, {"a": 0}) == []
    assert compile_errors(schema, "s") == []
    spoken = {**rule, "messageExpression": "oldSelf.hasValue() ? 'was there' : 'is new'"}  # gets no optional
    assert _broken(_schema(spoken, a=A), {"a": 1}) == ["spec: Invalid value: starts at zero"]


POSITIVE = {**A, "x-kubernetes-validations": [{"rule": "self > 0", "message": "small"}]}
INVERSE = {**A, "x-kubernetes-validations": [{"rule": "1 / self > 0"}]}


@pytest.mark.parametrize(
    ("part", "new", "old", "complaint"),
    [
        (POSITIVE, 0, 0, "(warning) spec.p: Invalid value: 0: small"),
        (POSITIVE, -1, 0, "spec.p: Invalid value: -1: small"),
        (POSITIVE, 0, None, "spec.p: Invalid value: 0: small"),
        # an item that has no old one is as it was when the whole list is
        ({"type": "array", "items": POSITIVE}, [0], [0], "(warning) spec.p[0]: Invalid value: 0: small"),
        ({"type": "array", "items": POSITIVE}, [0], [0, 1], "spec.p[0]: Invalid value: 0: small"),
        # what cannot be evaluated is refused all the same
        (INVERSE, 0, 0, 'spec.p: Invalid value: "integer": division by zero evaluating rule: 1 / self > 0'),
    ],
)
def test_what_was_accepted_once_is_not_refused_unchanged(part: Any, new: Any, old: Any, complaint: str) -> None:
    assert _broken(_schema(p=part), {"p": new}, {"p": old}) == [complaint]


def test_errors_while_evaluating_are_told() -> None:
    schema = _schema({"rule": "self.l[0] == 'x'"}, l={"type": "array", "items": {"type": "string"}})
    assert _broken(schema, {"l": []}) == [
        "spec: Invalid value: \"object\": index out of bounds: 0 evaluating rule: self.l[0] == 'x'"
    ]


def test_values_have_the_types_of_their_schema() -> None:
    rule = (
        "self.n > 1 && self.t > timestamp('2020-01-01T00:00:00Z') && self.d < duration('2h') && self.b == b'abc' && "
        "self.x__dash__y == 'z' && self.__namespace__ == 'q' && (self.p == 5 || self.p == '5%')"
    )
    schema = _schema(
        {"rule": rule},
        n={"type": "number"},
        t={"type": "string", "format": "date-time"},
        d={"type": "string", "format": "duration"},
        b={"type": "string", "format": "byte"},
        p={"x-kubernetes-int-or-string": True},
        namespace={"type": "string"},
        **{"x-y": {"type": "string"}},
    )
    spec = {"n": 2, "t": "2024-01-01T00:00:00Z", "d": "90m", "b": "YWJj", "x-y": "z", "namespace": "q", "p": "5%"}
    assert compile_errors(schema, "s") == []
    assert _broken(schema, spec) == []


OPEN = {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
EMBEDDED: Any = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("name", "generateName", "namespace")},
        },
    },
}


@pytest.mark.parametrize(
    ("part", "value", "rule"),
    [
        ({**A, "nullable": True}, None, "!has(self.part)"),
        (EMBEDDED, {"metadata": {"namespace": "n"}}, "self.part.metadata.namespace == 'n'"),
        (OPEN, [{"a": 1}, {"a": 2}, {"a": 2}], "self.part[0] != self.part[1] && self.part[1] == self.part[2]"),
        ({"type": "object", "properties": {"a_b": A, "aB": A}}, {"a_b": 1, "aB": 2}, "self.part.a_b < self.part.aB"),
        ({"type": "object", "properties": {"if": A}}, {"if": 1}, "self.part.if == 1 && self.part.__if__ == 1"),
        ({"type": "number"}, 1, "self.part < 2 && 1 < 2.0"),
    ],
)
def test_what_rules_see(part: Any, value: Any, rule: str) -> None:
    schema = _schema({"rule": rule}, part=part)
    assert compile_errors(schema, "s") == []
    assert _broken(schema, {"part": value}) == []


@pytest.mark.parametrize(
    ("rule", "detail"),
    [
        ("self.a", "cel expression must evaluate to a bool"),
        ("'x'.find(')') == ''", "program instantiation failed: error parsing regexp: unexpected ): `)`"),
        ("self.b > 1", "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^"),
    ],
)
def test_rules_must_compile(rule: str, detail: str) -> None:
    (error,) = compile_errors(_schema({"rule": rule}, a=A), "s")
    assert (error.field, error.detail) == ("s.properties[spec].x-kubernetes-validations[0].rule", detail)


def test_old_values_cannot_be_found_in_plain_lists() -> None:
    item = {"type": "object", "properties": {"a": A}, "x-kubernetes-validations": [{"rule": "self.a == oldSelf.a"}]}
    listed: Any = {"type": "array", "maxItems": 5, "items": item}
    (error,) = compile_errors({"type": "object", "properties": {"l": listed}}, "s")
    assert error.detail == ("oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[l]")
    keyed = {**listed, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}
    assert compile_errors({"type": "object", "properties": {"l": keyed}}, "s") == []


def test_rules_that_could_take_too_long_are_refused() -> None:
    nested: Any = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}
    rule = {"rule": "self.all(x, x.all(y, self.all(z, z.all(q, q == y))))"}
    errors = compile_errors(
        {"type": "object", "properties": {"l": {**nested, "x-kubernetes-validations": [rule]}}}, "s"
    )
    assert [error.field for error in errors] == [
        "s.properties[l].x-kubernetes-validations[0].rule",
        "s.properties[l].x-kubernetes-validations[0].rule",
        "s",
    ]
    assert errors[0].detail.startswith("estimated rule cost exceeds budget by factor of more than 100x")
    small = {"type": "array", "maxItems": 3, "items": {"type": "string", "maxLength": 9}}
    bounded = {"type": "array", "maxItems": 3, "items": small, "x-kubernetes-validations": [rule]}
    assert compile_errors({"type": "object", "properties": {"l": bounded}}, "s") == []


def test_a_rule_that_costs_too_much_is_the_last() -> None:
    nested = "self.all(x, self.all(y, x + y >= 0))"
    schema = _schema(
        {"rule": "true == false", "message": "seen"},
        l={"type": "array", "items": A, "x-kubernetes-validations": [{"rule": nested}]},
        m={"type": "array", "items": A, "x-kubernetes-validations": [{"rule": "false", "message": "not seen"}]},
    )
    assert _broken(schema, {"l": list(range(10))}) == ["spec: Invalid value: seen"]
    assert _broken(schema, {"l": list(range(400)), "m": []}) == [
        "spec: Invalid value: seen",
        "spec.l: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no further validation "
        f"rules will be run due to call cost exceeds limit for rule: {nested}",
    ]


def test_rules_together_have_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"rule": "self.all(x, self.all(y, x + y >= 0))"}
    items = {"type": "array", "items": A, "x-kubernetes-validations": [rule, rule]}
    schema = _schema(l={"type": "array", "items": items})
    assert _broken(schema, {"l": [list(range(60))] * 8}) == []
    monkeypatch.setattr(rules, "Budget", lambda: Budget(300_000))  # a pair of rules costs some 50 000
    assert _broken(schema, {"l": [list(range(60))] * 5}) == []
    assert _broken(schema, {"l": [list(range(60))] * 8}) == [
        'spec.l[5]: Invalid value: "array": validation failed due to running out of cost budget, '
        "no further validation rules will be run"
    ]


SET = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
PAIR = {"type": "object", "properties": {"k": {"type": "string"}, "v": A}}
KEYED = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": PAIR}


@pytest.mark.parametrize(
    ("part", "rule", "new", "old", "holds"),
    [
        (SET, "self.p == oldSelf.p", ["a", "b"], ["b", "a"], True),
        (SET, "self.p == oldSelf.p", ["a", "b"], ["b", "c"], False),
        (SET, "self.p == ['b', 'a']", ["a", "b"], ["x"], True),
        (SET, "['b', 'a'] == self.p", ["a", "b"], ["x"], False),
        (SET, "(self.p + oldSelf.p).size() == 3", ["a", "b"], ["b", "c"], True),
        (SET, "self == oldSelf", ["a", "b"], ["b", "a"], True),
        (SET, "self.p.exists(x, x == 'a') && self.p.isSorted()", ["a", "b"], ["x"], True),
        (KEYED, "self.p == oldSelf.p", [{"k": "a"}, {"k": "b"}], [{"k": "b"}, {"k": "a"}], True),
        (KEYED, "self.p == oldSelf.p", [{"k": "a", "v": 1}], [{"k": "a", "v": 2}], False),
        (KEYED, "(oldSelf.p + self.p)[0].v == 1", [{"k": "a", "v": 1}], [{"k": "a", "v": 2}], True),
        ({**SET, "x-kubernetes-list-type": "atomic"}, "self.p == oldSelf.p", ["a", "b"], ["b", "a"], False),
    ],
)
def test_the_order_of_sets_and_maps_does_not_matter(part: Any, rule: str, new: Any, old: Any, holds: bool) -> None:
    schema = _schema({"rule": rule, "message": "broken"}, p=part)
    broken = rules.validate(schema, {"spec": {"p": new}}, {"spec": {"p": old}}, rules.with_list_types(schema))
    assert (broken == []) is holds
