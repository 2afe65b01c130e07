"""Which form of an answer a client accepts: media type, and Table or PartialObjectMetadata instead of the object.

Pure. Upstream checks twice: the route's list of media types first, then the parameters (`as`, `g`, `v`).
Rules: https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from dataclasses import dataclass
from functools import lru_cache

from minik.api.request import Request
from minik.api.status import StatusError

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OFFERED = (JSON, YAML, PROTOBUF)
_PRODUCED = ", ".join(OFFERED)
_META = "meta.k8s.io"
_NO_MESSAGE = (
    "object {} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"
)
_TRANSFORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})


@dataclass(frozen=True, slots=True)
class Form:
    """`kind` is "", "Table", "PartialObjectMetadata" or "PartialObjectMetadataList" (of meta.k8s.io/`version`)."""

    media_type: str = JSON
    kind: str = ""
    version: str = ""
    pretty: bool = False

    @property
    def group_version(self) -> str:
        return f"{_META}/{self.version}"


PLAIN = Form()


@dataclass(frozen=True, slots=True)
class Clause:
    """One entry of an Accept header."""

    media_type: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=256)
def clauses(accept: str) -> tuple[Clause, ...]:
    """The entries of an Accept header, best first; equal quality keeps the client's order."""
    found = []
    for entry in accept.split(","):
        media_type, *rest = (piece.strip() for piece in entry.split(";"))
        if not media_type:
            continue
        parameters = dict(_pair(piece) for piece in rest if piece)
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        found.append(Clause(media_type, parameters, quality))
    return tuple(sorted(found, key=lambda clause: -clause.quality))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


@lru_cache(maxsize=256)
def negotiate(accept: str, *, transforms: bool = True, tables: bool = True, protobuf: bool = True) -> Form:
    """The form to answer in. Raises StatusError 406.

    `transforms`: the endpoint can answer as Table or PartialObjectMetadata; `tables`: also as the first. `protobuf`:
    its objects have a protobuf form; their metadata always has. Either is only used for clients that take nothing
    else, because JSON lies ready in the store.
    """
    if not accept:
        return PLAIN
    entries = clauses(accept)
    if not any(clause.media_type == "*/*" or clause.media_type in OFFERED for clause in entries):
        message = f"406: Not Acceptable\n\nAvailable representations: {_PRODUCED}"
        raise StatusError(406, "NotAcceptable", message, has_details=True)
    last_resort: Form | None = None
    for clause in entries:
        form = _form(clause, transforms=transforms)
        if form is None or (form.kind == "Table" and not tables):
            continue
        if form.media_type != PROTOBUF:
            return form
        if protobuf or form.kind:
            last_resort = last_resort or form
    if last_resort is None:
        raise not_accepted()
    if last_resort.kind == "Table":
        raise StatusError(406, "NotAcceptable", _NO_MESSAGE.format(f"*{last_resort.version}.Table"))
    return last_resort


def _form(clause: Clause, *, transforms: bool) -> Form | None:
    """What one entry asks for; None if it cannot be had."""
    media_type = JSON if clause.media_type in ("*/*", "application/*") else clause.media_type
    if media_type not in OFFERED:
        return None
    kind = clause.parameters.get("as", "")
    if not kind:
        pretty = clause.parameters.get("pretty") == "1"
        return PLAIN if media_type == JSON and not pretty else Form(media_type, pretty=pretty)
    group, version = clause.parameters.get("g", ""), clause.parameters.get("v", "")
    if transforms and kind in _TRANSFORMS and group == _META and version in ("v1", "v1beta1"):
        return Form(media_type, kind, version)
    return None


def wants_pretty(request: Request) -> bool:
    """Indented JSON for people: asked for, or read with a tool of people."""
    asked = request.query.get("pretty")
    if asked:
        return asked[0] not in ("0", "false")
    return request.headers.get("user-agent", "").startswith(("curl", "Wget", "Mozilla/5.0"))


def not_accepted() -> StatusError:
    return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {_PRODUCED}")


@lru_cache(maxsize=256)
def error_form(accept: str) -> Form:
    """The form of an error: JSON unless only YAML or protobuf was asked for; never a Table, never a 406."""
    last_resort = PLAIN
    for clause in clauses(accept):
        if clause.media_type == YAML:
            return Form(YAML)
        if clause.media_type in (JSON, "*/*"):
            return PLAIN
        if clause.media_type == PROTOBUF:
            last_resort = Form(PROTOBUF)
    return last_resort
