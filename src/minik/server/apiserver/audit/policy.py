"""The audit policy: how much of which request is recorded.

Pure, but for reading the file. Rules: apiserver's audit policy checker; the first rule that matches decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import orjson

from minik.api import names
from minik.api.types import Obj, UserInfo
from minik.config import StartupError
from minik.server.apiserver.request_info import RequestInfo

_STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
_API_VERSION = "audit.k8s.io/v1"


class Level(IntEnum):
    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3

    @property
    def text(self) -> str:
        return _NAMES[self]


_NAMES = {
    Level.NONE: "None",
    Level.METADATA: "Metadata",
    Level.REQUEST: "Request",
    Level.REQUEST_RESPONSE: "RequestResponse",
}
_LEVELS = {name: level for level, name in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to record of one request."""

    level: Level
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


NOTHING = Verdict(Level.NONE)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules with their verdicts, in order."""

    rules: Sequence[tuple[Obj, Verdict]]

    def verdict(self, info: RequestInfo, user: UserInfo | None) -> Verdict:
        for rule, verdict in self.rules:
            if _matches(rule, info, user):
                return verdict
        return NOTHING


def load_policy(path: Path) -> Policy:
    """Raises StartupError."""
    from minik.api.codec import yaml_codec

    try:
        document, _ = yaml_codec.loads(path.read_bytes())
        return policy_of(document)
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use audit policy {path}: {error}") from None


def policy_of(document: Any) -> Policy:
    """Raises ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "Policy":
        raise ValueError("it is no Policy")
    if document.get("apiVersion") != _API_VERSION:
        raise ValueError(f"its apiVersion is not {_API_VERSION}")
    rules = document.get("rules") or []
    if not rules:
        raise ValueError("it has no rules")
    return Policy([(rule, _verdict(rule, document, at)) for at, rule in enumerate(rules)])


def _verdict(rule: Obj, document: Obj, at: int) -> Verdict:
    level = _LEVELS.get(rule.get("level", ""))
    if not rule.get("level"):
        raise ValueError(f"rules[{at}].level: Required value")
    if level is None:
        known = ", ".join(f'"{name}"' for name in _LEVELS)
        raise ValueError(f'rules[{at}].level: Unsupported value: "{rule["level"]}": supported values: {known}')
    stages = frozenset([*(document.get("omitStages") or ()), *(rule.get("omitStages") or ())])
    if unknown := stages - set(_STAGES):
        text = f"allowed stages are {','.join(_STAGES)}"
        raise ValueError(f'rules[{at}].omitStages: Invalid value: "{min(unknown)}": {text}')
    _check_urls(rule, f"rules[{at}].nonResourceURLs")
    for wanted in rule.get("resources") or ():
        _check_resources(wanted, f"rules[{at}].resources")
    omit = rule.get("omitManagedFields")
    return Verdict(level, stages, bool(document.get("omitManagedFields") if omit is None else omit))


def _check_urls(rule: Obj, where: str) -> None:
    urls = rule.get("nonResourceURLs") or ()
    for place, url in enumerate(urls):
        if url != "*" and not url.startswith("/"):
            text = "non-resource URL rules must begin with a '/' character"
            raise ValueError(f'{where}[{place}]: Invalid value: "{url}": {text}')
        if "*" in url[:-1]:
            text = "non-resource URL wildcards '*' must be the final character of the rule"
            raise ValueError(f'{where}[{place}]: Invalid value: "{url}": {text}')
    if urls and (rule.get("resources") or rule.get("namespaces")):
        shown = orjson.dumps(list(urls)).decode()
        text = "rules cannot apply to both regular resources and non-resource URLs"
        raise ValueError(f"{where}: Invalid value: {shown}: {text}")


def _check_resources(wanted: Obj, where: str) -> None:
    group, resource_names = wanted.get("group") or "", wanted.get("resourceNames") or ()
    if group not in ("", "*") and (wrong := names.dns_subdomain(group)):
        raise ValueError(f'{where}.group: Invalid value: "{group}": {",".join(wrong)}')
    if resource_names and not wanted.get("resources"):
        shown = orjson.dumps(list(resource_names)).decode()
        text = "using resourceNames requires at least one resource"
        raise ValueError(f"{where}.resourceNames: Invalid value: {shown}: {text}")


def _matches(rule: Obj, info: RequestInfo, user: UserInfo | None) -> bool:
    users, groups, verbs = rule.get("users"), rule.get("userGroups"), rule.get("verbs")
    if users and (user is None or user.name not in users):
        return False
    if groups and (user is None or not set(groups) & set(user.groups)):
        return False
    if verbs and info.verb not in verbs:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return info.is_resource and _matches_resource(rule, info)
    if rule.get("nonResourceURLs"):
        return not info.is_resource and any(_covers(url, info.path) for url in rule["nonResourceURLs"])
    return True


def _matches_resource(rule: Obj, info: RequestInfo) -> bool:
    namespaces = rule.get("namespaces")
    if namespaces and info.namespace not in namespaces:
        return False
    wanted = rule.get("resources")
    return not wanted or any(_in_group(each, info) for each in wanted)


def _in_group(wanted: Obj, info: RequestInfo) -> bool:
    if (wanted.get("group") or "") not in (info.group, "*"):
        return False
    patterns, resource_names = wanted.get("resources"), wanted.get("resourceNames")
    if not patterns:
        return True
    if resource_names and info.name not in resource_names:
        return False
    whole = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    return any(
        pattern in (whole, "*", f"{info.resource}/*") or (info.subresource and pattern == f"*/{info.subresource}")
        for pattern in patterns
    )


def _covers(url: str, path: str) -> bool:
    return url == "*" or path == url or (url.endswith("*") and path.startswith(url.rstrip("*")))
