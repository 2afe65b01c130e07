"""How the functions of a library are described, independent of the engine.

Types are written as names: "string", "int", "double", "bool", "dyn", "list", "map", "duration", "timestamp",
"list<int>", "optional<string>", or one of Kubernetes' own (OPAQUE, AUTHORIZATION). The checker takes them literally;
at evaluation only what stands before "<" counts. Values of OPAQUE types are maps with their type's name as the only
key, those of AUTHORIZATION are maps. Optionals are lists with one item or none: the engine takes no others from
functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

OPAQUE = (
    "kubernetes.Quantity",
    "kubernetes.URL",
    "kubernetes.Semver",
    "net.IP",
    "net.CIDR",
    "kubernetes.NamedFormat",
)
QUANTITY, URL, SEMVER, IP, CIDR, FORMAT = OPAQUE
AUTHORIZATION = tuple(
    f"kubernetes.authorization.{name}"
    for name in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
)
AUTHORIZER, PATH_CHECK, GROUP_CHECK, RESOURCE_CHECK, DECISION = AUTHORIZATION
MESSAGES = (*OPAQUE, *AUTHORIZATION)
"""What are messages without fields to the checker."""


@dataclass(frozen=True, slots=True)
class Function:
    """`implementation` gets plain Python values and raises ValueError for what CEL calls an error.

    `unchecked`: the checker knows a function of this name that takes the value already, and calls of that one are
    written as calls of this one before they are evaluated (replaced_calls.py).
    `overload`: how cel-go names it, where the name decides what a call costs.
    """

    name: str
    parameters: Sequence[str]
    result: str
    implementation: Callable[..., Any]
    member: bool = True
    unchecked: bool = False
    overload: str = ""


def boxed(kind: str, value: Any) -> dict[str, Any]:
    """A value of one of Kubernetes' own types."""
    return {kind: value}


def unboxed(value: Any, kind: str) -> Any:
    """Raises ValueError when the value is of another type."""
    if isinstance(value, dict) and kind in value:
        return value[kind]
    raise ValueError("no such overload")


def kind_of(value: Any) -> str:
    """The name of a value's type: one of OPAQUE, or ""."""
    if isinstance(value, dict) and len(value) == 1:
        name = next(iter(value))
        return name if name in OPAQUE else ""
    return ""
