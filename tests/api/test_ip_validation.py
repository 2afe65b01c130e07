import pytest

from minik.api.ip_validation import cidr_warnings, ip_warnings, validate_cidr, validate_ip, validate_non_special_ip

NO_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("10.0.0.1", []),
        ("2001:db8::1", []),
        ("nope", [NO_IP]),
        ("fe80::1%eth0", [NO_IP]),
        ("10.0.0.010", ["must not have leading 0s"]),
        ("::ffff:10.0.0.1", ["must not be an IPv4-mapped IPv6 address"]),
    ],
)
def test_addresses_are_taken_strictly(text: str, details: list[str]) -> None:
    assert [error.detail for error in validate_ip(text, "ip")] == details


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("10.0.0.0/8", []),
        ("2001:db8::/64", []),
        ("10.0.0.0", [NO_CIDR]),
        ("10.0.0.0/33", [NO_CIDR]),
        ("10.1.0.0/8", ["must not have bits set beyond the prefix length"]),
    ],
)
def test_networks_are_taken_strictly(text: str, details: list[str]) -> None:
    assert [error.detail for error in validate_cidr(text, "cidr")] == details


@pytest.mark.parametrize("text", ["0.0.0.0", "127.0.0.1", "::1", "169.254.1.1", "fe80::1", "224.0.0.5", "ff02::1"])
def test_endpoints_have_no_special_addresses(text: str) -> None:
    assert len(validate_non_special_ip(text, "ip")) == 1


def test_odd_ways_to_write_addresses_are_warned_about() -> None:
    assert ip_warnings("2001:DB8::1", "f") == [
        'f: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
    ]
    assert ip_warnings("10.0.0.1", "f") == []
    assert cidr_warnings("10.0.0.0/8", "f") == []
