"""What RoleBinding and ClusterRoleBinding share: defaults and cells."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from minik.api.columns import age
from minik.api.groups.rbac.rule_validation import GROUP
from minik.api.types import Obj


def default_binding(obj: Obj) -> None:
    role = obj.setdefault("roleRef", {})
    role["apiGroup"] = role.get("apiGroup") or GROUP
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = GROUP


def _named(subjects: Sequence[Obj], kind: str) -> str:
    return ", ".join(each.get("name", "") for each in subjects if each.get("kind") == kind)


def binding_cells(obj: Obj, now: datetime) -> list[Any]:
    subjects, role = obj.get("subjects") or (), obj["roleRef"]
    accounts = [
        f"{each.get('namespace', '')}/{each.get('name', '')}"
        for each in subjects
        if each.get("kind") == "ServiceAccount"
    ]
    return [
        obj["metadata"]["name"],
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj, now),
        _named(subjects, "User"),
        _named(subjects, "Group"),
        ", ".join(accounts),
    ]
