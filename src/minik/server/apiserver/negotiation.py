"""Which form of an answer a client accepts: media type, and Table or PartialObjectMetadata instead of the object.

Pure. Upstream checks twice: the route's list of media types first, then the parameters (`as`, `g`, `v`).
Rules: https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from minik.api.request import Request
from minik.api.status import StatusError

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OFFERED = (JSON, YAML, PROTOBUF)
_PRODUCED = ", ".join(OFFERED)
_STREAMED = f"{JSON};stream=watch, {PROTOBUF};stream=watch"
_META = "meta.k8s.io"
_CONVERSION = frozenset(("as", "g", "v"))
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
    """The entries of an Accept header, best first; equals keep the client's order.

    Upstream's order is none that could be sorted by: wildcards come last whatever their quality, but only after what
    they are compared with. It is the one that an insertion makes, as Go's sort does with few entries.
    """
    found: list[Clause] = []
    for entry in accept.split(","):
        media_type, *rest = (piece.strip() for piece in entry.split(";"))
        if not media_type:
            continue
        parameters = dict(_pair(piece) for piece in rest if piece)
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        found.append(Clause("*/*" if media_type == "*" else media_type, parameters, quality))
    for end in range(1, len(found)):
        for at in range(end, 0, -1):
            if not _goes_before(found[at], found[at - 1]):
                break
            found[at - 1], found[at] = found[at], found[at - 1]
    return tuple(found)


def _goes_before(one: Clause, other: Clause) -> bool:
    if one.quality > other.quality:
        return True
    (one_type, _, one_subtype), (other_type, _, other_subtype) = (c.media_type.partition("/") for c in (one, other))
    return (one_type != "*" and other_type == "*") or (one_subtype != "*" and other_subtype == "*")


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')


@lru_cache(maxsize=256)
def negotiate(
    accept: str,
    *,
    transforms: bool = True,
    tables: bool = True,
    protobuf: bool = True,
    routed: bool = True,
    streams: bool = False,
) -> Form:
    """The form to answer in. Raises StatusError 406.

    `transforms`: the endpoint can answer as Table or PartialObjectMetadata; `tables`: also as the first. `protobuf`:
    its objects have a protobuf form; their metadata always has. Either is only used for clients that take nothing
    else, because JSON lies ready in the store. `routed`: a list of media types stands at the route, which custom
    resources have none of; `streams`: a watch has the same route.
    """
    if not accept:
        return PLAIN
    entries = clauses(accept)
    if routed and not _route_takes(accept, OFFERED):
        produced = f"{_PRODUCED}, {_STREAMED}" if streams else _PRODUCED
        raise _no_route(produced)
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
    return last_resort


def _form(clause: Clause, *, transforms: bool) -> Form | None:
    """What one entry asks for; None if it cannot be had."""
    media_type = JSON if clause.media_type in ("*/*", "application/*") else clause.media_type
    if media_type not in OFFERED or not _serves(clause.parameters, media_type, transforms=transforms):
        return None
    if _CONVERSION.isdisjoint(clause.parameters):
        pretty = clause.parameters.get("pretty") == "1"
        return PLAIN if media_type == JSON and not pretty else Form(media_type, pretty=pretty)
    kind, group, version = (clause.parameters.get(name, "") for name in ("as", "g", "v"))
    if not transforms or kind not in _TRANSFORMS or group != _META or version not in ("v1", "v1beta1"):
        return None
    return None if kind == "Table" and media_type == PROTOBUF else Form(media_type, kind, version)


def _serves(parameters: Mapping[str, str], media_type: str, *, transforms: bool) -> bool:
    """Whether the stream and the server's version that are asked for, if any are, can be had."""
    stream, version = parameters.get("stream"), parameters.get("sv")
    if stream and (stream != "watch" or media_type == YAML):
        return False
    return not version or (transforms and version == "v1")


def wants_pretty(request: Request) -> bool:
    """Indented JSON for people: asked for, or read with a tool of people."""
    asked = request.query.get("pretty")
    if asked and asked[0]:
        return asked[0] in ("1", "t", "T", "true", "TRUE", "True")
    return request.headers.get("user-agent", "").startswith(("curl", "Wget", "Mozilla/5.0"))


def accepts_route(accept: str, produced: str) -> None:
    """Refuses clients that do not take the only media type of a route. Raises StatusError 406."""
    if accept and not _route_takes(accept, (produced,)):
        raise _no_route(produced)


def _route_takes(accept: str, produced: Collection[str]) -> bool:
    """Whether a route has what a client takes; of wildcards it only knows the plainest."""
    media_types = (entry.partition(";")[0].strip() for entry in accept.split(","))
    return any(media_type == "*/*" or media_type in produced for media_type in media_types)


def _no_route(produced: str) -> StatusError:
    message = f"406: Not Acceptable\n\nAvailable representations: {produced}"
    return StatusError(406, "NotAcceptable", message, has_details=True)


def not_accepted(*, streamed: bool = False) -> StatusError:
    """`streamed`: none of the media types that a watch can be sent in."""
    accepted = _STREAMED if streamed else _PRODUCED
    return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {accepted}")


@lru_cache(maxsize=256)
def error_form(accept: str) -> Form:
    """The form of an error: JSON unless only YAML or protobuf was asked for; never a Table, never a 406."""
    last_resort = PLAIN
    for clause in clauses(accept):
        form = _form(clause, transforms=False)
        if form is None:
            continue
        if form.media_type != PROTOBUF:
            return Form(form.media_type)
        last_resort = form
    return last_resort
