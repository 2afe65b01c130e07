"""Looks into the contents that some types of Secret must have: JSON and PEM.

Texts are those of Go's encoding/json and crypto/tls, which upstream passes on to the user.
"""

import re

import orjson

_PEM_BLOCK = re.compile(rb"-----BEGIN ([^-\n]+)-----\s.*?-----END \1-----", re.DOTALL)
_LITERALS = (b"null", b"true", b"false")


def _quoted(char: int) -> str:
    """A byte as Go quotes it in syntax errors."""
    if char == ord("'"):
        return r"'\''"
    if char == ord('"'):
        return "'\"'"
    text = chr(char)
    return f"'{text}'" if text.isprintable() else repr(text)


def json_error(raw: bytes, wanted: type = dict, go_type: str = "map[string]interface {}") -> str:
    """Why `raw` is no JSON object (or list), as Go says it; "" if it is one."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _syntax_error(raw)
    if value is None or isinstance(value, wanted):
        return ""
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return f"json: cannot unmarshal {kinds[type(value)]} into Go value of type {go_type}"


def _syntax_error(raw: bytes) -> str:
    text = raw.lstrip(b" \t\r\n")
    if not text:
        return "unexpected end of JSON input"
    for literal in _LITERALS:
        if text[0] == literal[0]:
            for index in range(1, len(literal)):
                if index >= len(text):
                    return "unexpected end of JSON input"
                if text[index] != literal[index]:
                    expected = _quoted(literal[index])
                    return (
                        f"invalid character {_quoted(text[index])} in literal {literal.decode()} (expecting {expected})"
                    )
            return f"invalid character {_quoted(text[len(literal)])} after top-level value"
    if text[0] not in b'{["-0123456789':
        return f"invalid character {_quoted(text[0])} looking for beginning of value"
    if text[:1] == b"{":
        rest = text[1:].lstrip(b" \t\r\n")
        if rest and rest[0] not in b'"}':
            return f"invalid character {_quoted(rest[0])} looking for beginning of object key string"
    return "unexpected end of JSON input"


def certificate_warning(certificate: bytes, key: bytes) -> str:
    """What Go's tls.X509KeyPair complains about; "" if nothing that can be told without verifying the pair."""
    for what, raw, kind in (("certificate", certificate, b"CERTIFICATE"), ("key", key, b"PRIVATE KEY")):
        blocks: list[bytes] = _PEM_BLOCK.findall(raw)
        if any(block.endswith(kind) for block in blocks):
            continue
        if not blocks:
            return f"tls: failed to find any PEM data in {what} input"
        if what == "certificate":
            listed = " ".join(block.decode() for block in blocks)
            if len(blocks) == 1 and blocks[0].endswith(b"PRIVATE KEY"):
                return (
                    "tls: failed to find certificate PEM data in certificate input, "
                    "but did find a private key; PEM inputs may have been switched"
                )
            return (
                'tls: failed to find "CERTIFICATE" PEM block in certificate input '
                f"after skipping PEM blocks of the following types: [{listed}]"
            )
        if len(blocks) == 1 and blocks[0] == b"CERTIFICATE":
            return "tls: found a certificate rather than a key in the PEM for the private key"
        listed = " ".join(block.decode() for block in blocks)
        return (
            'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input '
            f"after skipping PEM blocks of the following types: [{listed}]"
        )
    return ""
