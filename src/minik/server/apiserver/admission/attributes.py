"""What admission is asked about one write, and the two hooks the registry calls.

Upstream: apiserver's admission.Attributes, https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from minik.api.scheme import Resource
from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.admission.reinvocation import Reinvocation


class Operation(StrEnum):
    """The kinds of writes; the values are those of admission.k8s.io/v1 AdmissionRequest.operation."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


@dataclass(slots=True, kw_only=True)
class AdmissionAttributes:
    """One write. Mutating plugins change `obj` in place; both phases may append to `warnings` and `annotations`.

    `obj` is None on DELETE, `old_obj` None on CREATE and CONNECT. `old_obj` is shared: never change it. `kind` is the
    kind of `obj` (Scale for deployments/scale), `options` the decoded CreateOptions, UpdateOptions, PatchOptions or
    DeleteOptions. `resource` is the scheme's entry of `gvr`.
    """

    operation: Operation
    gvr: GVR
    kind: str
    name: str
    user: UserInfo
    resource: Resource
    namespace: str = ""
    subresource: str = ""
    obj: Obj | None = None
    old_obj: Obj | None = None
    dry_run: bool = False
    options: Obj = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)  # for the audit log
    reinvocation: Reinvocation = field(default_factory=Reinvocation)


class Admission(Protocol):
    """The admission chain. Both raise StatusError to refuse."""

    async def mutate(self, attributes: AdmissionAttributes) -> None: ...

    async def validate(self, attributes: AdmissionAttributes) -> None: ...
