"""OpenAPI over the pipeline's routes: caching headers, media types, unknown versions."""

import orjson

from minik.api.request import Request, Response
from minik.api.scheme import Resource, Scheme
from minik.api.types import UserInfo
from minik.server.apiserver.handlers.openapi import OpenAPI
from minik.server.apiserver.routes import Routes

SCHEME = Scheme(
    [
        Resource(
            group="apps",
            version="v1",
            kind="Deployment",
            plural="deployments",
            singular="deployment",
            type_name="io.k8s.api.apps.v1.Deployment",
        )
    ]
)


async def _get(path: str, **headers: str) -> Response:
    routes = Routes()
    OpenAPI(SCHEME).install(routes)
    path, _, query = path.partition("?")
    found = routes.find(path)
    assert found is not None
    handler, below = found
    name, _, value = query.partition("=")
    lower = {key.replace("_", "-"): value for key, value in headers.items()}
    request = Request(method="GET", path=path, query={name: [value]} if query else {}, headers=lower)
    return await handler(request, UserInfo("x"), below)


async def test_the_index_leads_to_documents_that_never_change() -> None:
    index = orjson.loads((await _get("/openapi/v3")).body)
    url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
    document = await _get(url)
    assert document.headers["Cache-Control"] == "public, immutable"
    assert "io.k8s.api.apps.v1.Deployment" in orjson.loads(document.body)["components"]["schemas"]


async def test_an_old_fingerprint_is_sent_to_the_new_document() -> None:
    response = await _get("/openapi/v3/apis/apps/v1?hash=OLD")
    assert response.status == 301
    assert response.headers["Location"].startswith("/openapi/v3/apis/apps/v1?hash=")


async def test_a_client_that_has_the_document_gets_none() -> None:
    first = await _get("/openapi/v3/apis/apps/v1")
    again = await _get("/openapi/v3/apis/apps/v1", if_none_match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_versions_that_are_not_served() -> None:
    for path in ("/openapi/v3/apis/batch/v1", "/openapi/v3/nope", "/openapi/v3/api/v1"):
        assert (await _get(path)).status == 404


async def test_swagger_comes_as_json_or_protobuf() -> None:
    assert orjson.loads((await _get("/openapi/v2")).body)["swagger"] == "2.0"
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    response = await _get("/openapi/v2", accept=accept)
    assert response.content_type == accept.replace("@", ".")
    assert response.body.startswith(b"\x0a\x032.0")
