"""/metrics, in Prometheus' text format."""

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.metrics import CONTENT_TYPE, Metrics
from minik.server.apiserver.routes import Routes


def install(routes: Routes, metrics: Metrics) -> None:
    async def handle(_request: Request, _user: UserInfo, _below: str) -> Response:
        await metrics.prepare()
        return Response(content_type=CONTENT_TYPE, body=metrics.text())

    routes.add("/metrics", handle)
