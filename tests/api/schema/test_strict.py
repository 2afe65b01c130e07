"""Complaints of strict decoding about patches and YAML."""

from minik.api.schema import strict


def test_what_a_json_patch_repeats_and_does_not_have() -> None:
    text = '[{"op": "add", "path": "/a", "value": {"b": 1, "b": 2}}, {"op": "x", "op": "test", "extra": 1, "extra": 2}]'
    assert strict.patch_complaints(strict.with_duplicates(text)) == [
        'json patch duplicate field "[0].value.b"',
        'json patch duplicate field "[1].op"',
        'json patch unknown field "[1].extra"',
    ]


def test_a_repeated_key_is_told_once() -> None:
    assert strict.repeated_fields(strict.with_duplicates('{"a": {"b": 1, "b": 2, "b": 3}}')) == [
        'duplicate field "a.b"'
    ]


def test_a_hundred_complaints_are_enough() -> None:
    text = ",".join(f'"k{n}": 1, "k{n}": 1' for n in range(101))
    assert len(strict.repeated_fields(strict.with_duplicates(f"{{{text}}}"))) == 100


def test_each_line_of_yaml_is_a_warning() -> None:
    told = 'yaml: unmarshal errors:\n  line 5: key "a" already set in map\n  line 6: key "b" already set in map'
    assert strict.as_warnings([told, 'unknown field "x"']) == [
        'line 5: key "a" already set in map',
        'line 6: key "b" already set in map',
        'unknown field "x"',
    ]
