"""String formats, as strfmt knows them."""

import pytest

from minik.api.crd import formats


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2024-01-01T00:00:00.5+02:00", "2024-13-01T00:00:00Z"),
        ("date", "2024-02-29", "2023-02-29"),
        ("duration", "1h30m", "soon"),
        ("cidr", "fd00::/8", "10.0.0.0"),
        ("ipv6", "::1", "1.2.3.4"),
        ("uri", "http://a.test/x", "%%"),
        ("hostname", "a.test", "-x-"),
        ("uuid", "1B4E28BA-2FA1-11D2-883F-0016D3CCA427", "x"),
        ("email", "a@b.test", "nope"),
        ("byte", "YWJj", "a?"),
        ("mac", "00:00:5e:00:53:01", "x"),
        ("isbn10", "0-306-40615-2", "0-306-40615-3"),
        ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
    ],
)
def test_formats_take_what_they_name(name: str, good: str, bad: str) -> None:
    assert formats.matches(name, good)
    assert not formats.matches(name, bad)


def test_unknown_formats_take_everything() -> None:
    assert formats.matches("shoe-size", "anything")
