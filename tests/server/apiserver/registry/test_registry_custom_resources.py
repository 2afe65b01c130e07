"""Custom resources from their definition to their end, as clients see it."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
import pytest

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.apiextensions.custom_resources import CustomResources
from minik.server.apiserver.objects import Objects

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget"}


def definition(schema: Any, *more: Any, **version: Any) -> Any:
    first = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    names = {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [first, *more]}
    return {"metadata": {"name": "widgets.example.com"}, "spec": spec}


FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.fixture
async def crds(api: Any) -> AsyncIterator[Any]:
    """The API with custom resources."""
    registry = api.server.registry
    objects = Objects(registry.storage.store, registry.scheme, registry.storage.layouts)
    component = CustomResources(objects, registry, api.client())
    ready = asyncio.Event()
    running = asyncio.create_task(component.run(ready))
    await ready.wait()
    yield api
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_watches_begin_no_earlier_than_their_definition(crds: Any) -> None:
    _, first = await crds("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "first"}})
    early = first["metadata"]["resourceVersion"]
    assert (await crds("POST", DEFINITIONS, definition(FREE)))[0] == 201
    _, widget = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
    response = await crds.send("GET", f"{WIDGETS}?watch=true&resourceVersion={early}")
    told = [orjson.loads(chunk) async for chunk in response.stream]
    assert [(event["type"], event["object"]["code"], event["object"]["reason"]) for event in told] == [
        ("ERROR", 410, "Expired")
    ]
    assert told[0]["object"]["message"].startswith(f"too old resource version: {early} (")
    version = int(widget["metadata"]["resourceVersion"]) - 1
    response = await crds.send("GET", f"{WIDGETS}?watch=true&resourceVersion={version}")
    assert orjson.loads(await anext(response.stream))["object"]["metadata"]["name"] == "w"


async def test_objects_can_be_made_as_soon_as_they_are_defined(crds: Any) -> None:
    status, _ = await crds("POST", DEFINITIONS, definition(FREE))
    assert status == 201
    status, obj = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"a": 1}})
    assert (status, obj["metadata"]["generation"], obj["kind"]) == (201, 1, "Widget")
    status, found = await crds("GET", f"{DEFINITIONS}/widgets.example.com")
    assert [(c["type"], c["status"]) for c in found["status"]["conditions"]] == [
        ("NamesAccepted", "True"),
        ("Established", "True"),
    ]
    listed = (await crds("GET", "/apis/example.com/v1"))[1]["resources"][0]
    digest = hashlib.sha256(b"example.com/v1/Widget").digest()[:8]
    assert listed["shortNames"] == ["wd"]
    assert base64.b64decode(listed["storageVersionHash"]) == digest


async def test_unknown_fields_go_and_defaults_come(crds: Any) -> None:
    spec = {"type": "object", "default": {}, "properties": {"a": {"type": "string", "default": "x"}}}
    await crds("POST", DEFINITIONS, definition({"type": "object", "properties": {"spec": spec}}))
    response = await crds.send("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"b": 1}})
    assert orjson.loads(response.body)["spec"] == {"a": "x"}
    assert response.warnings == ['unknown field "spec.b"']


async def test_a_new_schema_holds_for_what_was_stored_before(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"b": 1}})
    spec = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    path = "/spec/versions/0/schema/openAPIV3Schema"
    await crds.patch(
        f"{DEFINITIONS}/widgets.example.com", [{"op": "replace", "path": path, "value": schema}], "json-patch+json"
    )
    await asyncio.sleep(0)
    for _ in range(50):
        _, obj = await crds("GET", f"{WIDGETS}/w")
        if obj["spec"] == {"a": "x"}:
            break
        await asyncio.sleep(0.01)
    assert obj["spec"] == {"a": "x"}
    assert (await crds("GET", WIDGETS))[1]["items"][0]["spec"] == {"a": "x"}


async def test_status_is_written_through_its_own_door(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE, subresources={"status": {}}))
    _, obj = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"a": 1}, "status": {"s": 1}})
    assert "status" not in obj
    _, obj = await crds.patch(f"{WIDGETS}/w/status", {"spec": {"a": 2}, "status": {"s": 2}})
    assert (obj["spec"], obj["status"], obj["metadata"]["generation"]) == ({"a": 1}, {"s": 2}, 1)
    _, obj = await crds.patch(f"{WIDGETS}/w", {"spec": {"a": 3}, "status": {"s": 9}})
    assert (obj["spec"], obj["status"], obj["metadata"]["generation"]) == ({"a": 3}, {"s": 2}, 2)


async def test_the_objects_go_before_their_definition(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w", "finalizers": ["example.com/mine"]}})
    await crds("DELETE", f"{DEFINITIONS}/widgets.example.com")
    _, held = await crds("GET", f"{DEFINITIONS}/widgets.example.com")
    assert held["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    for _ in range(100):
        status, obj = await crds("GET", f"{WIDGETS}/w")
        if status == 200 and obj["metadata"].get("deletionTimestamp"):
            break
        await asyncio.sleep(0.01)
    status, answer = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "late"}})
    assert (status, answer["message"]) == (
        403,
        'widgets.example.com "late" is forbidden: create not allowed while custom resource definition is terminating',
    )
    await crds.patch(f"{WIDGETS}/w", {"metadata": {"finalizers": []}})
    for _ in range(100):
        if (await crds("GET", f"{DEFINITIONS}/widgets.example.com"))[0] == 404:
            break
        await asyncio.sleep(0.01)
    assert (await crds.send("GET", WIDGETS)).status == 404


class Doubling:
    """A conversion webhook that keeps `n` twice as large in v2."""

    def __init__(self) -> None:
        self.asked = 0

    async def convert(self, _resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        self.asked += 1
        factor = 2 if api_version.endswith("v2") else 0.5
        return [
            {
                **obj,
                "apiVersion": api_version,
                "spec": {"n": int(obj["spec"]["n"] * factor)},
                "metadata": dict(obj["metadata"]),
            }
            for obj in objects
        ]


async def test_a_webhook_converts_between_versions(crds: Any) -> None:
    converter = crds.server.registry.converter = Doubling()
    client = {"url": "https://127.0.0.1:1/convert"}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    wanted = definition(FREE, {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": FREE}})
    wanted["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    assert (await crds("POST", DEFINITIONS, wanted))[0] == 201
    second = WIDGETS.replace("/v1/", "/v2/")
    _, obj = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"n": 1}})
    assert converter.asked == 0
    _, obj = await crds("GET", f"{second}/w")
    assert (obj["apiVersion"], obj["spec"]) == ("example.com/v2", {"n": 2})
    _, obj = await crds.patch(f"{second}/w", {"spec": {"n": 10}})
    assert obj["spec"] == {"n": 10}
    assert (await crds("GET", f"{WIDGETS}/w"))[1]["spec"] == {"n": 5}
    assert [item["spec"] for item in (await crds("GET", second))[1]["items"]] == [{"n": 10}]


async def test_a_watcher_loses_sight_of_what_a_webhook_converted(crds: Any) -> None:
    crds.server.registry.converter = Doubling()
    webhook = {"clientConfig": {"url": "https://127.0.0.1:1/convert"}, "conversionReviewVersions": ["v1"]}
    fields = [{"jsonPath": ".spec.n"}]
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}}
    other = {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": schema}}
    wanted = definition(schema, {**other, "selectableFields": fields}, selectableFields=fields)
    wanted["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    await crds("POST", DEFINITIONS, wanted)
    second = WIDGETS.replace("/v1/", "/v2/")
    await crds("POST", second, {**WIDGET, "apiVersion": "example.com/v2", "metadata": {"name": "w"}, "spec": {"n": 2}})
    response = await crds.send("GET", f"{second}?watch=true&fieldSelector=spec.n%3D2&timeoutSeconds=10")
    assert orjson.loads(await anext(response.stream))["type"] == "ADDED"
    _, changed = await crds.patch(f"{second}/w", {"spec": {"n": 6}})
    event = orjson.loads(await anext(response.stream))
    await response.stream.aclose()
    assert (event["type"], event["object"]["apiVersion"]) == ("DELETED", "example.com/v2")
    assert event["object"]["spec"] == {"n": 2}
    assert event["object"]["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


async def test_what_a_webhook_converted_is_there_until_it_is_sent(crds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.server.apiserver.registry.watch._INITIAL_CHUNK", 1)
    monkeypatch.setattr("minik.store.watch._READ_BY_NOW", 0)
    crds.server.registry.converter = Doubling()
    webhook = {"clientConfig": {"url": "https://127.0.0.1:1/convert"}, "conversionReviewVersions": ["v1"]}
    wanted = definition(FREE, {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": FREE}})
    wanted["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    await crds("POST", DEFINITIONS, wanted)
    for name in ("a", "b"):
        await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": name}, "spec": {"n": 1}})
    response = await crds.send("GET", f"{WIDGETS.replace('/v1/', '/v2/')}?watch=true&timeoutSeconds=10")
    first = orjson.loads(await anext(response.stream))
    await crds.patch(f"{WIDGETS}/b", {"spec": {"n": 7}})
    second = orjson.loads(await anext(response.stream))
    await response.stream.aclose()
    assert [each["object"]["spec"] for each in (first, second)] == [{"n": 2}, {"n": 2}]


async def test_what_admission_adds_is_pruned_and_defaulted_too(crds: Any) -> None:
    async def mutate(attributes: Any) -> None:
        if attributes.kind == "Widget":
            attributes.obj["spec"] = {"b": 1}

    crds.admission.mutate = mutate
    spec = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}
    await crds("POST", DEFINITIONS, definition({"type": "object", "properties": {"spec": spec}}))
    _, obj = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
    assert obj["spec"] == {"a": "x"}
    _, obj = await crds.patch(f"{WIDGETS}/w", {"spec": {"a": "y"}})
    assert obj["spec"] == {"a": "x"}


async def test_watches_end_when_the_definition_changes(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    response = await crds.send("GET", f"{WIDGETS}?watch=true")
    lines = response.stream

    async def drain() -> None:
        async for _ in lines:
            pass

    reading = asyncio.create_task(drain())
    await asyncio.sleep(0)
    await crds.patch(f"{DEFINITIONS}/widgets.example.com", {"spec": {"names": {"shortNames": ["w"]}}})
    await asyncio.wait_for(reading, 5)


async def test_watches_see_the_objects_of_a_definition_go_with_it(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
    lines = (await crds.send("GET", f"{WIDGETS}?watch=true")).stream

    async def types() -> list[str]:
        content = b"".join([chunk async for chunk in lines])
        return [orjson.loads(line)["type"] for line in content.splitlines()]

    reading = asyncio.create_task(types())
    await asyncio.sleep(0)
    await crds("DELETE", f"{DEFINITIONS}/widgets.example.com")
    assert await asyncio.wait_for(reading, 5) == ["ADDED", "DELETED"]


_UNSUPPORTED = 'is not supported on resources of kind "widgets.example.com"'


@pytest.mark.parametrize(
    ("method", "path", "headers", "code", "message"),
    [
        ("PUT", WIDGETS, {}, 400, "name must be provided"),
        ("PATCH", WIDGETS, {"content-type": "application/merge-patch+json"}, 400, "name must be provided"),
        (
            "PATCH",
            WIDGETS,
            {},
            415,
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ),
        ("OPTIONS", WIDGETS, {}, 405, f" {_UNSUPPORTED}"),
        ("DELETE", f"{WIDGETS}/w/status", {}, 405, f"delete {_UNSUPPORTED}"),
        ("POST", f"{WIDGETS}/w", {}, 201, ""),
        ("GET", f"{WIDGETS}/x", {"accept": "application/*"}, 404, 'widgets.example.com "x" not found'),
        (
            "GET",
            WIDGETS,
            {"accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"},
            406,
            "you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)",
        ),
    ],
)
async def test_what_is_to_be_done_with_custom_resources(
    crds: Any, method: str, path: str, headers: dict[str, str], code: int, message: str
) -> None:
    await crds("POST", DEFINITIONS, definition(FREE, subresources={"status": {}}))
    body = {**WIDGET, "metadata": {"name": "v"}} if method in ("PUT", "POST") else b""
    response = await crds.send(method, path, body, headers=headers)
    assert (response.status, orjson.loads(response.body).get("message", "")) == (code, message)


_OTHER_VERSION = "the API version in the data ({}) does not match the expected API version (example.com/v1)"
_MERGE = {"content-type": "application/merge-patch+json"}


@pytest.mark.parametrize(
    ("method", "path", "stated", "code", "message"),
    [
        ("POST", WIDGETS, {"kind": "Gadget"}, 422, 'Gadget.example.com "w" is invalid: kind: {}'),
        ("PUT", f"{WIDGETS}/w", {"kind": "Gadget"}, 422, 'Gadget.example.com "w" is invalid: kind: {}'),
        ("PATCH", f"{WIDGETS}/w", {"kind": "Gadget"}, 422, 'Gadget.example.com "w" is invalid: kind: {}'),
        ("POST", WIDGETS, {"apiVersion": "else.com/v1"}, 400, _OTHER_VERSION.format("else.com/v1")),
        ("POST", WIDGETS, {"apiVersion": None}, 400, _OTHER_VERSION.format("")),
        ("PUT", f"{WIDGETS}/w/status", {"kind": "Gadget"}, 200, ""),
        (
            "PATCH",
            f"{WIDGETS}/w",
            {"apiVersion": "example.com/v2"},
            422,
            'Widget.example.com "w" is invalid: apiVersion: Invalid value: "example.com/v2": must be example.com/v1',
        ),
        (
            "PATCH",
            f"{WIDGETS}/w",
            {"apiVersion": None},
            500,
            "Internal error occurred: Object 'apiVersion' is missing in 'object has no apiVersion field'",
        ),
        (
            "POST",
            f"{WIDGETS}?fieldValidation=Ignore",
            {"kind": ""},
            400,
            "Widget in version \"v1\" cannot be handled as a Widget: Object 'Kind' is missing in "
            '\'{"apiVersion":"example.com/v1","kind":"","metadata":{"name":"w","resourceVersion":""}}\'',
        ),
    ],
)
async def test_objects_of_another_kind_are_refused_late(
    crds: Any, method: str, path: str, stated: Obj, code: int, message: str
) -> None:
    await crds("POST", DEFINITIONS, definition(FREE, subresources={"status": {}}))
    version = ""
    if method != "POST":
        _, made = await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
        version = made["metadata"]["resourceVersion"]
    body = {**WIDGET, "metadata": {"name": "w", "resourceVersion": version}, **stated}
    response = await crds.send(method, path, body, headers=_MERGE if method == "PATCH" else {})
    expected = message.format('Invalid value: "Gadget": must be Widget') if "kind: {}" in message else message
    assert (response.status, orjson.loads(response.body).get("message", "")) == (code, expected)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("1.0", "1"), ("1e2", "100"), ("0.5", "0.5"), ("1e17", "100000000000000000"), ("1e+20", "1e+20")],
)
async def test_whole_floats_are_kept_as_integers(crds: Any, sent: str, kept: str) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    body = f'{{"apiVersion":"example.com/v1","kind":"Widget","metadata":{{"name":"w"}},"spec":[{sent}]}}'
    response = await crds.send("POST", WIDGETS, body.encode())
    assert (response.status, response.body.endswith(f'"spec":[{kept}]}}'.encode())) == (201, True)
    _, obj = await crds("GET", f"{WIDGETS}/w")
    assert orjson.dumps(obj["spec"]) == f"[{kept}]".encode()
    # what comes is not what is there, though it will be
    spec = f'"spec":[{sent}]'
    raw = orjson.dumps({**obj, "spec": []}).replace(b'"spec":[]', spec.encode())
    response = await crds.send("PUT", f"{WIDGETS}/w", raw)
    assert orjson.loads(response.body)["metadata"]["generation"] == (1 if sent == kept else 2)


async def test_patched_objects_are_shown_in_the_order_of_their_keys(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
    _, answer = await crds.patch(f"{WIDGETS}/w", {"metadata": {"labels": {"a": 1}}, "a": 1})
    shown = answer["message"].partition('Invalid value: "')[2]
    assert shown.startswith('{\\"a\\":1,\\"apiVersion\\":\\"example.com/v1\\",\\"kind\\"')


async def test_a_scale_says_how_many_before_there_are_any(crds: Any) -> None:
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    await crds("POST", DEFINITIONS, definition(FREE, subresources={"scale": scale}))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}})
    status, answer = await crds.patch(f"{WIDGETS}/w/scale", {"spec": {}})
    assert (status, answer["message"]) == (400, 'the spec replicas field ".spec.n" cannot be empty')
    status, answer = await crds.patch(f"{WIDGETS}/w/scale", {"spec": {"replicas": 2}})
    assert (status, answer["spec"]) == (200, {"replicas": 2})


async def test_what_an_update_left_as_it_was_is_only_warned_of(crds: Any) -> None:
    await crds("POST", DEFINITIONS, definition(FREE))
    await crds("POST", WIDGETS, {**WIDGET, "metadata": {"name": "w"}, "spec": {"a": 0, "b": 1}})
    rules = [{"rule": "self > 0", "message": "small"}]
    spec = {"a": {"type": "integer", "x-kubernetes-validations": rules}, "b": {"type": "integer"}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    path = "/spec/versions/0/schema/openAPIV3Schema"
    await crds.patch(
        f"{DEFINITIONS}/widgets.example.com", [{"op": "replace", "path": path, "value": schema}], "json-patch+json"
    )
    for _ in range(50):
        _, current = await crds("GET", f"{WIDGETS}/w")
        response = await crds.send("PUT", f"{WIDGETS}/w", {**current, "spec": {"a": 0, "b": current["spec"]["b"] + 1}})
        if response.warnings:
            break
        await asyncio.sleep(0.01)
    assert (response.status, response.warnings) == (200, ["spec.a: Invalid value: 0: small"])
