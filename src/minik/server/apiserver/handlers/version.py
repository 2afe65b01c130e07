"""/version: which Kubernetes this is (https://kubernetes.io/docs/reference/using-api/deprecation-policy/)."""

import platform
from importlib.metadata import version as package_version

from minik.api.request import Request, Response
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.negotiation import JSON, accepts_route
from minik.server.apiserver.registry.answer import to_json
from minik.server.apiserver.routes import Routes, get_only

MAJOR, MINOR = "1", "36"
KUBERNETES_VERSION = f"v{MAJOR}.{MINOR}.0"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def version_info() -> Obj:
    machine, release = platform.machine(), package_version("minik")
    return {
        "major": MAJOR,
        "minor": MINOR,
        "emulationMajor": MAJOR,
        "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": str(int(MINOR) - 1),
        "gitVersion": f"{KUBERNETES_VERSION}+minik{release}",
        "gitCommit": release,
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"linux/{_MACHINES.get(machine, machine)}",
    }


def install(routes: Routes) -> None:
    body = to_json(version_info(), pretty=True)

    async def version(request: Request, _user: UserInfo, below: str) -> Response:
        accepts_route(request.headers.get("accept", ""), JSON)
        return Response(body=body)

    routes.add("/version", get_only(version), slashed=True)
