"""/metrics, in Prometheus' text format."""

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.metrics import Metrics
from minik.server.apiserver.routes import Routes

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def install(routes: Routes, metrics: Metrics) -> None:
    async def handle(_request: Request, _user: UserInfo, _below: str) -> Response:
        return Response(content_type=_CONTENT_TYPE, body=metrics.text())

    routes.add("/metrics", handle)
