"""Creating, updating and patching objects, as clients see it."""

import asyncio
from typing import Any

import orjson
import pytest

from minik.api.request import Request
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.attributes import Attributes, Decision
from minik.store.engine import StoreWriteError

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


async def test_a_created_object_carries_what_only_the_server_sets(api: Any) -> None:
    obj = await api.config_map("a", metadata={"uid": "mine", "generation": 7}, data={"x": "y"})
    metadata = obj["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["uid"] != "mine"
    assert metadata["resourceVersion"].isdigit()
    assert metadata["generation"] == 7  # nobody minds it where no generations are counted
    assert metadata["managedFields"][0]["manager"] == "test"
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[1] == obj


async def test_creating_twice_is_a_conflict(api: Any) -> None:
    await api.config_map("a")
    status, answer = await api("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
    assert (status, answer["reason"]) == (409, "AlreadyExists")
    assert answer["message"] == 'configmaps "a" already exists'


async def test_generated_names_differ(api: Any) -> None:
    names = {
        (await api("POST", CONFIG_MAPS, {"metadata": {"generateName": "a-"}}))[1]["metadata"]["name"] for _ in range(5)
    }
    assert len(names) == 5
    assert all(name.startswith("a-") and len(name) == 7 for name in names)


async def test_a_dry_run_answers_but_stores_nothing(api: Any) -> None:
    status, obj = await api("POST", f"{CONFIG_MAPS}?dryRun=All", {"metadata": {"name": "a"}})
    assert status == 201
    assert "resourceVersion" not in obj["metadata"]
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[0] == 404
    status, answer = await api("POST", f"{CONFIG_MAPS}?dryRun=Some", {"metadata": {"name": "a"}})
    assert status == 422
    assert answer["message"].endswith('dryRun: Unsupported value: ["Some"]: supported values: "All"')


async def test_an_update_needs_the_present_version(api: Any) -> None:
    first = await api.config_map("a")
    version = first["metadata"]["resourceVersion"]
    new = {"metadata": {"name": "a", "resourceVersion": version}, "data": {"n": "1"}}
    assert (await api("PUT", f"{CONFIG_MAPS}/a", new))[0] == 200
    status, answer = await api("PUT", f"{CONFIG_MAPS}/a", {**new, "data": {"n": "2"}})
    assert (status, answer["reason"]) == (409, "Conflict")
    new["metadata"].pop("resourceVersion")
    status, obj = await api("PUT", f"{CONFIG_MAPS}/a", new)
    assert status == 200, "without a version an update is unconditional"
    assert obj["metadata"]["uid"] == first["metadata"]["uid"]


async def test_flow_schemas_are_updated_without_a_version(api: Any) -> None:
    schemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
    schema = {"metadata": {"name": "a"}, "spec": {"priorityLevelConfiguration": {"name": "p"}}}
    assert (await api("POST", schemas, schema))[0] == 201
    schema["spec"]["matchingPrecedence"] = 7
    assert (await api("PUT", f"{schemas}/a", schema))[0] == 200


async def test_an_update_without_effect_writes_nothing(api: Any) -> None:
    first = await api.config_map("a", data={"x": "y"})
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "y"}}
    assert (await api("PUT", f"{CONFIG_MAPS}/a", body))[1]["metadata"] == first["metadata"]
    assert (await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "y"}}))[1]["metadata"] == first["metadata"]


@pytest.mark.parametrize(
    ("target", "body", "status", "message"),
    [
        (f"{CONFIG_MAPS}/a", {"metadata": {}}, 400, "the name of the object (a based on URL) was undeterminable"),
        (f"{CONFIG_MAPS}/a", {"metadata": {"name": "b"}}, 400, "the name of the object (b) does not match the name"),
        (f"{CONFIG_MAPS}/a", {"metadata": {"name": "a", "namespace": "other"}}, 400, "the namespace of the provided"),
        (f"{CONFIG_MAPS}/a", {"metadata": {"name": "a", "uid": "u"}}, 409, "Operation cannot be fulfilled on"),
        (f"{CONFIG_MAPS}/a", {"metadata": {"name": "a", "resourceVersion": "x"}}, 500, "strconv.ParseUint"),
        (f"{CONFIG_MAPS}/missing", {"metadata": {"name": "missing"}}, 404, 'configmaps "missing" not found'),
    ],
)
async def test_bad_updates(api: Any, target: str, body: Any, status: int, message: str) -> None:
    await api.config_map("a")
    got, answer = await api("PUT", target, body)
    assert got == status
    assert answer["message"].startswith(message)


@pytest.mark.parametrize(
    ("kind", "patch", "data"),
    [
        ("merge-patch+json", {"data": {"a": None, "b": "2"}}, {"b": "2", "c": "3"}),
        ("strategic-merge-patch+json", {"data": {"b": "2"}}, {"a": "1", "b": "2", "c": "3"}),
        ("json-patch+json", [{"op": "remove", "path": "/data/a"}], {"c": "3"}),
    ],
)
async def test_patches(api: Any, kind: str, patch: Any, data: dict[str, str]) -> None:
    await api.config_map("a", data={"a": "1", "c": "3"})
    status, obj = await api.patch(f"{CONFIG_MAPS}/a", patch, kind)
    assert status == 200
    assert obj["data"] == data
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[1] == obj


async def test_concurrent_patches_all_take_effect(api: Any) -> None:
    await api.config_map("a")
    keys = [f"k{n}" for n in range(20)]
    answers = await asyncio.gather(*(api.patch(f"{CONFIG_MAPS}/a", {"data": {key: "v"}}) for key in keys))
    assert {status for status, _ in answers} == {200}
    assert sorted((await api("GET", f"{CONFIG_MAPS}/a"))[1]["data"]) == sorted(keys)


async def test_apply_creates_then_merges_and_guards_what_others_own(api: Any) -> None:
    def applied(value: str) -> Any:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": value}}

    target = f"{CONFIG_MAPS}/a?fieldManager="
    assert (await api.patch(f"{target}one", applied("1"), "apply-patch+yaml"))[0] == 201
    assert (await api.patch(f"{target}one", applied("2"), "apply-patch+yaml"))[0] == 200
    status, answer = await api.patch(f"{target}two", applied("3"), "apply-patch+yaml")
    assert (status, answer["details"]["causes"][0]["field"]) == (409, ".data.x")
    status, obj = await api.patch(f"{target}two&force=true", applied("3"), "apply-patch+yaml")
    assert (status, obj["data"]) == (200, {"x": "3"})


async def test_writes_with_a_foreign_media_type_are_refused(api: Any) -> None:
    await api.config_map("a")
    status, answer = await api("PATCH", f"{CONFIG_MAPS}/a", {"data": {}}, content_type="application/json")
    assert (status, answer["message"]) == (415, "415: Unsupported Media Type")
    status, _ = await api("POST", CONFIG_MAPS, {"metadata": {"name": "b"}}, content_type="text/plain")
    assert status == 415


async def test_unknown_fields_are_warned_about(api: Any) -> None:
    response = await api.send("POST", CONFIG_MAPS, {"metadata": {"name": "a"}, "nope": 1})
    assert response.status == 201
    assert response.warnings == ['unknown field "nope"']
    strict = await api.send("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", {"metadata": {"name": "b"}, "nope": 1})
    assert strict.status == 400


async def test_status_and_spec_have_their_own_doors(api: Any) -> None:
    await api.pod("p")
    target = "/api/v1/namespaces/default/pods/p"
    _, pod = await api.patch(f"{target}/status", {"spec": {"nodeName": "n"}, "status": {"phase": "Running"}})
    assert pod["status"]["phase"] == "Running"
    assert "nodeName" not in pod["spec"]
    _, pod = await api.patch(target, {"status": {"phase": "Failed"}, "metadata": {"labels": {"a": "b"}}})
    assert pod["status"]["phase"] == "Running"
    assert pod["metadata"]["labels"] == {"a": "b"}


async def test_admission_sees_both_objects_of_an_update(api: Any) -> None:
    await api.config_map("a", data={"x": "1"})
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"x": "2"}})
    seen = api.admission.seen[-1]
    assert (seen.operation, seen.name, seen.namespace) == ("UPDATE", "a", "default")
    assert (seen.old_obj["data"], seen.obj["data"]) == ({"x": "1"}, {"x": "2"})


@pytest.mark.parametrize(
    ("body", "query", "status", "message"),
    [
        (
            b"- a",
            "",
            400,
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go "
            "value of type map[string]interface {}",
        ),
        (b"", "", 400, "invalid object type: /, Kind="),
        (
            b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}',
            "&fieldValidation=Strict",
            400,
            'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key "a" '
            "already set in map",
        ),
        (
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '1', a: '2'}\n",
            "&fieldValidation=Ignore",
            201,
            "",
        ),
        (
            b"apiVersion: v1\nkind: ConfigMap\n",
            "",
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
    ],
)
async def test_applied_bodies(api: Any, body: bytes, query: str, status: int, message: str) -> None:
    headers = {"content-type": "application/apply-patch+yaml"}
    response = await api.send("PATCH", f"{CONFIG_MAPS}/a?fieldManager=m{query}", body, headers=headers)
    assert (response.status, orjson.loads(response.body).get("message", "")) == (status, message)
    assert response.warnings == []


async def test_a_refused_write_is_one_line_in_the_log(
    api: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def txn(*_: Any, **__: Any) -> Any:
        raise StoreWriteError("cannot write state.db: database or disk is full")

    monkeypatch.setattr(api.server.registry.storage.store, "txn", txn)
    status, answer = await api("POST", CONFIG_MAPS, {"metadata": {"name": "a"}})
    assert (status, answer["reason"]) == (500, "InternalError")
    assert [(bool(each.exc_info), each.getMessage()) for each in caplog.records] == [
        (False, f"POST {CONFIG_MAPS} failed: cannot write state.db: database or disk is full")
    ]


async def test_the_uid_in_a_put_is_a_precondition_and_in_a_patch_a_change(api: Any) -> None:
    await api.config_map("a")
    status, answer = await api("PUT", f"{CONFIG_MAPS}/a", {"metadata": {"name": "a", "uid": "other"}})
    assert status == 409
    assert "UID in precondition: other" in answer["message"]
    status, answer = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"uid": "other"}})
    assert status == 422
    text = 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "other": field is immutable'
    assert answer["message"] == text


STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
TWICE = b'{"metadata": {"labels": {"a": "b", "a": "c"}}, "odd": 1}'
APPLIED_TWICE = b'{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "1", "a": "2"}}'
LINE = 'line 1: key "a" already set in map'


@pytest.mark.parametrize("media_type", [MERGE, STRATEGIC])
async def test_a_patch_that_repeats_itself(api: Any, media_type: str) -> None:
    await api.config_map("a")
    headers = {"content-type": media_type}
    warned = await api.send("PATCH", f"{CONFIG_MAPS}/a?dryRun=All", TWICE, headers=headers)
    complaints = ['duplicate field "metadata.labels.a"', 'unknown field "odd"']
    assert (warned.status, warned.warnings) == (200, complaints)
    refused = await api.send("PATCH", f"{CONFIG_MAPS}/a?fieldValidation=Strict", TWICE, headers=headers)
    message = orjson.loads(refused.body)["message"]
    assert (refused.status, message.endswith(f"strict decoding error: {', '.join(complaints)}")) == (422, True)
    ignored = await api.send("PATCH", f"{CONFIG_MAPS}/a?fieldValidation=Ignore", TWICE, headers=headers)
    assert (ignored.status, ignored.warnings) == (200, [])


async def test_an_applied_configuration_that_repeats_itself(api: Any) -> None:
    headers = {"content-type": "application/apply-patch+yaml"}
    target = f"{CONFIG_MAPS}/a?fieldManager=m&dryRun=All"
    warned = await api.send("PATCH", target, APPLIED_TWICE, headers=headers)
    assert (warned.status, warned.warnings) == (201, [LINE])
    refused = await api.send("PATCH", f"{target}&fieldValidation=Strict", APPLIED_TWICE, headers=headers)
    text = f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {LINE}"
    assert (refused.status, orjson.loads(refused.body)["message"]) == (400, text)


async def test_a_strategic_patch_makes_a_struct(api: Any) -> None:
    await api.config_map("a")
    headers = {"content-type": STRATEGIC}
    other = await api.send("PATCH", f"{CONFIG_MAPS}/a", b'{"kind": "Pod", "apiVersion": "x/v1"}', headers=headers)
    assert (other.status, orjson.loads(other.body)["kind"]) == (200, "ConfigMap")
    wrong = await api.send("PATCH", f"{CONFIG_MAPS}/a", b'{"data": {"a": 1}}', headers=headers)
    assert orjson.loads(wrong.body)["message"] == (
        ' "" is invalid: patch: Invalid value: "map[data:map[a:1]]": cannot convert int64 to string'
    )
    bad = await api.send("PATCH", f"{CONFIG_MAPS}/a", b"[]", headers=headers)
    text = "json: cannot unmarshal array into Go value of type map[string]interface {}"
    assert (bad.status, orjson.loads(bad.body)["message"]) == (400, text)
    missing = await api.send("PATCH", f"{CONFIG_MAPS}/b", b"[", headers=headers)
    assert missing.status == 404, "what is not there is no reason to read a patch"


@pytest.mark.parametrize("media_type", ["application/json", MERGE, STRATEGIC])
async def test_an_empty_list_of_managers_clears_them(api: Any, media_type: str) -> None:
    await api.config_map("a", data={"x": "1"})
    body = {"metadata": {"name": "a", "managedFields": []}, "data": {"x": "1"}}
    method = "PUT" if media_type == "application/json" else "PATCH"
    response = await api.send(method, f"{CONFIG_MAPS}/a", body, headers={"content-type": media_type})
    assert "managedFields" not in orjson.loads(response.body)["metadata"]


@pytest.mark.parametrize(
    ("method", "target", "media_type"),
    [
        ("PATCH", f"{CONFIG_MAPS}/a?fieldManager=m", "application/apply-patch+yaml"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/a", "application/json"),
    ],
)
async def test_who_may_change_objects_may_not_make_them(api: Any, method: str, target: str, media_type: str) -> None:
    async def authorize(attributes: Attributes) -> Decision:
        return Decision(attributes.verb != "create", "because")

    api.server.registry.authorize = authorize
    path, _, _ = target.partition("?")
    kind, version = ("ConfigMap", "v1") if method == "PATCH" else ("Lease", "coordination.k8s.io/v1")
    body = {"kind": kind, "apiVersion": version, "metadata": {"name": "a"}}
    request = Request(
        method=method,
        path=path,
        query={"fieldManager": ["m"]},
        headers={"content-type": media_type},
        body=orjson.dumps(body),
        user=UserInfo("jane"),
        local=True,
    )
    with pytest.raises(StatusError) as refused:
        await api.server.pipeline.handle(request)
    resource, group = (kind.lower() + "s", "" if "/" not in version else "coordination.k8s.io")
    assert refused.value.message.endswith(
        f'"a" is forbidden: User "jane" cannot create resource "{resource}" in API group "{group}" in the namespace '
        '"default": because'
    )
