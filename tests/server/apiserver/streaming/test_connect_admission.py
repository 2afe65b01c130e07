"""Connections are put to admission as CONNECT, with what the query asks for as their object."""

from types import SimpleNamespace
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.request import Request
from minik.api.types import UserInfo
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.streaming.admission import admit

SCHEME = load()


class Noting:
    """Admission that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[AdmissionAttributes] = []

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        self.asked.append(attributes)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        self.asked.append(attributes)


@pytest.mark.parametrize(
    ("plural", "path", "query", "options"),
    [
        (
            "pods",
            "p/exec",
            {"command": ["ls", "-l"], "container": ["c"], "stdout": ["true"], "tty": ["0"]},
            {"kind": "PodExecOptions", "stdout": True, "container": "c", "command": ["ls", "-l"]},
        ),
        ("pods", "p/attach", {"stdin": ["1"]}, {"kind": "PodAttachOptions", "stdin": True}),
        ("pods", "p/portforward", {"ports": ["80"]}, {"kind": "PodPortForwardOptions", "ports": [80]}),
        ("services", "s/proxy/x/y", {}, {"kind": "ServiceProxyOptions", "path": "/x/y"}),
    ],
)
async def test_options_of_connections(plural: str, path: str, query: Any, options: Any) -> None:
    resource = SCHEME.get("", "v1", plural)
    assert resource is not None
    url = f"/api/v1/namespaces/ns/{plural}/{path}"
    request = Request(method="POST", path=url, query=query)
    call = Call(request=request, info=resolve("POST", url, query), resource=resource, user=UserInfo("jane"))
    admission = Noting()
    await admit(SimpleNamespace(admission=admission), call)  # type: ignore[arg-type]
    assert len(admission.asked) == 2
    asked = admission.asked[0]
    assert asked.obj == {"apiVersion": "v1", **options}
    assert (asked.operation.value, asked.kind, asked.namespace) == ("CONNECT", options["kind"], "ns")
