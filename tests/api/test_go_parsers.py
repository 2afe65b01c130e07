"""What Go's parsers of addresses and URLs find wrong, word for word."""

import pytest

from minik.api.go_addresses import address_complaint, prefix_complaint
from minik.api.go_urls import escaped_path, request_uri_complaint


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("10.0.0.1", ""),
        ("::", ""),
        ("fe80::1%eth0", ""),
        ("1:2:3:4:5:6:1.2.3.4", ""),
        ("", "unable to parse IP"),
        ("%a", "missing IPv6 address"),
        ("1.2.3", "IPv4 address too short"),
        ("1.2.3.4.5", "IPv4 address too long"),
        ("1.2.3.256", "IPv4 field has value >255"),
        ("1.2.03.4", "IPv4 field has octet with leading zero"),
        ("1..2.3", 'IPv4 field must have at least one digit (at ".2.3")'),
        ("1.a.2.3", 'unexpected character (at "a.2.3")'),
        ("fe80::1%", "zone must be a non-empty string"),
        ("1:2", "address string too short"),
        ("1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'),
        ("1::2::3", 'multiple :: in address (at ":3")'),
        ("1:2:3:4:5:6:7::8", "the :: must expand to at least one field of zeros"),
        ("2001:db8:::68", 'each colon-separated field must have at least one digit (at ":68")'),
        ("12345::", 'each group must have 4 or less digits (at "12345::")'),
        ("1:", 'colon must be followed by more characters (at ":")'),
        ("1:g", 'each colon-separated field must have at least one digit (at "g")'),
    ],
)
def test_addresses(text: str, complaint: str) -> None:
    assert address_complaint(text) == (f'ParseAddr("{text}"): {complaint}' if complaint else "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("10.0.0.0/8", ""),
        ("::/0", ""),
        ("10.0.0.0", "no '/'"),
        ("10.0.0/8", 'ParseAddr("10.0.0"): IPv4 address too short'),
        ("10.0.0.0/08", 'bad bits after slash: "08"'),
        ("10.0.0.0/33", "prefix length out of range"),
        ("fe80::1%a/64", "IPv6 zones cannot be present in a prefix"),
    ],
)
def test_prefixes(text: str, complaint: str) -> None:
    assert prefix_complaint(text) == (f'netip.ParsePrefix("{text}"): {complaint}' if complaint else "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("https://a.b:80/c?d#e", ""),
        ("/a b", ""),
        ("mailto:x", ""),
        ("", "empty url"),
        ("a/b", "invalid URI for request"),
        (":a", "missing protocol scheme"),
        ("https://a:x/", 'invalid port ":x" after host'),
        ("https://[::1/", "missing ']' in host"),
        ("https://a b/", 'invalid character " " in host name'),
        ("https://a/%zz", 'invalid URL escape "%zz"'),
        ("https://a^@b/", "net/url: invalid userinfo"),
    ],
)
def test_uris(text: str, complaint: str) -> None:
    assert request_uri_complaint(text) == (f'parse "{text}": {complaint}' if complaint else "")


def test_paths_stay_as_they_are_written_if_that_is_a_way() -> None:
    assert escaped_path("/%41[b]") == "/%41[b]"
    assert escaped_path("/a b!") == "/a%20b%21"
