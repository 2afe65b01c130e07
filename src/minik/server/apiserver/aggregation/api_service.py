"""What an APIService says: which group version is served elsewhere, where, and whether it is available.

Pure. https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
"""

from dataclasses import dataclass

from minik.api.types import Obj
from minik.api.webhook_client_validation import ca_bundle_complaint

AVAILABLE = "Available"
DEFAULT_PORT = 443


@dataclass(frozen=True, slots=True)
class Backend:
    """The API server behind an APIService. `ca_bundle` is base64, "" for the machine's own CAs."""

    name: str  # of the APIService
    group: str
    version: str
    namespace: str  # of the Service
    service: str
    port: int
    ca_bundle: str
    insecure: bool
    complaint: str = ""  # why its certificate cannot be checked

    @property
    def server_name(self) -> str:
        """What its certificate is for."""
        return f"{self.service}.{self.namespace}.svc"

    @property
    def base_path(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


@dataclass(frozen=True, slots=True)
class Condition:
    """The Available condition as it should be."""

    status: str
    reason: str
    message: str


LOCAL = Condition("True", "Local", "Local APIServices are always available")
PASSED = Condition("True", "Passed", "all checks passed")


def priorities_of(api_service: Obj) -> tuple[tuple[str, str], tuple[int, int]]:
    """(group, version), and how the group ranks among groups and the version in its group: the higher the earlier."""
    spec = api_service["spec"]
    return (
        (spec.get("group", ""), spec.get("version", "")),
        (spec.get("groupPriorityMinimum", 0), spec.get("versionPriority", 0)),
    )


def backend_of(api_service: Obj) -> Backend | None:
    """None: this server serves the group version itself."""
    spec = api_service["spec"]
    service = spec.get("service")
    if not service:
        return None
    bundle = spec.get("caBundle") or ""
    return Backend(
        name=api_service["metadata"]["name"],
        group=spec.get("group") or "",
        version=spec.get("version") or "",
        namespace=service.get("namespace") or "",
        service=service.get("name") or "",
        port=service.get("port") or DEFAULT_PORT,
        ca_bundle=bundle,
        insecure=bool(spec.get("insecureSkipTLSVerify")),
        complaint=ca_bundle_complaint(bundle),
    )


def is_available(api_service: Obj) -> bool:
    found = _condition(api_service)
    return found is not None and found.get("status") == "True"


def with_condition(api_service: Obj, condition: Condition, now: str) -> Obj | None:
    """The object with this condition; None if it has it already."""
    before = _condition(api_service)
    wanted = {
        "type": AVAILABLE,
        "status": condition.status,
        "lastTransitionTime": now,
        "reason": condition.reason,
        "message": condition.message,
    }
    if before is not None and before.get("status") == condition.status:
        wanted["lastTransitionTime"] = before.get("lastTransitionTime") or now
    if before == wanted:
        return None
    status = api_service.get("status") or {}
    others = [c for c in status.get("conditions") or () if c.get("type") != AVAILABLE]
    return {**api_service, "status": {**status, "conditions": [*others, wanted]}}


def _condition(api_service: Obj) -> Obj | None:
    conditions = (api_service.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == AVAILABLE), None)
