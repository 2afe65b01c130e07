"""What is no JSON is refused in Go's words."""

import pytest

from minik.api.codec import json_codec


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"{", "unexpected end of JSON input"),
        (b"{]", "invalid character ']' looking for beginning of object key string"),
        (b"[" * 300 + b"]" * 300, "exceeded max depth"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "exceeded max depth"),
        (b"[" * 100_000, "exceeded max depth"),
    ],
)
def test_refusals(raw: bytes, message: str) -> None:
    with pytest.raises(json_codec.JSONError) as refused:
        json_codec.loads(raw)
    assert str(refused.value) == message


def test_many_brackets_are_not_many_levels() -> None:
    assert json_codec.loads(b"[" + b"[{}]," * 1000 + b"1]")[-1] == 1
    assert json_codec.loads(b'"' + b"[{" * 1000 + b'"') == "[{" * 1000


def test_go_writes_some_characters_as_escapes() -> None:
    value = {"a": "<b> & \u2028\u2029 é \\u003c"}
    written = json_codec.dumps_as_go(value)
    assert written == '{"a":"\\u003cb\\u003e \\u0026 \\u2028\\u2029 é \\\\u003c"}'.encode()
    assert json_codec.loads(written) == value
