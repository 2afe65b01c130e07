"""Sends Pod statuses to the API: at once, only what changed, one request per Pod at a time, the newest wins.

A status that could not be sent is tried again with backoff until a newer one replaces it or the Pod is gone.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from minik.agent.kubelet.conditions import OWNED, RESIZE
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.resources import PODS

log = logging.getLogger("minik.kubelet")

FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 10.0  # seconds
FLUSH_TIMEOUT = 10.0
_CLEARED = ("reason", "message", "podIP", "podIPs", "initContainerStatuses", "ephemeralContainerStatuses")


class StatusManager:
    """`set` returns at once; `flush` waits until a Pod's newest status has arrived."""

    def __init__(
        self, client: Client, group: asyncio.TaskGroup, target: Callable[[Obj], Obj | None] = lambda pod: pod
    ) -> None:
        """`target` tells which API object carries a Pod's status (static Pods: the mirror); None: none yet."""
        self._client = client
        self._target = target
        self._group = group
        self._wanted: dict[str, tuple[Obj, Obj]] = {}  # uid -> (pod, status) not sent yet
        self._sent: dict[str, Obj] = {}  # uid -> the Pod as the API answered it last
        self._senders: dict[str, asyncio.Task[None]] = {}

    def set(self, pod: Obj, status: Obj) -> None:
        uid = pod["metadata"]["uid"]
        self._wanted[uid] = (pod, status)
        if uid not in self._senders:
            self._senders[uid] = self._group.create_task(self._send(uid), name=f"status {uid}")

    def observe(self, pod: Obj, status: Obj) -> None:
        """The API shows `pod`; send `status`, the kubelet's own, again if somebody else has changed it."""
        uid = pod["metadata"]["uid"]
        sent = self._sent.get(uid)
        if sent is None or uid in self._senders or not _is_newer(pod, sent):
            return
        self._sent[uid] = pod
        if _verdicts(pod.get("status") or {}) != _verdicts(status):
            self.set(pod, status)

    async def flush(self, uid: str) -> None:
        """Raises TimeoutError."""
        sender = self._senders.get(uid)
        if sender is not None:
            await asyncio.wait_for(asyncio.shield(sender), FLUSH_TIMEOUT)

    def again(self, pod: Obj, status: Obj) -> None:
        """The object that carries the status is a new one: tell it everything."""
        self._sent.pop(pod["metadata"]["uid"], None)
        self.set(pod, status)

    def forget(self, uid: str) -> None:
        self._wanted.pop(uid, None)
        self._sent.pop(uid, None)
        sender = self._senders.pop(uid, None)
        if sender is not None:
            sender.cancel()

    async def _send(self, uid: str) -> None:
        """Leaves in the very step that found nothing more to send: a status set after that gets a sender of its own."""
        try:
            await self._send_newest(uid)
        finally:
            if self._senders.get(uid) is asyncio.current_task():
                del self._senders[uid]

    async def _send_newest(self, uid: str) -> None:
        backoff = FIRST_BACKOFF
        while uid in self._wanted:
            pod, status = self._wanted[uid]
            try:
                await self._send_one(uid, pod, status)
            except StatusError as error:
                if error.code == 404 or (error.code == 409 and not await self._is_same(pod)):
                    self._wanted.pop(uid, None)
                    return
                log.warning("cannot update the status of pod %s: %s", pod["metadata"]["name"], error.message)
            except OSError as error:
                log.warning("cannot update the status of pod %s: %r", pod["metadata"]["name"], error)
            except Exception:
                log.exception("cannot update the status of pod %s", pod["metadata"]["name"])
            else:
                backoff = FIRST_BACKOFF
                if self._wanted.get(uid) == (pod, status):
                    del self._wanted[uid]
                continue
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _send_one(self, uid: str, pod: Obj, status: Obj) -> None:
        target = self._target(pod)
        if target is None:
            return
        old = (self._sent.get(uid) or target).get("status") or {}
        patch = status_patch(old, status)
        if patch:
            metadata = target["metadata"]
            body = {"metadata": {"uid": metadata["uid"]}, "status": patch}
            answer = await self._client.patch(
                PODS,
                metadata["name"],
                body,
                metadata["namespace"],
                patch_type=STRATEGIC_MERGE_PATCH,
                subresource="status",
            )
            self._sent[uid] = answer

    async def _is_same(self, pod: Obj) -> bool:
        """Whether the API still has this very Pod."""
        metadata = (self._target(pod) or pod)["metadata"]
        try:
            found = await self._client.get(PODS, metadata["name"], metadata["namespace"])
        except StatusError as error:
            return error.code not in (403, 404)  # a node may not read Pods that are not, or no longer, its own
        return bool(found["metadata"]["uid"] == metadata["uid"])


def _is_newer(pod: Obj, other: Obj) -> bool:
    new, old = pod["metadata"].get("resourceVersion", ""), other["metadata"].get("resourceVersion", "")
    return new.isdigit() and old.isdigit() and int(new) > int(old)


def _verdicts(status: Obj) -> tuple[object, dict[str, str]]:
    """What others (node lifecycle controller, users) may have overwritten."""
    own = {c["type"]: c["status"] for c in status.get("conditions") or () if c["type"] in OWNED}
    return status.get("phase"), own


def status_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Obj:
    """The strategic merge patch from `old` to `new`; {} when nothing changed (pure).

    Conditions are merged by type, so that others' conditions stay; addresses are replaced as a whole.
    """
    patch: Obj = {}
    for key, value in new.items():
        if key == "conditions":
            before = {condition["type"]: condition for condition in old.get("conditions") or ()}
            changed = [_condition_patch(before.get(c["type"], {}), c) for c in value if c != before.get(c["type"])]
            over = {kind for kind in RESIZE if kind in before} - {c["type"] for c in value}
            changed += [{"$patch": "delete", "type": kind} for kind in sorted(over)]
            if changed:
                patch["$setElementOrder/conditions"] = [{"type": kind} for kind in _order(old, value)]
                patch["conditions"] = changed
        elif old.get(key) != value:
            patch[key] = [*value, {"$patch": "replace"}] if key in ("podIPs", "hostIPs") else value
    for key in _CLEARED:
        if key in old and key not in new:
            patch[key] = None
    return patch


def _condition_patch(old: Obj, new: Obj) -> Obj:
    """What the old one had and the new one has not must be said to go."""
    return {**{key: None for key in old if key not in new}, **new}


def _order(old: Mapping[str, Any], conditions: list[Obj]) -> list[str]:
    own = [c["type"] for c in conditions]
    return [*own, *(c["type"] for c in old.get("conditions") or () if c["type"] not in {*OWNED, *RESIZE, *own})]
