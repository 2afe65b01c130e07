import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api import names

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


@pytest.mark.parametrize("name", ["a", "a-b", "a.b.c", "1", "a" * 253])
def test_subdomains_are_taken(name: str) -> None:
    assert names.dns_subdomain(name) == []


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a..b", "a\n"])
def test_what_is_no_subdomain_is_explained(name: str) -> None:
    assert names.dns_subdomain(name) == [SUBDOMAIN_TEXT]


def test_long_names_are_told_the_limit() -> None:
    assert names.dns_subdomain("a" * 254) == ["must be no more than 253 characters"]
    assert names.dns_label("a" * 64) == ["must be no more than 63 characters"]
    assert names.label_value("a" * 64) == ["must be no more than 63 bytes"]
    assert names.qualified_name("a" * 64) == ["name part must be no more than 63 bytes"]


def test_a_subdomain_where_a_label_belongs_is_told_about_its_dots() -> None:
    assert names.dns_label("a.b") == ["must not contain dots"]


@pytest.mark.parametrize(
    ("name", "complaints"),
    [
        ("a.b/c", []),
        ("MyName_1", []),
        ("/c", ["prefix part must be non-empty"]),
        ("UPPER/c", [f"prefix part {SUBDOMAIN_TEXT}"]),
        ("a" * 254 + "/c", ["prefix part must be no more than 253 bytes"]),
        (
            "a/b/c",
            [
                "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
                "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
                "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and "
                "'/' (e.g. 'example.com/MyName')"
            ],
        ),
    ],
)
def test_qualified_names_have_an_optional_domain(name: str, complaints: list[str]) -> None:
    assert names.qualified_name(name) == complaints


def test_declared_names_are_looked_at_when_they_are_made() -> None:
    assert names.declared_long_name("Bad-", True) == []
    assert names.declared_long_name("A", False) == [SUBDOMAIN_TEXT]
    assert names.declared_long_name("a" * 254, False) == ["must be no more than 253 bytes"]


def test_environment_variables_have_names() -> None:
    assert names.environment_variable_name("") == ["environment variable name must be non-empty"]
    assert names.environment_variable_name("a b") == []


def test_an_empty_qualified_name_is_told_twice() -> None:
    first, second = names.qualified_name("")
    assert first == "name part must be non-empty"
    assert second.startswith("name part must consist of alphanumeric characters")


@pytest.mark.parametrize(
    ("key", "complaint"),
    [(".", "must not be '.'"), ("..", "must not be '..'"), ("..a", "must not start with '..'")],
)
def test_keys_that_walk_up_are_refused(key: str, complaint: str) -> None:
    assert names.config_map_key(key) == [complaint]


@pytest.mark.parametrize(
    ("port", "complaints"),
    [
        ("http", []),
        ("8080", ["must contain at least one letter (a-z)"]),
        ("a--b", ["must not contain consecutive hyphens"]),
        ("a-", ["must not begin or end with a hyphen"]),
        ("Bad", ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
        ("a" * 16, ["must be no more than 15 characters"]),
    ],
)
def test_port_names_are_iana_names(port: str, complaints: list[str]) -> None:
    assert names.port_name(port) == complaints


def test_a_dash_at_the_end_of_a_prefix_does_no_harm() -> None:
    assert names.subdomain_name("gen-", True) == []
    assert names.subdomain_name("gen-", False) == [SUBDOMAIN_TEXT]


@given(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True))
def test_every_label_is_a_subdomain_and_a_label_value(label: str) -> None:
    assert names.dns_label(label) == names.dns_subdomain(label) == names.label_value(label) == []
