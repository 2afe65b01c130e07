"""/: the paths this server has."""

from minik.api.request import Request, Response
from minik.api.scheme import Scheme
from minik.api.types import UserInfo
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.routes import Routes

_HEALTH = ("/healthz/ping", "/livez/ping", "/readyz/ping")


def install(routes: Routes, scheme: Scheme) -> None:
    async def root(_request: Request, _user: UserInfo, _below: str) -> Response:
        groups = {f"/apis/{r.group}" for r in scheme if r.group}
        versions = {f"/apis/{r.api_version}" for r in scheme if r.group}
        paths = {*routes.paths(), *groups, *versions, *_HEALTH, "/api", "/api/v1", "/apis"} - {"/", "/index.html"}
        return Response(body=to_json({"paths": sorted(paths)}, pretty=True))

    routes.add("/", root)
    routes.add("/index.html", root)
