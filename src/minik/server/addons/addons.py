"""Keeps what is in <data-dir>/server/manifests/ in the cluster.

    file appears or changes -> its objects are applied (server-side apply)   -> Addon says what came of it
    an object leaves a file -> it is deleted           file goes, or --disable -> all its objects are deleted

The Addon lists old and new objects before anything is applied, so that a crash in between forgets none of them.
As k3s does: https://docs.k3s.io/installation/packaged-components
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, Client
from minik.client.events import NORMAL, WARNING, EventRecorder, object_reference
from minik.inotify import DIRECTORY_EVENTS, FileWatch
from minik.server.addons.definition import (
    ADDONS,
    CUSTOM_RESOURCE_DEFINITIONS,
    KIND,
    NAMESPACE,
    addon,
    definition,
    reference,
)
from minik.server.addons.manifests import Manifest, ManifestError, read_directory, skipped
from minik.server.controllers.discovery import ApiResource, Discovery

log = logging.getLogger("minik.addons")

MANAGER = "minik-addons"
SETTLED = 0.5  # seconds a file must not have changed: it may still be written
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 60.0  # seconds between attempts
_LOOK = 3600.0  # seconds; inotify comes first
_DEFINITIONS_FIRST = {"Namespace": 0, "CustomResourceDefinition": 1}


class Addons:
    """The component "addons". `disabled` are names of add-ons that must not be there."""

    name = "addons"

    def __init__(
        self,
        directory: Path,
        disabled: Collection[str],
        client: Client,
        discover: Callable[[], Awaitable[Discovery]],
        recorder: EventRecorder,
    ) -> None:
        self._directory = directory
        self._disabled = frozenset(disabled)
        self._client = client
        self._discover = discover
        self._recorder = recorder
        self._reported: dict[str, str] = {}  # problems of files, by path

    async def run(self, ready: asyncio.Event) -> None:
        await asyncio.to_thread(self._directory.mkdir, mode=0o700, parents=True, exist_ok=True)
        ready.set()
        backoff = FIRST_BACKOFF
        while True:
            with FileWatch(self._directory, DIRECTORY_EVENTS) as watch:
                again = await self._settle()
                if again is None:
                    backoff = FIRST_BACKOFF
                    await watch.wait(_LOOK)
                elif again:
                    await watch.wait(again)
                else:
                    await watch.wait(backoff)
                    backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _settle(self) -> float | None:
        """Make the cluster what the files say. None: done; else look again after that many seconds, 0: a backoff."""
        manifests, problems = await asyncio.to_thread(read_directory, self._directory)
        self._report(problems)
        untouched = await asyncio.to_thread(skipped, self._directory)
        try:
            known = await self._known(define=bool(manifests.keys() - self._disabled - untouched))
            return await self._settle_all(manifests, known, untouched)
        except (StatusError, OSError) as error:
            log.warning("add-ons: %s", error)
            return 0.0

    async def _settle_all(
        self, manifests: dict[str, Manifest], known: dict[str, Obj], untouched: set[str]
    ) -> float | None:
        again: float | None = None
        for name, manifest in manifests.items():
            if name in self._disabled or name in untouched:
                continue
            left = SETTLED - (time.time() - manifest.changed)
            if 0 < left <= SETTLED:
                again = left if again is None else min(again, left)
            elif not await self._apply(manifest, known.get(name)):
                again = 0.0 if again is None else again
        for name, found in known.items():
            gone = name not in manifests and found["spec"]["source"] not in self._reported
            if (gone or name in self._disabled) and name not in untouched:
                await self._remove(found)
        return again

    async def _known(self, *, define: bool) -> dict[str, Obj]:
        """The Addons there are. With `define` their kind is defined if it is not."""
        try:
            found = await self._client.list(ADDONS, NAMESPACE)
        except StatusError as error:
            if error.code != 404:
                raise
            if define:
                await self._define()
            return {}
        return {each["metadata"]["name"]: each for each in found.items}

    async def _define(self) -> None:
        wanted = definition()
        await self._client.patch(
            CUSTOM_RESOURCE_DEFINITIONS,
            wanted["metadata"]["name"],
            wanted,
            patch_type=APPLY_PATCH,
            field_manager=MANAGER,
            force=True,
        )
        await self._client.list(ADDONS, NAMESPACE)  # raises if it cannot be used yet

    async def _apply(self, manifest: Manifest, known: Obj | None) -> bool:
        """Whether the objects are there as the file has them."""
        if known is not None and known["spec"].get("checksum") == manifest.checksum:
            return True
        before: list[Obj] = (known or {}).get("status", {}).get("objects", [])
        record = known or await self._record(addon(manifest.name, str(manifest.path), "", []))
        about = object_reference(ADDONS.api_version, KIND, record)
        self._recorder.event(about, NORMAL, "ApplyingManifest", f'Applying manifest at "{manifest.path}"')
        try:
            objects = sorted(manifest.objects(), key=lambda obj: _DEFINITIONS_FIRST.get(obj["kind"], 2))
            after = [reference(self._placed(obj, await self._kind_of(obj, objects))) for obj in objects]
            both = [*after, *(each for each in before if each not in after)]
            await self._record(addon(manifest.name, str(manifest.path), "", both))
            after = [await self._apply_one(obj) for obj in objects]
            await self._delete_all([each for each in before if await self._as_served(each) not in after])
        except (ManifestError, StatusError) as error:
            text = error.message if isinstance(error, StatusError) else str(error)
            log.warning("add-on %s: %s", manifest.name, text)
            self._recorder.event(
                about, WARNING, "ApplyManifestFailed", f'Applying manifest at "{manifest.path}": {text}'
            )
            return False
        await self._record(addon(manifest.name, str(manifest.path), manifest.checksum, after))
        self._recorder.event(about, NORMAL, "AppliedManifest", f'Applied manifest at "{manifest.path}"')
        return True

    async def _kind_of(self, obj: Obj, others: Sequence[Obj] = ()) -> ApiResource | None:
        """How an object is served; None if a definition among `others` will say so. Raises ManifestError."""
        found = (await self._discover()).kinds.get((obj["apiVersion"], obj["kind"]))
        if found is None and not any(each["kind"] == "CustomResourceDefinition" for each in others):
            raise ManifestError(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
        return found

    def _placed(self, obj: Obj, resource: ApiResource | None) -> Obj:
        """The object with the namespace it goes to."""
        metadata = {key: value for key, value in obj["metadata"].items() if key != "namespace"}
        if resource is None or resource.namespaced:
            metadata["namespace"] = obj["metadata"].get("namespace") or "default"
        return {**obj, "metadata": metadata}

    async def _as_served(self, each: Obj) -> Obj:
        """A reference that was made before its kind was known may name a namespace the kind has not."""
        resource = (await self._discover()).kinds.get((each["apiVersion"], each["kind"]))
        if resource is None or resource.namespaced:
            return each
        return {key: value for key, value in each.items() if key != "namespace"}

    async def _apply_one(self, obj: Obj) -> Obj:
        """What was applied, as a reference."""
        resource = await self._kind_of(obj)
        assert resource is not None
        placed = self._placed(obj, resource)
        metadata = placed["metadata"]
        await self._client.patch(
            resource.gvr,
            metadata["name"],
            placed,
            metadata.get("namespace"),
            patch_type=APPLY_PATCH,
            field_manager=MANAGER,
            force=True,
        )
        return reference(placed)

    async def _record(self, wanted: Obj) -> Obj:
        return await self._client.patch(
            ADDONS,
            wanted["metadata"]["name"],
            wanted,
            NAMESPACE,
            patch_type=APPLY_PATCH,
            field_manager=MANAGER,
            force=True,
        )

    async def _remove(self, found: Obj) -> None:
        about = object_reference(ADDONS.api_version, KIND, found)
        self._recorder.event(about, NORMAL, "DeletingManifest", f'Deleting manifest at "{found["spec"]["source"]}"')
        await self._delete_all(found.get("status", {}).get("objects", []))
        await self._client.delete(ADDONS, found["metadata"]["name"], NAMESPACE)

    async def _delete_all(self, references: Sequence[Obj]) -> None:
        """Last applied, first deleted. Kinds that are not served any more took their objects with them."""
        for each in reversed(references):
            resource = (await self._discover()).kinds.get((each["apiVersion"], each["kind"]))
            if resource is None:
                continue
            namespace = each.get("namespace") if resource.namespaced else None
            try:
                await self._client.delete(resource.gvr, each["name"], namespace, propagation_policy="Background")
            except StatusError as error:
                if error.code != 404:
                    raise

    def _report(self, problems: dict[str, str]) -> None:
        for path, problem in problems.items():
            if self._reported.get(path) != problem:
                log.warning("add-on %s: %s", path, problem)
        self._reported = problems
