"""Reading objects and lists: pages, selectors, versions, tables."""

from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import orjson
import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
FIRST_HOOK = "poststarthook/start-apiserver-admission-initializer"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


async def names(api: Any, query: str, path: str = CONFIG_MAPS) -> list[str]:
    status, answer = await api("GET", f"{path}?{query}")
    assert status == 200, answer
    return [item["metadata"]["name"] for item in answer["items"]]


async def three(api: Any) -> None:
    for name, labels in (("a", {"env": "prod"}), ("b", {"env": "dev"}), ("c", {"env": "dev", "x": "y"})):
        await api.config_map(name, metadata={"labels": labels})


async def test_items_of_a_list_leave_out_their_type(api: Any) -> None:
    obj = await api.config_map("a", data={"x": "y"})
    _, answer = await api("GET", CONFIG_MAPS)
    assert answer["kind"] == "ConfigMapList"
    assert answer["items"] == [{"metadata": obj["metadata"], "data": {"x": "y"}}]
    assert answer["metadata"] == {"resourceVersion": obj["metadata"]["resourceVersion"]}


async def test_lists_stay_in_their_namespace(api: Any) -> None:
    await api.config_map("a")
    await api("POST", "/api/v1/namespaces/default2/configmaps", {"metadata": {"name": "z"}})
    assert await names(api, "") == ["a"]
    assert await names(api, "", "/api/v1/configmaps") == ["a", "z"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("labelSelector=env=dev", ["b", "c"]),
        ("labelSelector=env!=dev", ["a"]),
        ("labelSelector=env%20in%20(dev,qa),x", ["c"]),
        ("labelSelector=!x", ["a", "b"]),
        ("fieldSelector=metadata.name=b", ["b"]),
        ("fieldSelector=metadata.name!=b,metadata.namespace=default", ["a", "c"]),
        ("fieldSelector=metadata.namespace=other", []),
    ],
)
async def test_selectors(api: Any, query: str, expected: list[str]) -> None:
    await three(api)
    assert await names(api, query) == expected


_UNKNOWN = 'is not a known field selector: only "metadata.name", "metadata.namespace"'


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        (CONFIG_MAPS, "spec.x", f'"spec.x" {_UNKNOWN}'),
        ("/api/v1/persistentvolumes", "name", f'"name" {_UNKNOWN}'),
        ("/api/v1/persistentvolumeclaims", "spec.volumeName", f'"spec.volumeName" {_UNKNOWN}'),
        ("/api/v1/namespaces", "name", "field label not supported: name"),
        ("/api/v1/pods", "spec.hostname", "field label not supported: spec.hostname"),
    ],
)
async def test_an_unknown_field_cannot_be_selected_by(api: Any, path: str, field: str, expected: str) -> None:
    status, answer = await api("GET", f"{path}?fieldSelector={field}=1")
    assert (status, answer["message"]) == (400, expected)


@pytest.mark.parametrize(
    ("field", "expected"),
    [("spec.host=n", ["p"]), ("spec.host=m", []), ("status.podIPs=10.0.0.1", []), ("status.podIPs=", ["p"])],
)
async def test_old_fields_of_pods_can_be_selected_by(api: Any, field: str, expected: list[str]) -> None:
    pods = "/api/v1/namespaces/default/pods"
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    await api("POST", pods, {"metadata": {"name": "p"}, "spec": spec})
    _, answer = await api("GET", f"{pods}?fieldSelector={field}")
    assert [item["metadata"]["name"] for item in answer["items"]] == expected


async def test_pages_show_one_moment(api: Any) -> None:
    await three(api)
    _, first = await api("GET", f"{CONFIG_MAPS}?limit=2")
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    await api("DELETE", f"{CONFIG_MAPS}/c")
    await api.config_map("d")
    _, second = await api("GET", f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in second["items"]] == ["c"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_pages_of_a_selection_are_full(api: Any) -> None:
    for number in range(300):
        await api.config_map(f"n{number:03}", metadata={"labels": {"even": str(number % 2 == 0).lower()}})
    found, token = [], ""
    while True:
        _, page = await api("GET", f"{CONFIG_MAPS}?labelSelector=even=true&limit=70&continue={token}")
        found += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
        assert len(page["items"]) == 70
        assert "remainingItemCount" not in page["metadata"]
    assert found == [f"n{number:03}" for number in range(0, 300, 2)]


async def test_a_compacted_page_says_how_to_go_on(api: Any) -> None:
    await three(api)
    _, first = await api("GET", f"{CONFIG_MAPS}?limit=1")
    await api.config_map("b2")
    store = api.server.registry.storage.store
    await store.compact(store.revision)
    status, answer = await api("GET", f"{CONFIG_MAPS}?limit=1&continue={first['metadata']['continue']}")
    assert (status, answer["reason"]) == (410, "Expired")
    _, rest = await api("GET", f"{CONFIG_MAPS}?continue={answer['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["b", "b2", "c"]


async def test_an_exact_version_shows_the_past(api: Any) -> None:
    await three(api)
    _, before = await api("GET", CONFIG_MAPS)
    version = before["metadata"]["resourceVersion"]
    await api.patch(f"{CONFIG_MAPS}/a", {"data": {"new": "1"}})
    status, answer = await api("GET", f"{CONFIG_MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert status == 200
    assert answer == before


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("resourceVersion=abc", 400, "invalid resource version: "),
        ("resourceVersionMatch=Exact", 422, 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden'),
        ("limit=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("continue=abc", 400, "invalid continue token: continue key is not valid: invalid character 'i'"),
        ("sendInitialEvents=true", 422, 'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden'),
    ],
)
async def test_bad_list_options(api: Any, query: str, status: int, message: str) -> None:
    got, answer = await api("GET", f"{CONFIG_MAPS}?{query}")
    assert got == status
    assert answer["message"].startswith(message)


async def test_tables_have_cells_and_metadata(api: Any) -> None:
    await api.config_map("a", data={"x": "y", "z": "w"})
    _, table = await api("GET", CONFIG_MAPS, accept=TABLE)
    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert table["rows"][0]["cells"][:2] == ["a", 2]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    _, bare = await api("GET", f"{CONFIG_MAPS}?includeObject=None", accept=TABLE)
    assert bare["rows"][0]["object"] is None


async def test_metadata_alone(api: Any) -> None:
    obj = await api.config_map("a", data={"x": "y"})
    _, answer = await api("GET", CONFIG_MAPS, accept=PARTIAL)
    assert answer["items"] == [
        {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    ]


async def test_another_version_of_the_same_object(api: Any) -> None:
    slices = "/apis/events.k8s.io/v1/namespaces/default/events"
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "R",
        "message": "m",
        "type": "Normal",
    }
    status, created = await api("POST", "/api/v1/namespaces/default/events", event)
    assert status == 201, created
    _, seen = await api("GET", f"{slices}/e")
    assert seen["apiVersion"] == "events.k8s.io/v1"
    assert seen["metadata"]["uid"] == created["metadata"]["uid"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/gadgets", 404),
        ("GET", "/api/v1/configmaps/x", 404),
        ("POST", "/api/v1/configmaps", 405),
        ("POST", f"{CONFIG_MAPS}/x", 405),
        ("PATCH", CONFIG_MAPS, 405),
        ("HEAD", CONFIG_MAPS, 405),
        ("HEAD", "/version", 405),
        ("HEAD", "/apis/apps/v1", 405),
        ("POST", "/apis/apps/v2", 404),
        ("POST", "/apis/apps", 200),
        ("POST", "/apis", 200),
        ("POST", "/api", 405),
        ("HEAD", "/healthz", 200),
        ("POST", "/healthz", 200),
        ("FROB", CONFIG_MAPS, 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", 405),
        ("GET", "/api/v1/namespaces/default/nodes/n", 404),
        ("GET", f"{CONFIG_MAPS}/a/nothere", 404),
        ("POST", "/version", 405),
    ],
)
async def test_paths_and_methods_that_are_not_served(api: Any, method: str, path: str, status: int) -> None:
    assert (await api.send(method, path)).status == status


async def test_an_unknown_group_is_plain_text(api: Any) -> None:
    response = await api.send("GET", "/apis/nothere.example.com/v1/things")
    assert (response.status, response.body) == (404, b"404 page not found\n")
    assert response.content_type.startswith("text/plain")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((path, 200) for path in ("/version/", "/api/", "/api/v1/", "/apis/", "/apis/apps/", "/apis/apps/v1/")),
        *((path, 404) for path in ("/metrics/", "/healthz/", "/healthz/ping/", "/openapi/v2/", "/openapi/v3/")),
        ("/openapi/v3/api/v1/", 404),
    ],
)
async def test_only_routes_take_a_trailing_slash(api: Any, path: str, status: int) -> None:
    assert (await api.send("GET", path)).status == status
    assert (await api.send("GET", path.rstrip("/"))).status == 200


async def test_protobuf_only_for_who_takes_nothing_else(api: Any) -> None:
    await api.config_map("a", data={"x": "y"})
    protobuf = "application/vnd.kubernetes.protobuf"
    response = await api.send("GET", f"{CONFIG_MAPS}/a", headers={"accept": protobuf})
    assert (response.content_type, response.body[:4]) == (protobuf, b"k8s\x00")
    both = await api.send("GET", f"{CONFIG_MAPS}/a", headers={"accept": f"{protobuf},application/json"})
    assert both.content_type == "application/json"


async def test_people_get_indented_json(api: Any) -> None:
    await api.config_map("a")
    for query, agent in (("?pretty=true", "x"), ("", "curl/8.0")):
        response = await api.send("GET", f"{CONFIG_MAPS}/a{query}", headers={"user-agent": agent})
        assert response.body.startswith(b'{\n  "kind": "ConfigMap"')


async def test_component_statuses_are_computed(api: Any) -> None:
    status, answer = await api("GET", "/api/v1/componentstatuses")
    assert status == 200
    assert {item["conditions"][0]["status"] for item in answer["items"]} == {"True"}
    response = await api.send("GET", "/api/v1/componentstatuses")
    assert response.warnings == ["v1 ComponentStatus is deprecated in v1.19+"]
    assert (await api("GET", "/api/v1/componentstatuses?watch=true"))[0] == 405


async def test_health_metrics_and_version(api: Any) -> None:
    assert (await api.send("GET", "/readyz")).body == b"ok"
    assert b"[+]etcd ok" in (await api.send("GET", "/livez?verbose")).body
    told = await api.send("GET", "/livez?verbose=false&exclude=ping&exclude=b,c&exclude=a")
    assert b"[+]ping excluded: ok\n" in told.body
    assert b'warn: some health checks cannot be excluded: no matches for "a","b,c"\n' in told.body
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert (await api.send("GET", "/livez/nope")).status == 404
    assert (await api.send("GET", "/livez/poststarthook/rbac/bootstrap-roles")).body == b"ok"
    lines = (await api.send("GET", "/readyz?verbose=1")).body.decode().splitlines()
    assert lines[:5] == ["[+]ping ok", "[+]log ok", "[+]etcd ok", "[+]informer-sync ok", f"[+]{FIRST_HOOK} ok"]
    assert lines[-2:] == ["[+]shutdown ok", "readyz check passed"]
    assert (await api("GET", "/version"))[1]["minor"] == "36"
    assert b'apiserver_request_total{code="200"' in (await api.send("GET", "/metrics")).body
    _, groups = await api("GET", "/apis")
    assert groups["kind"] == "APIGroupList"


async def test_any_version_is_answered_in_one_page(api: Any) -> None:
    await three(api)
    _, answer = await api("GET", f"{CONFIG_MAPS}?limit=1&resourceVersion=0")
    assert len(answer["items"]) == 3
    assert "continue" not in answer["metadata"]


async def test_what_is_selected_by_its_name_comes_on_one_page(api: Any) -> None:
    for name in ("a", "b", "c"):
        await api.config_map(name, metadata={"labels": {"x": name}})
    _, page = await api("GET", f"{CONFIG_MAPS}?limit=1")
    token = quote(page["metadata"]["continue"])
    for query, names in (
        ("fieldSelector=metadata.name%3Da&limit=1", ["a"]),
        (f"fieldSelector=metadata.name%3Da&limit=1&continue={token}", ["a"]),
        ("fieldSelector=metadata.name%3Da&labelSelector=x%3Db", []),
        ("fieldSelector=metadata.name%3Da,metadata.namespace%3Dother", []),
        ("fieldSelector=metadata.name%3D", []),
        (f"fieldSelector=metadata.name%3Db&resourceVersion={page['metadata']['resourceVersion']}&limit=5", ["b"]),
    ):
        status, answer = await api("GET", f"{CONFIG_MAPS}?{query}")
        assert (status, [item["metadata"]["name"] for item in answer["items"]]) == (200, names), query
        assert answer["metadata"].keys() == {"resourceVersion"}
    _, everywhere = await api("GET", "/api/v1/configmaps?fieldSelector=metadata.name%3Db&limit=1")
    assert [item["metadata"]["name"] for item in everywhere["items"]] == ["b"]
    _, namespaced = await api(
        "GET", "/api/v1/configmaps?fieldSelector=metadata.name%3Da,metadata.namespace%3Ddefault&limit=1"
    )
    assert [item["metadata"]["name"] for item in namespaced["items"]] == ["a"]
    assert "continue" not in namespaced["metadata"]


def _token(**content: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


_MADE = {"v": "meta.k8s.io/v1", "rv": 1}


@pytest.mark.parametrize(
    ("token", "complaint"),
    [
        ("abc", ": invalid character 'i' looking for beginning of value"),
        ("abcde", ": illegal base64 data at input byte 4"),
        ("a+b", ": illegal base64 data at input byte 1"),
        (_token(v=1), ": json: cannot unmarshal number into Go struct field continueToken.v of type string"),
        (_token(v="v2"), ": server does not recognize this encoded version v2"),
        (_token(v="meta.k8s.io/v1"), ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (_token(**_MADE), ": encoded start key empty (version meta.k8s.io/v1)"),
        (_token(**_MADE, start="../a"), ": ../a"),
        (_token(**_MADE, start="a//b"), ": a//b"),
    ],
)
async def test_continue_tokens_that_are_none(api: Any, token: str, complaint: str) -> None:
    status, answer = await api("GET", f"{CONFIG_MAPS}?resourceVersion=1&continue={quote(token)}")
    assert (status, answer["message"]) == (400, f"invalid continue token: continue key is not valid{complaint}")
