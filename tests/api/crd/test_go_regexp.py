"""Patterns that Go refuses, in Go's words."""

import pytest

from minik.api.crd.go_regexp import compiled, complaint


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("x[a-", "missing closing ]: `[a-`"),
        ("+", "missing argument to repetition operator: `+`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a++", "invalid nested repetition operator: `++`"),
        ("a{2}+", "invalid nested repetition operator: `{2}+`"),
        ("\\", "trailing backslash at end of expression: ``"),
        ("\\y", "invalid escape sequence: `\\y`"),
        ("(a)\\1", "invalid escape sequence: `\\1`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<!a)b", "invalid or unsupported Perl syntax: `(?<!`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ],
)
def test_refused(pattern: str, text: str) -> None:
    assert complaint(pattern) == f"error parsing regexp: {text}"


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]+$",
        r"[*+]+\++",
        r"\d{1,3}(\.\d+)*",
        r"\p{Lu}\pL[[:alpha:]]\x{10FFFF}\z",
        "(?i)a",
        "(?P<n>a)",
        "(?<n>a)",
        r"\\1",
        "a{,2}",
        "{",
    ],
)
def test_taken(pattern: str) -> None:
    assert complaint(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        (r"^\p{Lu}+$", "ÄB", True),
        (r"^\p{Lu}+$", "äb", False),
        (r"^[\pL\d]+$", "ä1", True),
        (r"^\PL$", "1", True),
        ("^[[:alpha:]_]+$", "a_", True),
        ("^[[:^digit:]]$", "x", True),
        (r"^\x{41}$", "A", True),
        ("(?i)^abc$", "ABC", True),
        ("^(?<n>a)$", "a", True),
        ("^a$", "a\n", False),
        (r"^a\z", "a", True),
        (r"^\d$", "\u0663", False),
        (r"^\\p$", r"\p", True),
    ],
)
def test_matching(pattern: str, value: str, matches: bool) -> None:
    assert bool(compiled(pattern).search(value)) is matches
