"""How every component talks to the API: one interface, two doors.

`LocalClient` (client/local.py) hands requests to the pipeline in the same process; `HttpClient` (client/http.py)
speaks HTTPS. Both raise `minik.api.status.StatusError` for what the server refuses. Objects that come back from
get, list and watch are shared and read-only: copy (`copy.deepcopy`) before changing one.
Names of parameters are those of the API: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from minik.api.request import WatchEvent
from minik.api.types import GVR, Obj

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class ListResult:
    """`resource_version` is where a watch continues; `continue_token` is "" on the last page."""

    items: Sequence[Obj]
    resource_version: str
    continue_token: str = ""


class Client(Protocol):
    """The API as one identity sees it. Every method raises StatusError; connection failures raise ConnectionError."""

    async def get(self, resource: GVR, name: str, namespace: str | None = None, *, subresource: str = "") -> Obj: ...

    async def list(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        limit: int = 0,
        continue_token: str = "",
        metric_label_selector: str = "",
    ) -> ListResult:
        """`metric_label_selector` is the custom metrics API's."""
        ...

    async def create(
        self, resource: GVR, obj: Obj, namespace: str | None = None, *, name: str = "", subresource: str = ""
    ) -> Obj:
        """With `subresource`, `name` is the parent (pods/x/binding, serviceaccounts/x/token)."""
        ...

    async def update(self, resource: GVR, obj: Obj, namespace: str | None = None, *, subresource: str = "") -> Obj: ...

    async def patch(
        self,
        resource: GVR,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        patch_type: str = MERGE_PATCH,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Obj: ...

    async def delete(
        self,
        resource: GVR,
        name: str,
        namespace: str | None = None,
        *,
        grace_period_seconds: int | None = None,
        propagation_policy: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> Obj:
        """uid and resource_version are preconditions."""
        ...

    async def delete_collection(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation_policy: str = "",
    ) -> None: ...

    def watch(
        self,
        resource: GVR,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        allow_bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[Sequence[WatchEvent]]:
        """Batches of events, until the server ends the watch. A 410 raises StatusError (list again)."""
        ...
