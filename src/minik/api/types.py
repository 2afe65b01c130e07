"""The few data shapes that every floor shares.

API objects are plain dicts exactly as JSON has them. What minik itself defines here is frozen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Obj = dict[str, Any]


class GVR(NamedTuple):
    """group, version, resource (plural). The core group is ""."""

    group: str
    version: str
    resource: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who sends a request (authentication.k8s.io/v1 UserInfo)."""

    name: str
    uid: str = ""
    groups: Sequence[str] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)
