"""GetOptions and ListOptions: read from the query, checked as upstream checks them.

Rules: apimachinery's metainternalversion validation,
https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
"""

from dataclasses import dataclass

from minik.api import selectors
from minik.api.status import StatusError, bad_request
from minik.api.validation import FieldError, forbidden, invalid, not_supported
from minik.server.apiserver.registry import continue_token
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.continue_token import Continue
from minik.server.apiserver.request_info import truthy

_INT64 = 1 << 63
_UINT64 = (1 << 64) - 1


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
    digits = text[1:] if text[:1] in ("+", "-") else text
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
    _integer(call, "timeoutSeconds")
    limit = max(_integer(call, "limit"), 0)
    _parse_selectors(call)
    version, match = call.parameter("resourceVersion"), call.parameter("resourceVersionMatch")
    token = call.parameter("continue")
    _raise(_list_errors(version, match, token, send_initial=bool(call.parameters("sendInitialEvents"))))
    if token:
        resume = continue_token.decode(token)
        if version and version != "0":
            raise bad_request("specifying resource version is not allowed when using continue")
        return ListOptions(limit=limit, resume=resume)
    revision = parse_revision(version, prefix="invalid resource version: ", code=400)
    if revision == 0 and call.resource.plural != "events":
        limit = 0  # what upstream's watch cache answers is whole; it keeps no Events
    exact = match == "Exact" or (not match and bool(limit) and bool(revision))
    return ListOptions(revision, exact, limit)


def _list_errors(version: str, match: str, token: str, *, send_initial: bool) -> list[FieldError]:
    errors: list[FieldError] = []
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
    if send_initial:
        errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def parse_watch(call: Call) -> WatchOptions:
    """Raises StatusError 400, 422 and 500.

    Without a version or from "0" on, a watch begins with the present state and a mark after it, unless it is asked for
    by the old form of path, whose options are those of a list.
    """
    timeout = _integer(call, "timeoutSeconds")
    _integer(call, "limit")
    _parse_selectors(call)
    version, match = call.parameter("resourceVersion"), call.parameter("resourceVersionMatch")
    token, given = call.parameter("continue"), bool(call.parameters("sendInitialEvents"))
    asked = truthy(call.request.query, "sendInitialEvents")
    if not truthy(call.request.query, "watch"):
        _raise(_list_errors(version, match, token, send_initial=given))
    else:
        if version in ("", "0") and not match and not given:
            match, given, asked = "NotOlderThan", True, True
        _raise(_watch_errors(match, token, send_initial=given))
    revision = parse_revision(version)
    bookmarks = truthy(call.request.query, "allowWatchBookmarks")
    initial = asked or (not given and not revision)
    return WatchOptions(revision, initial, asked and bookmarks, bookmarks, max(timeout, 0))


def _watch_errors(match: str, token: str, *, send_initial: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if send_initial:
        if match != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            errors.append(forbidden("resourceVersionMatch", text))
    elif match:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(forbidden("resourceVersionMatch", text))
    if match and match != "NotOlderThan":
        errors.append(not_supported("resourceVersionMatch", match, ("NotOlderThan",)))
    if match and token:
        errors.append(forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    return errors


def _integer(call: Call, name: str) -> int:
    """An int64 parameter, 0 if it is not given. Raises StatusError 400."""
    given = call.parameters(name)
    return parse_int(given[0]) if given else 0


def _parse_selectors(call: Call) -> None:
    """Selectors that cannot be read are complained about before options that make no sense. Raises StatusError 400."""
    selectors.parse_labels(call.parameter("labelSelector"))
    selectors.parse_fields(call.parameter("fieldSelector"))


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise invalid("meta.k8s.io", "ListOptions", "", errors)


def version_problem(version: str) -> str:
    """What strconv.ParseUint has against a resourceVersion; "" if it has nothing."""
    if not (version.isascii() and version.isdigit()):
        return "invalid syntax"
    return "value out of range" if int(version) > _UINT64 else ""


def parse_revision(version: str, *, prefix: str = "", code: int = 500) -> int | None:
    """A resourceVersion parameter. Lists answer a bad one with 400 and a prefix, gets with a bare 500."""
    if not version:
        return None
    if problem := version_problem(version):
        text = f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": {problem}'
        raise StatusError(code, "BadRequest" if code == 400 else "", prefix + text)
    return int(version)
