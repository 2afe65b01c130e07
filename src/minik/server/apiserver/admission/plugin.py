"""What an admission plugin is, and how it refuses.

One plugin a file; chain.py says which there are and in which order.
https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from minik.api.status import StatusError, forbidden
from minik.server.apiserver.admission.attributes import AdmissionAttributes, Operation

CREATE, UPDATE, DELETE, CONNECT = Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.CONNECT

Step = Callable[[AdmissionAttributes], Coroutine[Any, Any, None]]


class Plugin:
    """A plugin overrides `mutate`, `validate` or both.

    It is asked only about its `operations` on its `resources` ((group, plural); None: all of them). Subresources are
    included: who does not care about them looks at `attributes.subresource`.
    """

    name: ClassVar[str]
    operations: ClassVar[frozenset[Operation]]
    resources: ClassVar[frozenset[tuple[str, str]] | None]

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        """Change `attributes.obj` or raise StatusError."""

    async def validate(self, attributes: AdmissionAttributes) -> None:
        """Raise StatusError to refuse."""

    def cares_about(self, operation: Operation, group: str, plural: str) -> bool:
        return operation in self.operations and (self.resources is None or (group, plural) in self.resources)


def refuse(attributes: AdmissionAttributes, reason: str) -> StatusError:
    """The 403 of an admission plugin about the object at hand."""
    name = attributes.name
    if not name and attributes.obj is not None:
        metadata = attributes.obj.get("metadata") or {}
        name = metadata.get("name") or metadata.get("generateName") or ""
    return forbidden(attributes.gvr.group, attributes.gvr.resource, name or "Unknown", reason)
