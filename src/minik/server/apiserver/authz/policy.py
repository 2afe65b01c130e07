"""The RBAC objects, indexed by subject, and the rules they give to a user.

Fed by changes (objects.py), so that a decision scans nothing: it looks up the bindings of the user's name and groups.
What one identity may do in one namespace is resolved once and kept until a role or binding changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.authz.rules import Rule

GROUP = "rbac.authorization.k8s.io"
ROLES = GVR(GROUP, "v1", "roles")
CLUSTER_ROLES = GVR(GROUP, "v1", "clusterroles")
ROLE_BINDINGS = GVR(GROUP, "v1", "rolebindings")
CLUSTER_ROLE_BINDINGS = GVR(GROUP, "v1", "clusterrolebindings")
RBAC_RESOURCES = (CLUSTER_ROLES, ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)

KEPT_RESOLUTIONS = 4096

SubjectKey = tuple[str, str]  # ("User" or "Group", name)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role's rules as one binding gives them to one subject. `reason` is what an allowed review says."""

    rules: Sequence[Rule]
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Everything an identity may do in one namespace, cluster-wide grants first; `problems` are dangling references."""

    grants: Sequence[Grant]
    problems: Sequence[str]

    def rules(self) -> Iterator[Obj]:
        for grant in self.grants:
            for rule in grant.rules:
                yield rule.source


@dataclass(slots=True)
class _Binding:
    name: str
    namespace: str
    role_kind: str
    role_name: str
    subjects: dict[SubjectKey, str] = field(default_factory=dict)  # subject -> how the reason names it


class Policy:
    """The roles and bindings of the cluster. `generation` grows with every change."""

    def __init__(self) -> None:
        self.generation = 0
        self.reset()

    def reset(self) -> None:
        self.generation += 1
        self._roles: dict[tuple[str, str], Sequence[Rule]] = {}  # (namespace or "", name)
        self._bindings: dict[tuple[str, str], _Binding] = {}
        self._by_subject: dict[tuple[str, SubjectKey], set[str]] = {}  # (namespace, subject) -> binding names
        self._resolved: dict[tuple[str, tuple[str, ...], str], Resolution] = {}

    def change(self, resource: GVR, new: Obj | None, old: Obj | None) -> None:
        """Take in one change of a role or binding."""
        obj = new or old
        if obj is None:
            return
        self.generation += 1
        self._resolved.clear()
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        if resource in (ROLES, CLUSTER_ROLES):
            if new is None:
                self._roles.pop(key, None)
            else:
                self._roles[key] = tuple(Rule(rule) for rule in new.get("rules") or ())
            return
        self._forget_binding(key)
        if new is not None:
            self._add_binding(key, new)

    def resolve(self, user: UserInfo, namespace: str) -> Resolution:
        """What `user` may do in `namespace` ("": only what is granted cluster-wide)."""
        key = (user.name, tuple(user.groups), namespace)
        found = self._resolved.get(key)
        if found is None:
            if len(self._resolved) >= KEPT_RESOLUTIONS:
                self._resolved.clear()
            found = self._resolved[key] = self._resolve(user, namespace)
        return found

    def role_rules(self, kind: str, name: str, namespace: str) -> Sequence[Obj] | None:
        """The rules a roleRef stands for; None if there is no such role."""
        rules = self._roles.get((namespace if kind == "Role" else "", name))
        return None if rules is None else [rule.source for rule in rules]

    def _resolve(self, user: UserInfo, namespace: str) -> Resolution:
        subjects: list[SubjectKey] = [("User", user.name), *(("Group", group) for group in user.groups)]
        grants: list[Grant] = []
        problems: list[str] = []
        for scope in ("", namespace) if namespace else ("",):
            names: set[str] = set()
            for subject in subjects:
                names |= self._by_subject.get((scope, subject), set())
            for name in sorted(names):
                self._grant(self._bindings[scope, name], subjects, grants, problems)
        return Resolution(grants, problems)

    def _grant(
        self, binding: _Binding, subjects: Sequence[SubjectKey], grants: list[Grant], problems: list[str]
    ) -> None:
        rules = self._roles.get((binding.namespace if binding.role_kind == "Role" else "", binding.role_name))
        if rules is None:
            problems.append(f'{binding.role_kind.lower()}.{GROUP} "{binding.role_name}" not found')
            return
        wanted = set(subjects)
        subject = next(text for key, text in binding.subjects.items() if key in wanted)
        kind, name = ("RoleBinding", f"{binding.name}/{binding.namespace}")
        if not binding.namespace:
            kind, name = "ClusterRoleBinding", binding.name
        reason = f'RBAC: allowed by {kind} "{name}" of {binding.role_kind} "{binding.role_name}" to {subject}'
        grants.append(Grant(rules, reason))

    def _add_binding(self, key: tuple[str, str], obj: Obj) -> None:
        role = obj.get("roleRef") or {}
        binding = _Binding(key[1], key[0], role.get("kind", ""), role.get("name", ""))
        for subject in obj.get("subjects") or ():
            found = _subject(subject, key[0])
            if found is not None:
                binding.subjects.setdefault(*found)
        self._bindings[key] = binding
        for subject_key in binding.subjects:
            self._by_subject.setdefault((key[0], subject_key), set()).add(key[1])

    def _forget_binding(self, key: tuple[str, str]) -> None:
        binding = self._bindings.pop(key, None)
        if binding is None:
            return
        for subject in binding.subjects:
            names = self._by_subject[key[0], subject]
            names.discard(key[1])
            if not names:
                del self._by_subject[key[0], subject]


def _subject(subject: Obj, namespace: str) -> tuple[SubjectKey, str] | None:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind in ("User", "Group"):
        return (kind, name), f'{kind} "{name}"'
    if kind == "ServiceAccount":
        account_namespace = subject.get("namespace") or namespace
        if not account_namespace:
            return None
        text = f'ServiceAccount "{name}/{account_namespace}"'
        return ("User", f"system:serviceaccount:{account_namespace}:{name}"), text
    return None
