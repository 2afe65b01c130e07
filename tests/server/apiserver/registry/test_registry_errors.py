"""What errors name, and how often they say the same: clients see upstream's words."""

from typing import Any

import orjson
import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
_BAD_LABEL = {"labels": {"-": "x"}}
_EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [
        (CONFIG_MAPS, {"kind": "ConfigMap", "apiVersion": "v1"}, 4),
        ("/api/v1/nodes", {"kind": "Node", "apiVersion": "v1"}, 4),
        ("/api/v1/namespaces", {"kind": "Namespace", "apiVersion": "v1"}, 3),
    ],
)
async def test_an_update_is_judged_as_often_as_upstream_does(api: Any, path: str, body: Any, count: int) -> None:
    await api("POST", path, {**body, "metadata": {"name": "x"}})
    status, answer = await api("PUT", f"{path}/x", {**body, "metadata": {"name": "x", **_BAD_LABEL}})
    assert status == 422
    assert len(answer["details"]["causes"]) == count


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (f"{_EVENTS}/no", 'events "no" not found'),
        ("/api/v1/componentstatuses/no", "Component not found: no"),
    ],
)
async def test_words_of_errors(api: Any, target: str, message: str) -> None:
    _, answer = await api("GET", target)
    assert answer["message"] == message


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("/a?export=true", 400, "the export parameter, deprecated since v1.14, is no longer supported"),
        ("/a?export=0", 404, 'configmaps "a" not found'),
        ("/..", 400, "Name parameter invalid: \"..\": may not be '..'"),
        ("/a%25b", 400, "Name parameter invalid: \"a%b\": may not contain '%'"),
        (
            "?resourceVersion=18446744073709551616",
            400,
            'invalid resource version: resourceVersion: Invalid value: "18446744073709551616": strconv.ParseUint: '
            'parsing "18446744073709551616": value out of range',
        ),
        ("?limit=", 400, 'strconv.ParseInt: parsing "": invalid syntax'),
        (
            "?sendInitialEvents=&resourceVersionMatch=Exact&labelSelector=(",
            400,
            "found '(', expected: !, identifier, or 'end of string'",
        ),
        (
            "?sendInitialEvents=&resourceVersionMatch=Exact",
            422,
            "[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, "
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]",
        ),
        (
            "?watch=1&continue=x",
            422,
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        ),
        (
            "?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact",
            422,
            "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan,"
            ' resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
        ),
    ],
)
async def test_reads_with_bad_options(api: Any, query: str, code: int, message: str) -> None:
    status, answer = await api("GET", CONFIG_MAPS + query)
    assert (status, answer["message"].removeprefix('ListOptions.meta.k8s.io "" is invalid: ')) == (code, message)


async def test_a_watch_of_one_object_takes_no_other_selector(api: Any) -> None:
    path = "/api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db"
    status, answer = await api("GET", path)
    assert (status, answer["message"]) == (400, "fieldSelector metadata.name doesn't match requested name")


@pytest.mark.parametrize(
    ("target", "accept", "message"),
    [
        (
            "",
            "PartialObjectMetadata",
            "PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
        ),
        (
            "/a",
            "PartialObjectMetadataList",
            "PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
        ),
    ],
)
async def test_metadata_of_one_and_of_many(api: Any, target: str, accept: str, message: str) -> None:
    await api.config_map("a")
    status, answer = await api("GET", CONFIG_MAPS + target, accept=f"application/json;as={accept};g=meta.k8s.io;v=v1")
    assert (status, answer["message"]) == (406, f"you requested {message}")


async def test_a_watch_cannot_be_sent_as_yaml(api: Any) -> None:
    response = await api.send("GET", f"{CONFIG_MAPS}?watch=1", headers={"accept": "application/yaml"})
    assert response.status == 406
    assert b"accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch" in response.body


async def test_names_that_are_taken(api: Any) -> None:
    await api.config_map("a", metadata={"finalizers": ["x.io/y"]})
    status, answer = await api("POST", CONFIG_MAPS, {"metadata": {"name": "a", "generateName": "a-"}})
    taken = 'configmaps "a" already exists'
    assert (status, answer["details"]["retryAfterSeconds"]) == (409, 1)
    assert answer["message"] == f"{taken}, the server was not able to generate a unique name for the object"
    await api("DELETE", f"{CONFIG_MAPS}/a")
    _, answer = await api("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
    assert answer["message"] == f"object is being deleted: {taken}"


async def test_a_new_object_has_no_version_yet(api: Any) -> None:
    status, _ = await api("POST", CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "abc"}})
    assert status == 201
    status, answer = await api("POST", CONFIG_MAPS, {"metadata": {"name": "b", "resourceVersion": "1"}})
    assert (status, answer["message"]) == (500, "resourceVersion should not be set on objects to be created")
    status, _ = await api("POST", CONFIG_MAPS, {"metadata": {"name": "b", "resourceVersion": "1", **_BAD_LABEL}})
    assert status == 422


_OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}


@pytest.mark.parametrize(("method", "when"), [("PUT", ""), ("PATCH", " after mutating admission happens")])
async def test_repeated_owners_are_dropped(api: Any, method: str, when: str) -> None:
    await api.config_map("a")
    body = {"metadata": {"name": "a", "ownerReferences": [_OWNER] * 3}}
    headers = {"content-type": "application/merge-patch+json"} if method == "PATCH" else {}
    response = await api.send(method, f"{CONFIG_MAPS}/a", body, headers=headers)
    (warning,) = response.warnings
    assert warning.startswith(f".metadata.ownerReferences contains duplicate entries{when}; API server dedups")
    assert warning.endswith("duplicate UID(s) observed: u, u")


@pytest.mark.parametrize(
    ("kind", "query", "body", "code", "message"),
    [
        ("json-patch", "", b"null", 200, ""),
        ("json-patch", "", b"[null]", 422, "the server rejected our request due to an error in our request"),
        (
            "json-patch",
            "?fieldValidation=Ignore",
            b"{}",
            400,
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ),
        ("json-patch", "?fieldValidation=Ignore", b"[", 400, "unexpected end of JSON input"),
        ("merge-patch", "", b"null", 400, "Invalid JSON Patch"),
        ("merge-patch", "?fieldValidation=Ignore", b"{", 400, "Invalid JSON Patch"),
        (
            "merge-patch",
            "",
            b'{"metadata":{"name":null}}',
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
    ],
)
async def test_patches_that_are_none(api: Any, kind: str, query: str, body: bytes, code: int, message: str) -> None:
    await api.config_map("a")
    response = await api.send(
        "PATCH", f"{CONFIG_MAPS}/a{query}", body, headers={"content-type": f"application/{kind}+json"}
    )
    assert (response.status, orjson.loads(response.body).get("message", "")) == (code, message)


async def test_component_statuses_are_selected_by_name(api: Any) -> None:
    _, answer = await api("GET", "/api/v1/componentstatuses?fieldSelector=metadata.name%3Dscheduler")
    assert [item["metadata"]["name"] for item in answer["items"]] == ["scheduler"]
