"""How an aggregated API server learns who asks: headers it believes because of this server's front-proxy certificate.

https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#authentication-flow
"""

from collections.abc import Mapping
from urllib.parse import quote

from multidict import CIMultiDict

from minik.api.types import UserInfo

_TOKEN = "!#$&'*+-.^_`|~"  # what an HTTP header name may hold besides letters and digits, without the escape itself
_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
    }
)
_LOOKED_AT = {"content-type": "Content-Type", "content-encoding": "Content-Encoding"}
_CREDENTIALS = frozenset({"authorization", "cookie"})
_CLAIMS = ("impersonate-", "x-remote-")


def identity(user: UserInfo) -> CIMultiDict[str]:
    """X-Remote-User, -Uid, -Group and -Extra-*."""
    headers: CIMultiDict[str] = CIMultiDict({"X-Remote-User": user.name})
    if user.uid:
        headers["X-Remote-Uid"] = user.uid
    for group in user.groups:
        headers.add("X-Remote-Group", group)
    for key, values in user.extra.items():
        for value in values:
            headers.add(f"X-Remote-Extra-{quote(key.lower(), safe=_TOKEN)}", value)
    return headers


def passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The client's headers (lower-case names, repetitions joined by a line feed) as the next server may see them."""
    passed: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        if name in _OF_ONE_CONNECTION or name in _CREDENTIALS or name == "host" or name.startswith(_CLAIMS):
            continue
        for each in value.split("\n"):
            passed.add(name, each)
    return passed


def handed_back(headers: Mapping[str, str]) -> dict[str, str]:
    """The answer's headers as the client may see them, in the usual spelling where somebody looks at them here."""
    kept: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower not in _OF_ONE_CONNECTION and lower != "audit-id":
            name = _LOOKED_AT.get(lower, name)
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept
