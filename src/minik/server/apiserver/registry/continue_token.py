"""The `continue` token of a page of a list: where to go on, and in which revision.

Upstream's format: base64 of {"v": _VERSION, "rv": revision, "start": key below the prefix}. A revision of
-1 goes on in the present state, which is what a client gets when its own revision has been compacted.
"""

import base64
from dataclasses import dataclass

import orjson

from minik.api.codec import json_codec
from minik.api.schema.values import found
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_VERSION = "meta.k8s.io/v1"
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
    raw = orjson.dumps({"v": _VERSION, "rv": position.revision, "start": position.start})
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(token: str) -> Continue:
    """Raises StatusError 400."""
    bad = _bad_byte(token)
    if bad is not None:
        raise _bad(f"continue key is not valid: illegal base64 data at input byte {bad}")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    try:
        content = json_codec.loads(raw)
    except json_codec.JSONError as error:
        raise _bad(f"continue key is not valid: {error}") from None
    if not isinstance(content, dict | None):
        text = f"json: cannot unmarshal {found(content)} into Go value of type storage.continueToken"
        raise _bad(f"continue key is not valid: {text}")
    content = content or {}
    for name, of_type, called in (("v", str, "string"), ("rv", int, "int64"), ("start", str, "string")):
        value = content.get(name)
        if value is not None and type(value) is not of_type:
            text = f"json: cannot unmarshal {found(value)} into Go struct field continueToken.{name} of type {called}"
            raise _bad(f"continue key is not valid: {text}")
    if content.get("v") != _VERSION:
        version = content.get("v") or ""
        raise _bad(f"continue key is not valid: server does not recognize this encoded version {version}")
    revision, start = content.get("rv") or 0, content.get("start") or ""
    if revision == 0:
        raise _bad("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise _bad("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
    if not _is_clean(start):
        raise _bad(f"continue key is not valid: {start}")
    return Continue(revision, start)


def _bad(text: str) -> StatusError:
    return bad_request(f"invalid continue token: {text}")


def _bad_byte(token: str) -> int | None:
    """Where Go's base64 decoder stops: at what is no digit, or at one alone at the end."""
    odd = len(token) - 1 if len(token) % 4 == 1 else None
    return next((i for i, c in enumerate(token) if not (c.isascii() and (c.isalnum() or c in "-_"))), odd)


def _is_clean(start: str) -> bool:
    """Whether a path has no empty steps and none that stay or lead up."""
    return not {"", ".", ".."} & set(start.removeprefix("/").split("/"))
