"""Deleting: at once, with grace, held by finalizers, with preconditions."""

from typing import Any

import orjson
import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def test_the_answer_is_a_status(api: Any) -> None:
    obj = await api.config_map("a")
    status, answer = await api("DELETE", f"{CONFIG_MAPS}/a")
    assert status == 200
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": obj["metadata"]["uid"]}
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[0] == 404


async def test_a_finalizer_holds_the_object_until_it_is_removed(api: Any) -> None:
    await api.config_map("a", metadata={"finalizers": ["a.test/x"]})
    _, marked = await api("DELETE", f"{CONFIG_MAPS}/a")
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    status, _ = await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"deletionTimestamp": None}})
    assert status == 200
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[1]["metadata"]["deletionTimestamp"]
    await api.patch(f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}})
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[0] == 404


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
async def test_propagation_becomes_a_finalizer(api: Any, policy: str, finalizer: str) -> None:
    await api.config_map("a")
    _, marked = await api("DELETE", f"{CONFIG_MAPS}/a", {"propagationPolicy": policy})
    assert marked["metadata"]["finalizers"] == [finalizer]
    _, done = await api("DELETE", f"{CONFIG_MAPS}/a?propagationPolicy=Background")
    assert done["status"] == "Success"


async def test_a_running_pod_gets_its_grace_period(api: Any) -> None:
    await api.pod("p", nodeName="n", terminationGracePeriodSeconds=20)
    await api.patch(f"{PODS}/p/status", {"status": {"phase": "Running"}})
    _, marked = await api("DELETE", f"{PODS}/p")
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 20
    assert marked["metadata"]["generation"] == 2
    _, longer = await api("DELETE", f"{PODS}/p?gracePeriodSeconds=60")
    assert longer["metadata"] == marked["metadata"], "grace can only be shortened"
    _, shorter = await api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 5})
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    status, gone = await api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert (status, gone["kind"], gone["metadata"]["deletionGracePeriodSeconds"]) == (200, "Pod", 0)
    assert (await api("GET", f"{PODS}/p"))[0] == 404


async def test_preconditions(api: Any) -> None:
    obj = await api.config_map("a")
    uid, version = obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]
    status, answer = await api("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": {"uid": "other"}})
    assert (status, answer["details"]["kind"]) == (409, "ConfigMap")
    assert (await api("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": {"resourceVersion": "1"}}))[0] == 409
    good = {"preconditions": {"uid": uid, "resourceVersion": version}}
    assert (await api("DELETE", f"{CONFIG_MAPS}/a", good))[0] == 200


async def test_a_dry_run_deletes_nothing(api: Any) -> None:
    await api.config_map("a")
    assert (await api("DELETE", f"{CONFIG_MAPS}/a?dryRun=All"))[1]["status"] == "Success"
    assert (await api("GET", f"{CONFIG_MAPS}/a"))[0] == 200


async def test_a_collection_goes_one_by_one(api: Any) -> None:
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "1"}), ("c", {})):
        await api.config_map(name, metadata={"labels": labels})
    status, answer = await api("DELETE", f"{CONFIG_MAPS}?labelSelector=x")
    assert (status, answer["kind"], len(answer["items"])) == (200, "ConfigMapList", 2)
    _, left = await api("GET", CONFIG_MAPS)
    assert [item["metadata"]["name"] for item in left["items"]] == ["c"]


async def test_a_namespace_waits_for_its_finalizers(api: Any) -> None:
    await api("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
    _, marked = await api("DELETE", "/api/v1/namespaces/n")
    assert marked["status"]["phase"] == "Terminating"
    marked["spec"]["finalizers"] = []
    assert (await api("PUT", "/api/v1/namespaces/n/finalize", marked))[0] == 200
    assert (await api("GET", "/api/v1/namespaces/n"))[0] == 404


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"kind": "Odd", "apiVersion": "v1"}, 400, 'no kind "Odd" is registered for version "v1"'),
        ({"gracePeriodSeconds": "x"}, 400, "json: cannot unmarshal string into Go struct field DeleteOptions."),
        ({"propagationPolicy": "Odd"}, 422, 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported'),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422, "DeleteOptions.meta.k8s.io"),
    ],
)
async def test_bad_options(api: Any, body: Any, status: int, message: str) -> None:
    await api.config_map("a")
    got, answer = await api("DELETE", f"{CONFIG_MAPS}/a", body)
    assert got == status
    assert answer["message"].startswith(message)


async def test_options_in_protobuf(api: Any) -> None:
    from minik.api.codec import protobuf_encode
    from minik.api.schema import types

    obj = await api.config_map("a")
    shape = types.get("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    headers = {"content-type": "application/vnd.kubernetes.protobuf"}
    for uid, status in (("other", 409), (obj["metadata"]["uid"], 200)):
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        body = protobuf_encode.encode(options, shape)
        response = await api.send("DELETE", f"{CONFIG_MAPS}/a", body, headers=headers)
        assert response.status == status, response.body


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"propagationPolicy": 1}, "number into Go struct field DeleteOptions.propagationPolicy of type v1.Deletion"),
        (
            {"preconditions": {"uid": 1}},
            "number into Go struct field Preconditions.preconditions.uid of type types.UID",
        ),
        ({"dryRun": "All"}, "string into Go struct field DeleteOptions.dryRun of type []string"),
    ],
)
async def test_options_of_wrong_types(api: Any, options: Any, text: str) -> None:
    await api.config_map("a")
    status, answer = await api("DELETE", f"{CONFIG_MAPS}/a", options)
    assert status == 400
    assert text in answer["message"]


JOBS = "/apis/batch/v1/namespaces/default/jobs"
JOB = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x:1"}]}}}


@pytest.mark.parametrize(
    ("target", "body", "warned"),
    [
        (f"{JOBS}/j", None, True),
        (JOBS, None, True),
        (f"{JOBS}/nope", None, True),
        (f"{JOBS}/j?propagationPolicy=Orphan", None, False),
        (f"{JOBS}/j", {"orphanDependents": False}, False),
    ],
)
async def test_jobs_deleted_without_a_word_about_their_pods(api: Any, target: str, body: Any, warned: bool) -> None:
    assert (await api("POST", JOBS, {"metadata": {"name": "j"}, "spec": JOB}))[0] == 201
    response = await api.send("DELETE", target, body)
    text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them"
    assert [warning.startswith(text) for warning in response.warnings] == [True] * warned


async def test_system_priority_classes_stay(api: Any) -> None:
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    status, answer = await api("DELETE", f"{classes}/system-node-critical?dryRun=All")
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == (
        'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: '
        "this is a system priority class and cannot be deleted"
    )
    assert (await api("DELETE", f"{classes}/x"))[0] == 404


@pytest.mark.parametrize(
    ("headers", "query", "body", "code", "message"),
    [
        (
            {"content-type": "text/plain"},
            "",
            b"{}",
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json, "
            "application/yaml, application/vnd.kubernetes.protobuf",
        ),
        (
            {},
            "",
            b'{"kind":"Odd"}',
            400,
            'no kind "Odd" is registered for version "meta.k8s.io/v1" in scheme '
            '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"',
        ),
        ({}, "", b'{"apiVersion":"a/b/c"}', 400, "unexpected GroupVersion string: a/b/c"),
        (
            {},
            "",
            b'{"kind":5}',
            400,
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of "
            "type string",
        ),
        ({}, "", b'{"kind":"Status"}', 400, "decoded object cannot be converted to DeleteOptions"),
        ({}, "?gracePeriodSeconds=", b"", 400, 'strconv.ParseInt: parsing "": invalid syntax'),
    ],
)
async def test_options_that_are_none(
    api: Any, headers: dict[str, str], query: str, body: bytes, code: int, message: str
) -> None:
    response = await api.send("DELETE", f"{CONFIG_MAPS}/a{query}", body, headers=headers)
    assert (response.status, orjson.loads(response.body)["message"]) == (code, message)


@pytest.mark.parametrize("query", ["uid=x", "resourceVersion=1"])
async def test_preconditions_in_the_query(api: Any, query: str) -> None:
    roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    await api("POST", roles, {"metadata": {"name": "a"}})
    status, answer = await api("DELETE", f"{roles}/a?{query}")
    assert (status, answer["details"]["group"]) == (409, "rbac.authorization.k8s.io")
    assert answer["message"].startswith('Operation cannot be fulfilled on Role.rbac.authorization.k8s.io "a": the ')


async def test_what_is_not_gone_yet_is_accepted(api: Any) -> None:
    await api.config_map("a", metadata={"finalizers": ["x.io/y"]})
    assert (await api("DELETE", f"{CONFIG_MAPS}/a?orphanDependents=false"))[0] == 202
    assert (await api("DELETE", f"{CONFIG_MAPS}/a"))[0] == 200
