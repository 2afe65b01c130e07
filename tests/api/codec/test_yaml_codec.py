"""YAML turns into JSON as sigs.k8s.io/yaml does it."""

from typing import Any

import pytest

from minik.api.codec import yaml_codec


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("text", "text"),
        ("yes", True),
        ("y", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-1_000", -1000),
        ("0644", 420),
        ("0x1F", 31),
        ("0b11", 3),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("99999999999999999999", 1e20),
        ("18446744073709551615", (1 << 64) - 1),
        ("1e999", "1e999"),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("1.2.3", "1.2.3"),
        ("0800", 800),
        ("'12'", "12"),
        ('"yes"', "yes"),
        ("!!binary YWJj", "abc"),
    ],
)
def test_scalars(scalar: str, value: Any) -> None:
    assert yaml_codec.loads(f"a: {scalar}\n".encode()) == ({"a": value}, [])


def test_keys_become_strings() -> None:
    assert yaml_codec.loads(b"1: a\ntrue: b\n~: c\n") == ({"1": "a", "true": "b", "null": "c"}, [])


def test_anchors_and_merge_keys() -> None:
    text = b"base: &b {x: 1, z: 2}\nderived:\n  <<: *b\n  z: 3\n"
    assert yaml_codec.loads(text)[0]["derived"] == {"x": 1, "z": 3}


def test_only_the_first_document_counts() -> None:
    with pytest.raises(yaml_codec.YAMLError):
        yaml_codec.loads(b"a: 1\n---\nb: 2\n")


def test_the_last_of_repeated_keys_wins_and_is_complained_about() -> None:
    value, complaints = yaml_codec.loads(b"a: 1\na: 2\n")
    assert value == {"a": 2}
    assert complaints == ['yaml: unmarshal errors:\n  line 2: key "a" already set in map']


def test_bombs_of_aliases_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(yaml_codec.YAMLError, match="excessive aliasing"):
        yaml_codec.loads("\n".join(lines).encode())


def test_a_document_that_contains_itself_is_refused() -> None:
    with pytest.raises(yaml_codec.YAMLError):
        yaml_codec.loads(b"a: &a [*a]\n")


def test_written_yaml_reads_back() -> None:
    value = {"kind": "ConfigMap", "data": {"a": "yes", "b": "1", "c": "x\ny\n"}, "n": [1, 2.5, None, True]}
    assert yaml_codec.loads(yaml_codec.dumps(value)) == (value, [])


@pytest.mark.parametrize(
    "text", [b"- " * 30_000 + b"a", b"[" * 30_000 + b"]" * 30_000, b"{a: " * 30_000, b"? " * 30_000]
)
def test_documents_that_nest_endlessly_are_refused_at_once(text: bytes) -> None:
    with pytest.raises(yaml_codec.YAMLError, match="exceeded max depth"):
        yaml_codec.loads(text)


@pytest.mark.parametrize("text", [b"<<: 3", b"<<: [{a: 1}, b]"])
def test_only_mappings_can_be_merged(text: bytes) -> None:
    with pytest.raises(yaml_codec.YAMLError, match="map merge requires map"):
        yaml_codec.loads(text)


def test_the_first_of_merged_mappings_counts_and_the_own_keys_more() -> None:
    assert yaml_codec.loads(b"c: 9\n<<: [{a: 1}, {a: 2, b: 3, c: 4}]\n")[0] == {"a": 1, "b": 3, "c": 9}


def test_aliases_stand_for_copies() -> None:
    value, _ = yaml_codec.loads(b"a: &a {x: [1]}\nb: *a\n")
    value["a"]["x"].append(2)
    assert value["b"] == {"x": [1]}


def test_unknown_aliases_are_refused() -> None:
    with pytest.raises(yaml_codec.YAMLError, match="unknown anchor 'a' referenced"):
        yaml_codec.loads(b"b: *a\n")
