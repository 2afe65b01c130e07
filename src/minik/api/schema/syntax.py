"""Go's words for malformed JSON. Only used once another parser has refused the text."""

_SPACE = b" \t\r\n"
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_ESCAPES = b'bfnrt\\/"'
_HEX = b"0123456789abcdefABCDEF"
_END = "unexpected end of JSON input"


class _Bad(Exception):
    """The text is malformed; the argument says how."""


def problem(data: bytes) -> str:
    """What encoding/json would say about this text, or "" when it finds no fault."""
    try:
        at = _space(data, _value(data, _space(data, 0)))
        if at < len(data):
            raise _bad(data, at, "after top-level value")
    except _Bad as bad:
        return str(bad)
    except RecursionError:
        return "exceeded max depth"
    return ""


def _bad(data: bytes, at: int, where: str) -> _Bad:
    if at >= len(data):
        return _Bad(_END)
    from minik.api.patch.go_print import quoted

    char = chr(data[at])
    shown = {"'": r"\'", '"': '"'}.get(char) or quoted(char)[1:-1]
    return _Bad(f"invalid character '{shown}' {where}")


def _space(data: bytes, at: int) -> int:
    while at < len(data) and data[at] in _SPACE:
        at += 1
    return at


def _value(data: bytes, at: int) -> int:
    """Reads one value and returns where it ends."""
    if at >= len(data):
        raise _Bad(_END)
    first = data[at]
    if first == ord("{"):
        return _object(data, at + 1)
    if first == ord("["):
        return _array(data, at + 1)
    if first == ord('"'):
        return _string(data, at + 1)
    if first in _LITERALS:
        return _literal(data, at, _LITERALS[first])
    if first == ord("-") or 48 <= first <= 57:
        return _number(data, at)
    raise _bad(data, at, "looking for beginning of value")


def _object(data: bytes, at: int) -> int:
    at = _space(data, at)
    if data[at : at + 1] == b"}":
        return at + 1
    while True:
        if data[at : at + 1] != b'"':
            raise _bad(data, at, "looking for beginning of object key string")
        at = _space(data, _string(data, at + 1))
        if data[at : at + 1] != b":":
            raise _bad(data, at, "after object key")
        at = _space(data, _value(data, _space(data, at + 1)))
        if data[at : at + 1] == b"}":
            return at + 1
        if data[at : at + 1] != b",":
            raise _bad(data, at, "after object key:value pair")
        at = _space(data, at + 1)


def _array(data: bytes, at: int) -> int:
    at = _space(data, at)
    if data[at : at + 1] == b"]":
        return at + 1
    while True:
        at = _space(data, _value(data, at))
        if data[at : at + 1] == b"]":
            return at + 1
        if data[at : at + 1] != b",":
            raise _bad(data, at, "after array element")
        at = _space(data, at + 1)


def _string(data: bytes, at: int) -> int:
    while at < len(data):
        char = data[at]
        if char == ord('"'):
            return at + 1
        if char < 0x20:
            raise _bad(data, at, "in string literal")
        at += 1
        if char == ord("\\"):
            at = _escape(data, at)
    raise _Bad(_END)


def _escape(data: bytes, at: int) -> int:
    if data[at : at + 1] == b"u":
        for offset in range(1, 5):
            if at + offset >= len(data) or data[at + offset] not in _HEX:
                raise _bad(data, at + offset, "in \\u hexadecimal character escape")
        return at + 5
    if at >= len(data) or data[at] not in _ESCAPES:
        raise _bad(data, at, "in string escape code")
    return at + 1


def _literal(data: bytes, at: int, word: bytes) -> int:
    for offset, wanted in enumerate(word):
        if at + offset >= len(data) or data[at + offset] != wanted:
            raise _bad(data, at + offset, f"in literal {word.decode()} (expecting '{chr(wanted)}')")
    return at + len(word)


def _number(data: bytes, at: int) -> int:
    if data[at] == ord("-"):
        at += 1
        if not data[at : at + 1].isdigit():
            raise _bad(data, at, "in numeric literal")
    if data[at] == ord("0"):
        at += 1
    else:
        at = _digits(data, at)
    if data[at : at + 1] == b".":
        if not data[at + 1 : at + 2].isdigit():
            raise _bad(data, at + 1, "after decimal point in numeric literal")
        at = _digits(data, at + 1)
    if data[at : at + 1] in (b"e", b"E"):
        at += 1
        if data[at : at + 1] in (b"+", b"-"):
            at += 1
        if not data[at : at + 1].isdigit():
            raise _bad(data, at, "in exponent of numeric literal")
        at = _digits(data, at)
    return at


def _digits(data: bytes, at: int) -> int:
    while data[at : at + 1].isdigit():
        at += 1
    return at
