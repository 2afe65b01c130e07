"""Conversion webhooks: custom resources translated between their versions by somebody else.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/
Upstream: apiextensions-apiserver's apiserver/conversion.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from minik.api.label_selector_validation import validate_labels
from minik.api.object_meta import validate_annotations
from minik.api.patch import go_print
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
            converted = _converted(answer, version, uid)
        except (WebhookError, _InvalidAnswer) as error:
            raise StatusError(500, "", f"conversion webhook for {kind} failed: {error}") from None
        try:
            if len(converted) != len(objects):
                raise _InvalidAnswer(f"{len(converted)} objects, expected {len(objects)}")
            return [_checked(one, before, api_version) for one, before in zip(converted, objects, strict=True)]
        except _InvalidAnswer as error:
            raise StatusError(500, "", f"conversion webhook for {kind} returned {error}") from None

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


def _converted(answer: Obj, version: str, uid: str) -> list[Any]:
    """The objects in an answer. Who speaks v1beta1 need not say what was asked."""
    if version == "v1":
        expected, got = f"{_GROUP}/v1", str(answer.get("apiVersion") or "/")
        if (got, answer.get("kind")) != (expected, "ConversionReview"):
            raise _InvalidAnswer(
                f"expected webhook response of {expected}, Kind=ConversionReview, got {got}, "
                f"Kind={answer.get('kind', '')}"
            )
    response = answer.get("response")
    if not isinstance(response, dict):
        raise _InvalidAnswer("no response provided")
    if version == "v1" and response.get("uid") != uid:
        raise _InvalidAnswer(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        status = result.get("status", "")
        raise _InvalidAnswer(result.get("message") or f"response.result.status was '{status}', not 'Success'")
    return list(response.get("convertedObjects") or [])


def _checked(obj: Any, before: Obj, api_version: str) -> Obj:
    """Of metadata a webhook may only change labels and annotations."""
    given = obj if isinstance(obj, dict) else {}
    for name, key, expected in (("groupVersion", "apiVersion", api_version), ("kind", "kind", before.get("kind"))):
        if given.get(key) != expected:
            received = given.get(key, "")
            raise _InvalidAnswer(
                f"invalid object at index 0: invalid {name} (expected {expected}, received {received})"
            )
    metadata, old = given.get("metadata"), before["metadata"]
    seen = metadata if isinstance(metadata, dict) else {}
    for name, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        if seen.get(name, "") != old.get(name, ""):
            raise _InvalidAnswer(
                f"invalid object: must have the same {shown}: {old.get(name, '')} != {seen.get(name, '')}"
            )
    kept = {key: value for key, value in old.items() if key not in ("labels", "annotations")}
    return {**given, "metadata": {**kept, **_changeable(metadata, old)}}


def _changeable(metadata: Any, old: Obj) -> Obj:
    """The labels and annotations an answer gives an object."""
    if metadata is None:
        raise _InvalidAnswer("invalid metadata: missing metadata in converted object")
    if not isinstance(metadata, dict):
        found = go_print.type_name(metadata)
        raise _InvalidAnswer(f"invalid metadata: invalid metadata of type {found} in converted object")
    changed: Obj = {}
    # upstream says annotation where it means annotations
    checks = (
        ("labels", validate_labels, "metadata.labels"),
        ("annotations", validate_annotations, "metadata.annotation"),
    )
    for field, validate, path in checks:
        given = metadata.get(field)
        if given is None:
            continue
        if not isinstance(given, dict):
            found = go_print.type_name(given)
            raise _InvalidAnswer(f"invalid metadata: invalid metadata.{field} of type {found} in converted object")
        for key, value in given.items():
            if not isinstance(value, str):
                text = f"metadata.{field}[{key}] must be a string, but is {go_print.type_name(value)}"
                raise _InvalidAnswer(f"invalid metadata: {text} in converted object")
        if given != (old.get(field) or {}):
            errors = [str(error) for error in validate(given, path)]
            if errors:
                told = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
                raise _InvalidAnswer(f"invalid metadata: {told}")
        if given:
            changed[field] = given
    return changed
