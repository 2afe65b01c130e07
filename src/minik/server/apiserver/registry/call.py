"""One resource request on its way through the registry: what was asked, by whom, and what is to be warned about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from minik.api.request import Request
from minik.api.scheme import Resource
from minik.api.status import StatusError, not_found
from minik.api.types import UserInfo
from minik.server.apiserver.negotiation import PLAIN, Form
from minik.server.apiserver.request_info import RequestInfo

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(slots=True, kw_only=True)
class Call:
    """Everything a handler needs to know of one request."""

    request: Request
    info: RequestInfo
    resource: Resource
    user: UserInfo
    form: Form = PLAIN
    warnings: list[str] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """The namespace of the object; "" for cluster-scoped resources."""
        return self.info.namespace if self.resource.namespaced else ""

    @property
    def name(self) -> str:
        return self.info.name

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, or ""."""
        values = self.request.query.get(name)
        return values[0] if values else ""

    def parameters(self, name: str) -> Sequence[str]:
        return self.request.query.get(name, ())

    @property
    def annotations(self) -> dict[str, str]:
        """Where admission leaves marks for the audit log; nobody reads them if there is none."""
        return {} if self.request.audit is None else self.request.audit.annotations

    def admission_namespace(self, name: str) -> str:
        """The namespace admission is told; a Namespace counts as being in itself."""
        if self.resource.namespaced:
            return self.info.namespace
        if self.resource.plural == "namespaces" and not self.resource.group:
            return name
        return ""

    def warn(self, text: str) -> None:
        if text not in self.warnings and not _CONTROL.search(text):  # no header could hold it
            self.warnings.append(text)

    def not_found(self) -> StatusError:
        return not_found(self.resource.error_group, self.resource.plural, self.name)
