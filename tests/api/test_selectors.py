"""Label and field selectors select and complain as upstream's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api import selectors
from minik.api.selectors import EVERYTHING, NOTHING, FieldSelector, LabelSelector, Requirement
from minik.api.status import StatusError

LABELS = {"env": "prod", "n": "2", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("env=prod", True),
        ("env==prod", True),
        ("env=dev", False),
        ("env!=dev", True),
        ("missing!=x", True),
        ("env", True),
        ("missing", False),
        ("!missing", True),
        ("!env", False),
        ("env in (dev, prod)", True),
        ("env notin (dev)", True),
        ("missing notin (dev)", True),
        ("empty=", True),
        ("empty in ()", True),
        ("n>1", True),
        ("n<2", False),
        ("env>1", False),
        ("missing<5", False),
        ("env=prod,n in (2,3),!missing", True),
        ("in in (in)", False),
    ],
)
def test_label_selector(text: str, selected: bool) -> None:
    assert selectors.parse_labels(text).matches(LABELS) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("/a=b", 'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty'),
        (
            "a>x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_malformed_label_selector(text: str, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        selectors.parse_labels(text)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_canonical_text_is_sorted_by_key() -> None:
    text = "c notin (y,x),!b,a=1,d"
    assert str(selectors.parse_labels(text)) == "a=1,!b,c notin (x,y),d"


def test_label_selector_object() -> None:
    selector = selectors.of_object(
        {
            "matchLabels": {"env": "prod"},
            "matchExpressions": [
                {"key": "n", "operator": "In", "values": ["1", "2"]},
                {"key": "missing", "operator": "DoesNotExist"},
            ],
        }
    )
    assert selector.matches(LABELS)
    assert not selector.matches({**LABELS, "missing": "x"})
    assert str(selector) == "env=prod,!missing,n in (1,2)"


def test_no_selector_object_selects_nothing_and_an_empty_one_everything() -> None:
    assert selectors.of_object(None) == NOTHING
    assert selectors.of_object({}) == EVERYTHING
    assert not NOTHING.matches({})
    assert EVERYTHING.matches(None)


def test_wrong_operator_of_a_selector_object() -> None:
    with pytest.raises(ValueError, match='"Near" is not a valid label selector operator'):
        selectors.of_object({"matchExpressions": [{"key": "a", "operator": "Near"}]})


def test_selector_for_a_set_of_labels() -> None:
    assert selectors.of_labels({"a": "b"}).matches({"a": "b", "c": "d"})
    assert not selectors.of_labels({"a": "b"}).matches({"a": "c"})


_name = st.from_regex(r"[a-z]([a-z0-9.]{0,5}[a-z0-9])?", fullmatch=True).filter(
    lambda name: name not in ("in", "notin")
)
_requirement = st.one_of(
    st.builds(Requirement, _name, st.sampled_from(["=", "!="]), st.tuples(_name)),
    st.builds(Requirement, _name, st.sampled_from(["exists", "!"])),
    st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        _name,
        st.sampled_from(["in", "notin"]),
        st.sets(_name, min_size=1, max_size=3),
    ),
)


@given(st.lists(_requirement, max_size=4), st.dictionaries(_name, _name, max_size=4))
def test_text_reads_back_as_the_same_selector(requirements: list[Requirement], labels: dict[str, str]) -> None:
    selector = LabelSelector(tuple(requirements))
    again = selectors.parse_labels(str(selector))
    assert str(again) == str(selector)
    assert again.matches(labels) == selector.matches(labels)
    assert selector.matches(labels) == all(r.matches(labels) for r in requirements)


def test_field_selector() -> None:
    selector = selectors.parse_fields("metadata.name=a,status.phase!=Failed,")
    fields = {"metadata.name": "a", "status.phase": "Running"}
    assert selector.matches(fields.__getitem__)
    assert not selector.matches({**fields, "status.phase": "Failed"}.__getitem__)
    assert selector.exact("metadata.name") == "a"
    assert selector.exact("status.phase") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=b\\x", "invalid field selector: invalid escape sequence: \\x"),
    ],
)
def test_malformed_field_selector(text: str, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        selectors.parse_fields(text)
    assert (caught.value.code, caught.value.message) == (400, message)


@given(st.lists(st.tuples(_name, st.booleans(), st.text(max_size=6)), max_size=3))
def test_field_values_are_escaped_and_read_back(requirements: list[tuple[str, bool, str]]) -> None:
    selector = FieldSelector(tuple(requirements))
    assert sorted(selectors.parse_fields(str(selector)).requirements) == sorted(requirements)
