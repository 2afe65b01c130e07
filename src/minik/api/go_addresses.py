"""What Go's parsers of IP addresses and of prefixes find wrong with a text.

Python decides whether it is an address; only what it is not goes through here, for the words that clients of upstream
see. Behaviour: https://pkg.go.dev/net/netip
"""

from minik.api.validation import show

_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")


def address_complaint(text: str) -> str:
    """What netip.ParseAddr says, or "" if it takes the text."""
    problem = _complaint(text)
    return f"ParseAddr({show(text)}): {problem}" if problem else ""


def prefix_complaint(text: str) -> str:
    """What netip.ParsePrefix says, or "" if it takes the text."""
    problem = _prefix_problem(text)
    return f"netip.ParsePrefix({show(text)}): {problem}" if problem else ""


def _prefix_problem(text: str) -> str:
    address, slash, bits = text.rpartition("/")
    if not slash:
        return "no '/'"
    if problem := address_complaint(address):
        return problem
    if "%" in address:
        return "IPv6 zones cannot be present in a prefix"
    if not bits or not set(bits) <= _DIGITS or (len(bits) > 1 and bits[0] == "0"):
        return f"bad bits after slash: {show(bits)}"
    return "prefix length out of range" if int(bits) > (128 if ":" in address else 32) else ""


def _complaint(text: str) -> str:
    for character in text:
        if character == ".":
            return _v4_complaint(text)
        if character == ":":
            return _v6_complaint(text)
        if character == "%":
            return "missing IPv6 address"
    return "unable to parse IP"


def _v4_complaint(text: str) -> str:
    value = digits = fields = 0
    for place, character in enumerate(text):
        if character in _DIGITS:
            if digits == 1 and value == 0:
                return "IPv4 field has octet with leading zero"
            value, digits = value * 10 + int(character), digits + 1
            if value > 255:
                return "IPv4 field has value >255"
        elif character != ".":
            return f"unexpected character (at {show(text[place:])})"
        elif place in (0, len(text) - 1) or text[place - 1] == ".":
            return f"IPv4 field must have at least one digit (at {show(text[place:])})"
        elif fields == 3:
            return "IPv4 address too long"
        else:
            value, digits, fields = 0, 0, fields + 1
    return "IPv4 address too short" if fields < 3 else ""


def _v6_complaint(text: str) -> str:
    rest, percent, zone = text.partition("%")
    if percent and not zone:
        return "zone must be a non-empty string"
    leading = rest.startswith("::")
    rest = rest.removeprefix("::") if leading else rest
    if leading and not rest:
        return ""
    ellipsis, filled = leading, 0  # `filled`: bytes of the address
    while filled < 16:
        digits = next((place for place, character in enumerate(rest) if character not in _HEX), len(rest))
        if problem := _group_problem(rest, digits):
            return f"{problem} (at {show(rest)})"
        if rest[digits : digits + 1] == ".":
            if not ellipsis and filled != 12:
                return f"embedded IPv4 address must replace the final 2 fields of the address (at {show(rest)})"
            if filled > 12:
                return f"too many hex fields to fit an embedded IPv4 at the end of the address (at {show(rest)})"
            if problem := _v4_complaint(rest):
                return problem
            rest, filled = "", filled + 4
            break
        filled, rest = filled + 2, rest[digits:]
        if not rest:
            break
        if rest[0] != ":":
            return f"unexpected character, want colon (at {show(rest)})"
        if len(rest) == 1:
            return f"colon must be followed by more characters (at {show(rest)})"
        rest = rest[1:]
        if rest[0] == ":":
            if ellipsis:
                return f"multiple :: in address (at {show(rest)})"
            ellipsis, rest = True, rest[1:]
            if not rest:
                break
    return _length_problem(rest, filled, ellipsis=ellipsis)


def _group_problem(rest: str, digits: int) -> str:
    if digits > 4:
        return "each group must have 4 or less digits"
    return "" if digits else "each colon-separated field must have at least one digit"


def _length_problem(rest: str, filled: int, *, ellipsis: bool) -> str:
    if rest:
        return f"trailing garbage after address (at {show(rest)})"
    if filled < 16:
        return "" if ellipsis else "address string too short"
    return "the :: must expand to at least one field of zeros" if ellipsis else ""
