"""What Go's url.ParseRequestURI finds wrong with a text, and how Go writes a path.

Behaviour: https://pkg.go.dev/net/url
"""

import re
from urllib.parse import quote, unquote_to_bytes

from minik.api.validation import show

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PORT = re.compile(r"(:[0-9]*)?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_HOST = re.compile(r"""[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>"%]|[^\x00-\x7f]""")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_WRITTEN_PATH = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:@/%\[\]]*")
_UNESCAPED = "$&+,/:;=@-_.~"


def request_uri_complaint(text: str) -> str:
    """`parse "x": invalid URI for request`, or "" if it is one."""
    problem = _problem(text)
    return f"parse {show(text)}: {problem}" if problem else ""


def escaped_path(path: str) -> str:
    """A path as written, where that is a valid way, or escaped by Go."""
    if _WRITTEN_PATH.fullmatch(path):
        return path
    return quote(unquote_to_bytes(path), safe=_UNESCAPED)


def _problem(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        return "net/url: invalid control character in URL"
    if not text:
        return "empty url"
    if text == "*":
        return ""
    if text.startswith(":"):
        return "missing protocol scheme"
    scheme = _SCHEME.match(text)
    rest = (text[scheme.end() :] if scheme else text).partition("?")[0]
    if not rest.startswith("/"):
        return "" if scheme else "invalid URI for request"
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if problem := _authority_problem(authority):
            return problem
        rest = slash + path
    return _escape_problem(rest)


def _authority_problem(authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if problem := _host_problem(host):
        return problem
    if at and not _USER.fullmatch(user):
        return "net/url: invalid userinfo"
    return _escape_problem(user)


def _host_problem(host: str) -> str:
    if host.startswith("["):
        if "]" not in host:
            return "missing ']' in host"
        port = host.rpartition("]")[2]
    else:
        _, colon, number = host.rpartition(":")
        port = colon + number if colon else ""
    if not _PORT.fullmatch(port):
        return f"invalid port {show(port)} after host"
    if problem := _escape_problem(host):
        return problem
    strange = next((character for character in host if not _HOST.fullmatch(character)), "")
    return f"invalid character {show(strange)} in host name" if strange else ""


def _escape_problem(text: str) -> str:
    wrong = _ESCAPE.search(text)
    return f"invalid URL escape {show(wrong[0])}" if wrong else ""
