"""API errors: raised as the Kubernetes Status they become.

Shapes and texts: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ and the
constructors of apimachinery's `errors` package.
"""

from collections.abc import Mapping, Sequence

from minik.api.types import Obj


class StatusError(Exception):
    """An API error. `status()` is the metav1.Status answered to the client; `code` its HTTP code."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        name: str = "",
        group: str = "",
        kind: str = "",
        uid: str = "",
        causes: Sequence[Obj] = (),
        retry_after: int = 0,
        has_details: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.warnings: Sequence[str] = ()  # Warning headers that go with the answer
        self.headers: Mapping[str, str] = {}  # other headers
        details: Obj = {}
        if name:
            details["name"] = name
        if group:
            details["group"] = group
        if kind:
            details["kind"] = kind
        if uid:
            details["uid"] = uid
        if causes:
            details["causes"] = list(causes)
        if retry_after:
            details["retryAfterSeconds"] = retry_after
        self.details: Obj | None = details if (details or has_details) else None

    def status(self) -> Obj:
        """The Status object, key order as upstream writes it."""
        out: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = self.details
        out["code"] = self.code
        return out


def _qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(group: str, resource: str, name: str, message: str) -> StatusError:
    """403 about a resource. `message` is what follows `pods "x" is forbidden: `."""
    if not resource:
        text = f"forbidden: {message}"
    elif name:
        text = f'{_qualified(group, resource)} "{name}" is forbidden: {message}'
    else:
        text = f"{_qualified(group, resource)} is forbidden: {message}"
    return StatusError(403, "Forbidden", text, name=name, group=group, kind=resource, has_details=True)


def not_found(group: str, resource: str, name: str) -> StatusError:
    text = f'{_qualified(group, resource)} "{name}" not found'
    return StatusError(404, "NotFound", text, name=name, group=group, kind=resource)


def generic_not_found() -> StatusError:
    """404 for a path no handler serves."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", has_details=True)


def not_allowed() -> StatusError:
    """405 for a method the path does not have."""
    text = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", text, has_details=True)


def method_not_supported(group: str, resource: str, action: str) -> StatusError:
    text = f'{action} is not supported on resources of kind "{_qualified(group, resource)}"'
    return StatusError(405, "MethodNotAllowed", text, group=group, kind=resource)


def already_exists(group: str, resource: str, name: str) -> StatusError:
    text = f'{_qualified(group, resource)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", text, name=name, group=group, kind=resource)


def generate_name_conflict(group: str, resource: str, name: str) -> StatusError:
    text = (
        f'{_qualified(group, resource)} "{name}" already exists, '
        "the server was not able to generate a unique name for the object"
    )
    return StatusError(409, "AlreadyExists", text, name=name, group=group, kind=resource, retry_after=1)


def conflict(group: str, resource: str, name: str, message: str) -> StatusError:
    text = f'Operation cannot be fulfilled on {_qualified(group, resource)} "{name}": {message}'
    return StatusError(409, "Conflict", text, name=name, group=group, kind=resource)


OPTIMISTIC_LOCK = "the object has been modified; please apply your changes to the latest version and try again"


def gone(message: str) -> StatusError:
    return StatusError(410, "Gone", message)


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def entity_too_large(message: str) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {message}")


def too_large(limit: int) -> StatusError:
    return entity_too_large(f"limit is {limit}")


def unsupported_media_type(message: str) -> StatusError:
    return StatusError(415, "UnsupportedMediaType", message)


def internal_error(message: str) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", causes=[{"message": message}])


def service_unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def timeout(message: str, retry_after: int = 0) -> StatusError:
    return StatusError(504, "Timeout", f"Timeout: {message}", retry_after=retry_after, has_details=True)
