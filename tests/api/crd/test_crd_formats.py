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


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("date-time", "2024-01-01 00:00:00Z", False),
        ("date-time", "2024-01-01t00:00:00z", True),
        ("date-time", "2024-01-01T00:00:60Z", False),
        ("date-time", "2024-01-01T00:00:00", False),
        ("duration", "2 hours 5min", True),
        ("duration", "2 hours, 5min", False),
        ("duration", "5 parsecs", False),
        ("duration", "1.5h", True),
        ("byte", "", False),
        ("byte", "YQ==", True),
        ("hostname", "a-b", True),
        ("hostname", "ab-c", False),
        ("hostname", "ab-c.test", True),
        ("hostname", "a.b1", False),
        ("hostname", "b\u00fccher.test", True),
        ("ipv4", "010.0.0.1", True),
        ("ipv4", "::ffff:1.2.3.4", True),
        ("ipv4", "1.2.3", False),
        ("cidr", "10.0.0.0/255.0.0.0", False),
        ("cidr", "010.1.2.3/8", True),
        ("mac", "00:00:5e:00:53:01:02", False),
        ("mac", "0000.5e00.5301", True),
        ("mac", "00-00-5e:00-53-01", False),
        ("rgbcolor", "rgb(01,2,3)", False),
        ("rgbcolor", "rgb( 255, 2 ,3)", True),
        ("creditcard", "0000 0000 0000 0000", False),
        ("k8s-short-name", "a.b", False),
        ("k8s-long-name", "a.b", True),
        ("Date", "x", True),  # names are as they are written
    ],
)
def test_formats_are_as_narrow_as_upstreams(name: str, value: str, fits: bool) -> None:
    assert formats.matches(name, value) is fits


def test_unknown_formats_take_everything() -> None:
    assert formats.matches("shoe-size", "anything")
