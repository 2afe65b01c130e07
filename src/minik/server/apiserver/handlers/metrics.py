"""/metrics, in Prometheus' text format."""

from prometheus_client import CollectorRegistry, generate_latest

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.routes import Routes

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def install(routes: Routes, registry: CollectorRegistry) -> None:
    async def metrics(_request: Request, _user: UserInfo, _below: str) -> Response:
        return Response(content_type=_CONTENT_TYPE, body=generate_latest(registry))

    routes.add("/metrics", metrics)
