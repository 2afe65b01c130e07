"""Marks, and a year later deletes, auto-generated service account tokens that nobody has used for a year.

Looks once a day, while there are token Secrets at all. The API server notes the uses (authn/legacy_tokens.py).
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.client.controller import Controller
from minik.client.informer import Change
from minik.client.resources import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import annotations_of, is_deleting, labels_of
from minik.server.controllers.token_secrets import ACCOUNT_NAME, ACCOUNT_UID, TYPE

log = logging.getLogger("minik.controller-manager")

UNUSED_FOR = timedelta(days=365)
PERIOD = 86400.0  # seconds
LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
_TRACKING, _NAMESPACE = "kube-apiserver-legacy-service-account-token-tracking", "kube-system"
_ALL = "tokens"  # the only key


class LegacyTokenCleaner(Controller):
    name = "legacy-service-account-token-cleaner"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._accounts = self.watch(context.informers.of(SERVICE_ACCOUNTS), None)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), None)
        self._secrets = self.watch(context.informers.of(SECRETS, field_selector=f"type={TYPE}"), _new)

    async def reconcile(self, key: str) -> float | None:
        if not len(self._secrets):
            return None
        now = self.clock.now()
        since = await self._tracked_since()
        if since is None or now < since + UNUSED_FOR:
            return PERIOD
        for secret in self._secrets.list():
            if self._is_unused(secret, now):
                await self._retire(secret, now)
        return PERIOD

    async def _tracked_since(self) -> datetime | None:
        """The start of the first day on which every use was noted."""
        try:
            tracking = await self._client.get(CONFIG_MAPS, _TRACKING, _NAMESPACE)
        except StatusError as error:
            if error.code != 404:
                raise
            return None
        day = _day((tracking.get("data") or {}).get("since", ""))
        if day is None:
            log.warning("%s: no date in the ConfigMap %s", self.name, _TRACKING)
        return None if day is None else day + timedelta(days=1)

    def _is_unused(self, secret: Obj, now: datetime) -> bool:
        """A token the control plane once made, that neither a request nor a Pod needed for long."""
        metadata, limit = secret["metadata"], now - UNUSED_FOR
        if is_deleting(secret) or parse_time(metadata["creationTimestamp"]) >= limit:
            return False
        used = labels_of(secret).get(LAST_USED)
        if used is not None and (_day(used) is None or used >= _date(limit)):
            return False
        account = self._accounts.get(annotations_of(secret).get(ACCOUNT_NAME, ""), metadata["namespace"])
        if account is None or annotations_of(secret).get(ACCOUNT_UID, "") not in ("", account["metadata"]["uid"]):
            return False
        if not any(each.get("name") == metadata["name"] for each in account.get("secrets") or ()):
            return False  # somebody made it by hand, as far as can be told
        pods = self._pods.by_index(indexes.NAMESPACE, metadata["namespace"])
        return not any(metadata["name"] in secret_names(pod) for pod in pods)

    async def _retire(self, secret: Obj, now: datetime) -> None:
        metadata = secret["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        invalid_since = labels_of(secret).get(INVALID_SINCE, "")
        try:
            if _day(invalid_since) is None:
                log.info("the unused token in secret %s/%s is invalid from now on", namespace, name)
                labels = {INVALID_SINCE: _date(now)}
                patch = {"metadata": {"uid": metadata["uid"], "labels": labels}}
                await self._client.patch(SECRETS, name, patch, namespace)
            elif invalid_since < _date(now - UNUSED_FOR):
                log.info("delete the unused token in secret %s/%s", namespace, name)
                await self._client.delete(SECRETS, name, namespace, resource_version=metadata["resourceVersion"])
        except StatusError as error:
            if error.code not in (404, 409):
                raise


def secret_names(pod: Obj) -> set[str]:
    """Secrets that a Pod reads from: volumes, image pulls and variables."""
    spec = pod["spec"]
    names = {each.get("name") for each in spec.get("imagePullSecrets") or ()}
    for container in _containers(spec):
        names |= {(each.get("secretRef") or {}).get("name") for each in container.get("envFrom") or ()}
        for variable in container.get("env") or ():
            names.add(((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name"))
    for volume in spec.get("volumes") or ():
        names.add((volume.get("secret") or {}).get("secretName"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            names.add((source.get("secret") or {}).get("name"))
        for kind in ("azureFile", "cephfs", "cinder", "csi", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"):
            source = volume.get(kind) or {}
            names.add(source.get("secretName"))
            for field in ("secretRef", "nodePublishSecretRef"):
                names.add((source.get(field) or {}).get("name"))
    return {name for name in names if name}


def _containers(spec: Obj) -> Sequence[Obj]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [container for kind in kinds for container in spec.get(kind) or ()]


def _new(change: Change) -> Iterable[str]:
    if change.old is None:
        yield _ALL


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
