"""Conversion webhooks: custom resources translated between their versions by somebody else.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
Upstream: apiextensions-apiserver's apiserver/conversion.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.client import WebhookClient, WebhookError, target_of, tls_of

_REVIEWS = ("v1", "v1beta1")
_SECONDS = 30
_GROUP = "apiextensions.k8s.io"


class WebhookConverter:
    """Asks the webhook that a resource's definition names. `close` it."""

    def __init__(self, objects: Reader) -> None:
        self._client = WebhookClient(objects, user_agent="kube-apiserver")
        self._tls: dict[str, Any] = {}

    async def convert(self, resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """The objects in another version of theirs. Raises StatusError."""
        config = resource.converted_by or {}
        kind = f"{objects[0]['apiVersion']}, Kind={resource.kind}"
        version = next((v for v in config.get("conversionReviewVersions") or () if v in _REVIEWS), "v1")
        uid = str(uuid.uuid4())
        review = {
            "kind": "ConversionReview",
            "apiVersion": f"{_GROUP}/{version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": list(objects)},
        }
        try:
            answer = await self._ask(config.get("clientConfig") or {}, review)
            converted = _converted(answer, uid, len(objects))
            return [_checked(one, before, api_version) for one, before in zip(converted, objects, strict=True)]
        except (WebhookError, _InvalidAnswer) as error:
            raise StatusError(500, "", f"conversion webhook for {kind} failed: {error}") from None

    async def _ask(self, client: Obj, review: Obj) -> Obj:
        bundle = client.get("caBundle", "")
        tls = self._tls.get(bundle)
        if tls is None:
            tls = self._tls[bundle] = tls_of(client)
        return await self._client.post(target_of(client), tls, review, _SECONDS)

    async def close(self) -> None:
        await self._client.close()


class _InvalidAnswer(Exception):
    """The text is the one to show."""


def _converted(answer: Obj, uid: str, count: int) -> list[Obj]:
    response = answer.get("response")
    if not isinstance(response, dict):
        raise _InvalidAnswer("no response provided")
    if response.get("uid") != uid:
        raise _InvalidAnswer(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        raise _InvalidAnswer(result.get("message") or f"returned status {result.get('status', '')!r}")
    converted = response.get("convertedObjects") or []
    if len(converted) != count:
        raise _InvalidAnswer(f"returned {len(converted)} objects, expected {count}")
    return list(converted)


def _checked(obj: Any, before: Obj, api_version: str) -> Obj:
    """Of metadata a webhook may only change labels and annotations."""
    if not isinstance(obj, dict) or obj.get("apiVersion") != api_version or obj.get("kind") != before.get("kind"):
        raise _InvalidAnswer(f"returned invalid object at index 0: expected {api_version}, Kind={before.get('kind')}")
    metadata, old = obj.get("metadata") or {}, before["metadata"]
    for name in ("name", "namespace", "uid"):
        if metadata.get(name, "") != old.get(name, ""):
            raise _InvalidAnswer(f"returned invalid metadata: metadata.{name} must not change")
    kept = {key: value for key, value in old.items() if key not in ("labels", "annotations")}
    changed = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    return {**obj, "metadata": {**kept, **changed}}
