"""What a conversion webhook is asked, and which answers are taken."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from minik.api.scheme import Resource
from minik.api.status import StatusError
from minik.server.apiserver.apiextensions.conversion import WebhookConverter

OBJ = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "uid": "u", "labels": {"a": "b"}},
    "spec": {"n": 1},
}
NEW = {"apiVersion": "example.com/v2"}
CONFIG = {"clientConfig": {"url": "https://hook.test/c"}, "conversionReviewVersions": ["v2", "v1"]}


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Converts OBJ with a webhook that answers as told."""

    async def convert(**response: Any) -> Any:
        reviews: list[Any] = []
        made = WebhookConverter(cast(Any, None))

        async def post(_target: Any, _tls: Any, review: Any, _seconds: int) -> Any:
            reviews.append(review)
            uid = review["request"]["uid"]
            made_of = {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1"}
            return {**made_of, "response": {"uid": uid, "result": {"status": "Success"}, **response}}

        monkeypatch.setattr(made._client, "post", post)
        resource = cast(Resource, SimpleNamespace(kind="Widget", converted_by=CONFIG))
        return await made.convert(resource, [OBJ], "example.com/v2"), reviews[0]

    return convert


async def test_the_webhook_gets_the_objects_and_the_version_wanted(converter: Any) -> None:
    wanted = {**OBJ, "apiVersion": "example.com/v2", "spec": {"m": 1}}
    converted, review = await converter(convertedObjects=[wanted])
    assert converted == [wanted]
    assert review["apiVersion"] == "apiextensions.k8s.io/v1"
    assert review["request"]["desiredAPIVersion"] == "example.com/v2"
    assert review["request"]["objects"] == [OBJ]


async def test_of_metadata_only_labels_and_annotations_change(converter: Any) -> None:
    metadata = {"name": "w", "uid": "u", "annotations": {"x": "y"}, "finalizers": ["no"]}
    converted, _ = await converter(convertedObjects=[{**OBJ, "apiVersion": "example.com/v2", "metadata": metadata}])
    assert converted[0]["metadata"] == {"name": "w", "uid": "u", "annotations": {"x": "y"}}


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"result": {"status": "Failure", "message": "no idea"}}, "failed: no idea"),
        ({"result": {}}, "failed: response.result.status was '', not 'Success'"),
        ({"convertedObjects": []}, "returned 0 objects, expected 1"),
        (
            {"convertedObjects": [OBJ]},
            "returned invalid object at index 0: invalid groupVersion (expected example.com/v2, "
            "received example.com/v1)",
        ),
        (
            {"convertedObjects": [{**OBJ, "apiVersion": "example.com/v2", "metadata": {"name": "x", "uid": "u"}}]},
            "returned invalid object: must have the same name: w != x",
        ),
        (
            {"convertedObjects": [{**OBJ, **NEW, "metadata": {"name": "w", "uid": "u", "labels": {"a": 1}}}]},
            "returned invalid metadata: metadata.labels[a] must be a string, but is int64 in converted object",
        ),
    ],
)
async def test_other_answers_are_refused(converter: Any, response: Any, text: str) -> None:
    with pytest.raises(StatusError) as caught:
        await converter(**response)
    assert caught.value.code == 500
    assert caught.value.message == f"conversion webhook for example.com/v1, Kind=Widget {text}"
