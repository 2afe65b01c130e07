"""/statusz and /flagz."""

from pathlib import Path

import orjson
import pytest

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.config import AgentConfig, ServerConfig
from minik.server.apiserver.handlers.zpages import flags_of, install, status_text, wanted_version
from minik.server.apiserver.routes import Routes

CONFIG = ServerConfig(agent=AgentConfig(data_dir=Path("/d")), token="secret", tls_san=("a", "b"))


async def ask(path: str, accept: str) -> Response:
    routes = Routes()
    install(routes, CONFIG)
    found = routes.find(path)
    assert found is not None
    return await found[0](Request(method="GET", path=path, headers={"accept": accept}), UserInfo("jane"), "")


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("application/json;v=v1alpha1;g=config.k8s.io;as=Statusz", "v1alpha1"),
        ("text/plain, application/json; v=v1beta1; g=config.k8s.io; as=Statusz", "v1beta1"),
        ("application/json;v=v9;g=config.k8s.io;as=Statusz", ""),
        ("application/json", ""),
    ],
)
def test_documents_are_asked_for_by_kind(accept: str, version: str) -> None:
    assert wanted_version(accept, "Statusz") == version


async def test_pages_are_text_or_documents() -> None:
    answer = await ask("/statusz", "*/*")
    assert answer.body.startswith(b"\nkube-apiserver statusz\nWarning: ")
    answer = await ask("/flagz", "application/json;v=v1alpha1;g=config.k8s.io;as=Flagz")
    assert orjson.loads(answer.body)["flags"]["tls-san"] == "[a,b]"
    assert (await ask("/flagz", "application/json")).status == 406


def test_flags_keep_secrets() -> None:
    flags = flags_of(CONFIG)
    assert (flags["token"], flags["data-dir"], flags["disable-agent"]) == ("CONFIDENTIAL", "/d", "false")


def test_how_long_it_has_been_up() -> None:
    status = {
        "startTime": "2026-01-02T03:04:05Z",
        "uptimeSeconds": 3725,
        "goVersion": "g",
        "binaryVersion": "1.36.0",
        "emulationVersion": "1.36",
        "paths": ["/livez", "/readyz"],
    }
    assert status_text(status).splitlines()[:2] == ["Started: Fri Jan 02 03:04:05 UTC 2026", "Up: 1 hr 02 min 05 sec"]
