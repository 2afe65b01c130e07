"""Which FlowSchema a request falls under.

Pure. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#flowschema
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.request_info import RequestInfo

_ANY = "*"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Schema:
    """A FlowSchema, taken apart. `by` is "ByUser", "ByNamespace" or "" (all its requests are one flow)."""

    name: str
    uid: str
    level: str
    precedence: int
    by: str
    rules: Sequence[Obj]

    def matches(self, info: RequestInfo, user: UserInfo) -> bool:
        return any(_rule(rule, info, user) for rule in self.rules)

    def distinguisher(self, info: RequestInfo, user: UserInfo) -> str:
        if self.by == "ByUser":
            return user.name
        return info.namespace if self.by == "ByNamespace" else ""


def schema_of(flow_schema: Obj) -> Schema:
    spec = flow_schema["spec"]
    return Schema(
        name=flow_schema["metadata"]["name"],
        uid=flow_schema["metadata"].get("uid", ""),
        level=spec["priorityLevelConfiguration"]["name"],
        precedence=spec.get("matchingPrecedence", 1000),
        by=(spec.get("distinguisherMethod") or {}).get("type", ""),
        rules=spec.get("rules") or (),
    )


def in_order(schemas: Iterable[Schema]) -> list[Schema]:
    """The one that matches first wins: lowest precedence, then name."""
    return sorted(schemas, key=lambda schema: (schema.precedence, schema.name))


def _rule(rule: Obj, info: RequestInfo, user: UserInfo) -> bool:
    if not any(_subject(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if info.is_resource:
        return any(_resource(each, info) for each in rule.get("resourceRules") or ())
    return any(_path(each, info) for each in rule.get("nonResourceRules") or ())


def _subject(subject: Obj, user: UserInfo) -> bool:
    match subject["kind"]:
        case "User":
            return subject["user"]["name"] in (_ANY, user.name)
        case "Group":
            name: str = subject["group"]["name"]
            return name == _ANY or name in user.groups
        case "ServiceAccount":
            account = subject["serviceAccount"]
            prefix = f"{_ACCOUNT}{account['namespace']}:"
            if account["name"] == _ANY:
                return user.name.startswith(prefix)
            return user.name == f"{prefix}{account['name']}"
    return False


def _resource(rule: Obj, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _has(rule["verbs"], info.verb) and _has(rule["apiGroups"], info.group) and _has(rule["resources"], resource)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces") or (), info.namespace)


def _path(rule: Obj, info: RequestInfo) -> bool:
    return _has(rule["verbs"], info.verb) and any(_covers(url, info.path) for url in rule["nonResourceURLs"])


def _covers(url: str, path: str) -> bool:
    if url == _ANY:
        return True
    return path.startswith(url[:-1]) if url.endswith("*") else path == url


def _has(wanted: Sequence[str], value: str) -> bool:
    return _ANY in wanted or value in wanted
