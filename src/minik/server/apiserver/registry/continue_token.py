"""The `continue` token of a page of a list: where to go on, and in which revision.

Upstream's format: base64 of {"v": "meta.k8s.io/v1", "rv": revision, "start": key below the prefix}. A revision of
-1 goes on in the present state, which is what a client gets when its own revision has been compacted.
"""

import base64
import binascii
from dataclasses import dataclass

import orjson

from minik.api.status import StatusError, bad_request
from minik.api.types import Obj

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
PRESENT = -1


@dataclass(frozen=True, slots=True)
class Continue:
    """`start` is the first key of the page, below the prefix of the collection."""

    revision: int
    start: str


class ContinueExpired(StatusError):
    """410 for a token whose revision is compacted; carries one that goes on inconsistently."""

    def __init__(self, start: str) -> None:
        super().__init__(410, "Expired", _TOO_OLD)
        self._token = encode(Continue(PRESENT, start))

    def status(self) -> Obj:
        return {**super().status(), "metadata": {"continue": self._token}}


def encode(position: Continue) -> str:
    raw = orjson.dumps({"v": "meta.k8s.io/v1", "rv": position.revision, "start": position.start})
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> Continue:
    """Raises StatusError 400."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad(f"continue key is not valid: illegal base64 data at input byte {_bad_byte(token)}") from None
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _bad(f"continue key is not valid: {_json_complaint(raw)}") from None
    if not isinstance(content, dict) or content.get("v") != "meta.k8s.io/v1":
        version = content.get("v", "") if isinstance(content, dict) else ""
        raise _bad(f'continue key is not valid: server does not recognize this encoded version "{version}"')
    revision, start = content.get("rv", 0), content.get("start", "")
    if not isinstance(revision, int) or revision == 0:
        raise _bad("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not isinstance(start, str) or not start:
        raise _bad("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
    if ".." in start.split("/"):
        raise _bad(f"continue key is not valid: {start}")
    return Continue(revision, start)


def _bad(text: str) -> StatusError:
    return bad_request(f"invalid continue token: {text}")


def _bad_byte(token: str) -> int:
    return next((i for i, c in enumerate(token) if not (c.isascii() and (c.isalnum() or c in "-_"))), len(token))


def _json_complaint(raw: bytes) -> str:
    if not raw:
        return "unexpected end of JSON input"
    return f"invalid character '{chr(raw[0])}' looking for beginning of value"
