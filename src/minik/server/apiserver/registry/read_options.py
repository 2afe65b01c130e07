"""GetOptions and ListOptions: read from the query, checked as upstream checks them.

Rules: apimachinery's metainternalversion validation,
https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from dataclasses import dataclass

from minik.api.status import StatusError, bad_request
from minik.api.validation import FieldError, forbidden, invalid, not_supported
from minik.server.apiserver.registry import continue_token
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.continue_token import Continue
from minik.server.apiserver.request_info import truthy

_INT64 = 1 << 63


@dataclass(frozen=True, slots=True)
class ListOptions:
    """`revision` None: not given. `exact`: the state at that revision, not any newer one."""

    revision: int | None = None
    exact: bool = False
    limit: int = 0
    resume: Continue | None = None


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """`initial`: begin with the present state. `marked`: end that part with the initial-events-end bookmark."""

    revision: int | None
    initial: bool
    marked: bool
    bookmarks: bool
    timeout: int  # seconds; 0: the server chooses


PLAIN_LIST = ListOptions()


def parse_int(text: str) -> int:
    """An int64 parameter. Raises StatusError 400 in strconv's words."""
    if not text:
        return 0
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    value = int(text)
    if not -_INT64 <= value < _INT64:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def parse_list(call: Call) -> ListOptions:
    """Raises StatusError 400 and 422."""
    if not call.request.query:
        return PLAIN_LIST
    parse_int(call.parameter("timeoutSeconds"))
    limit = max(parse_int(call.parameter("limit")), 0)
    version, match = call.parameter("resourceVersion"), call.parameter("resourceVersionMatch")
    token = call.parameter("continue")
    _raise(_list_errors(version, match, token, call.parameter("sendInitialEvents")))
    if token:
        if version and version != "0":
            raise bad_request("specifying resource version is not allowed when using continue")
        return ListOptions(limit=limit, resume=continue_token.decode(token))
    revision = parse_revision(version, prefix="invalid resource version: ", code=400)
    if revision == 0 and call.resource.plural != "events":
        limit = 0  # what upstream's watch cache answers is whole; it keeps no Events
    exact = match == "Exact" or (not match and bool(limit) and bool(revision))
    return ListOptions(revision, exact, limit)


def _list_errors(version: str, match: str, token: str, send_initial: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if send_initial:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if match:
        if not version:
            text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            errors.append(forbidden("resourceVersionMatch", text))
        if token:
            text = "resourceVersionMatch is forbidden when continue is provided"
            errors.append(forbidden("resourceVersionMatch", text))
        if match not in ("Exact", "NotOlderThan"):
            errors.append(not_supported("resourceVersionMatch", match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and version == "0":
            text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            errors.append(forbidden("resourceVersionMatch", text))
    return errors


def parse_watch(call: Call) -> WatchOptions:
    """Raises StatusError 400 and 422."""
    timeout = parse_int(call.parameter("timeoutSeconds"))
    parse_int(call.parameter("limit"))
    version, match = call.parameter("resourceVersion"), call.parameter("resourceVersionMatch")
    send_initial = call.parameter("sendInitialEvents")
    _raise(_watch_errors(match, send_initial, call.parameter("continue")))
    revision = parse_revision(version, prefix="invalid resource version: ", code=400)
    asked = truthy(call.request.query, "sendInitialEvents")
    bookmarks = truthy(call.request.query, "allowWatchBookmarks")
    initial = asked or (not send_initial and not revision)
    return WatchOptions(revision, initial, asked and bookmarks, bookmarks, max(timeout, 0))


def _watch_errors(match: str, send_initial: str, token: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if send_initial:
        if match != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            errors.append(forbidden("resourceVersionMatch", text))
        if token:
            errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden when continue is provided"))
    elif match:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(forbidden("resourceVersionMatch", text))
    if match and match not in ("Exact", "NotOlderThan"):
        errors.append(not_supported("resourceVersionMatch", match, ("Exact", "NotOlderThan", "")))
    return errors


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise invalid("meta.k8s.io", "ListOptions", "", errors)


def parse_revision(version: str, *, prefix: str = "", code: int = 500) -> int | None:
    """A resourceVersion parameter. Lists answer a bad one with 400 and a prefix, gets with a bare 500."""
    if not version:
        return None
    if not (version.isascii() and version.isdigit()):
        text = f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax'
        raise StatusError(code, "BadRequest" if code == 400 else "", prefix + text)
    return int(version)
