"""The few protobuf messages of KMS plugins (k8s.io/kms v2) and of values they encrypt, written and read by hand.

Every field is bytes, text or a map<string, bytes>, but for one enum. Field numbers: kms/apis/v2/api.proto and
apiserver's envelope/kmsv2/v2/api.proto.
"""

from collections.abc import Iterator, Mapping

_VARINT, _BYTES = 0, 2

Fields = dict[int, list[bytes | int]]


def write(fields: Mapping[int, bytes | str | int | dict[str, bytes]]) -> bytes:
    """A message; fields that are empty are left out."""
    out = bytearray()
    for number, value in fields.items():
        if isinstance(value, dict):
            for key, item in sorted(value.items()):
                out += _field(number, write({1: key, 2: item}))
        elif isinstance(value, int):
            out += _varint(number << 3 | _VARINT) + _varint(value) if value else b""
        elif value:
            out += _field(number, value.encode() if isinstance(value, str) else value)
    return bytes(out)


def read(message: bytes) -> Fields:
    """Values by field number. Raises ValueError."""
    fields: Fields = {}
    for number, value in _parts(message):
        fields.setdefault(number, []).append(value)
    return fields


def blob(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"field {number} is not of bytes")
    return value


def text(fields: Fields, number: int) -> str:
    return blob(fields, number).decode()


def mapping(fields: Fields, number: int) -> dict[str, bytes]:
    entries = (read(each) for each in fields.get(number, ()) if isinstance(each, bytes))
    return {text(entry, 1): blob(entry, 2) for entry in entries}


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _parts(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            if at + value > len(message):
                raise ValueError("a field is cut off")
            yield tag >> 3, message[at : at + value]
            at += value
        else:
            raise ValueError(f"a field of wire type {tag & 7}")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("a number is cut off")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
