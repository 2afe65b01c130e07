"""Looks into the contents that some types of Secret must have: JSON and PEM.

Texts are those of Go's encoding/json and crypto/tls, which upstream passes on to the user.
"""

import re

import orjson

from minik.api.schema.syntax import problem

_PEM_BLOCK = re.compile(rb"-----BEGIN ([^-\n]+)-----\s.*?-----END \1-----", re.DOTALL)


def json_error(raw: bytes, wanted: type = dict, go_type: str = "map[string]interface {}") -> str:
    """Why `raw` is no JSON object (or list), as Go says it; "" if it is one."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return problem(raw)
    if value is None or isinstance(value, wanted):
        return ""
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return f"json: cannot unmarshal {kinds[type(value)]} into Go value of type {go_type}"


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
