"""Where the API server connects to for pods/proxy, services/proxy and nodes/proxy."""

from types import SimpleNamespace
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.request import Request
from minik.api.status import StatusError, not_found
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.streaming.proxy import Proxy

SCHEME = load()


class Passing:
    async def mutate(self, _attributes: Any) -> None: ...

    async def validate(self, _attributes: Any) -> None: ...


class NoNodes:
    def endpoint(self, name: str, *, plural: str) -> Any:
        raise not_found("", plural, name)


def pod(name: str, *addresses: str) -> Obj:
    status = {"podIP": addresses[0], "podIPs": [{"ip": each} for each in addresses]} if addresses else {}
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"containers": []}, "status": status}


def endpoint_slice(target: str, address: str) -> Obj:
    return {
        "metadata": {"name": f"s-{target}", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}},
        "ports": [{"name": "web", "port": 8080}],
        "endpoints": [
            {"addresses": [address], "targetRef": {"kind": "Pod", "name": target, "namespace": "ns"}},
        ],
    }


async def ask(objects: Any, plural: str, name: str) -> str:
    """The complaint about a connection, which ends at the very last step when it would be made."""
    resource = SCHEME.get("", "v1", plural)
    assert resource is not None
    url = f"/api/v1/nodes/{name}/proxy/" if plural == "nodes" else f"/api/v1/namespaces/ns/{plural}/{name}/proxy/"
    request = Request(method="GET", path=url, query={}, local=True)
    call = Call(request=request, info=resolve("GET", url, {}), resource=resource, user=UserInfo("jane"))
    proxy = Proxy(objects, NoNodes())  # type: ignore[arg-type]
    with pytest.raises(StatusError) as caught:
        await proxy.serve(SimpleNamespace(admission=Passing()), call)  # type: ignore[arg-type]
    return caught.value.message


@pytest.mark.parametrize(
    ("plural", "name", "complaint"),
    [
        ("nodes", "a:b:c:d", 'invalid node request "a:b:c:d"'),
        ("nodes", "n:10250", 'nodes "n" not found'),
        ("pods", "ftp:p:80", 'invalid pod request "ftp:p:80"'),
        ("pods", "p", 'pods "p" not found'),
        ("services", ":80", 'invalid service request ":80"'),
        ("services", "s:81", 'no service port 81 found for service "s"'),
        ("services", "none", 'services "none" not found'),
        ("services", "none:80", 'services "none" not found'),
        ("services", "s:other", 'no endpoints available for service "s:other"'),
        ("services", "s", 'no endpoints available for service "s"'),
        ("services", "https:s:80", "proxying needs a connection of its own"),
        ("services", "s:web", "proxying needs a connection of its own"),
    ],
)
async def test_what_can_be_reached(objects: Any, plural: str, name: str, complaint: str) -> None:
    service = {"metadata": {"name": "s", "namespace": "ns"}, "spec": {"ports": [{"name": "web", "port": 80}]}}
    objects.add("services", service)
    objects.add("pods", pod("a", "10.42.0.9"))
    objects.add("endpointslices", endpoint_slice("a", "10.42.0.9"))
    assert await ask(objects, plural, name) == complaint


@pytest.mark.parametrize(
    ("target", "address", "complaint"),
    [
        ("a", "10.42.0.8", 'no endpoints available for service "s:web"'),  # another address than the Pod's
        ("b", "10.42.0.9", 'no endpoints available for service "s:web"'),  # no such Pod
        ("c", "127.0.0.1", "address not allowed"),
    ],
)
async def test_only_pods_are_reached(objects: Any, target: str, address: str, complaint: str) -> None:
    objects.add("pods", pod("a", "10.42.0.9"))
    objects.add("pods", pod("c", "127.0.0.1"))
    objects.add("endpointslices", endpoint_slice(target, address))
    assert await ask(objects, "services", "s:web") == complaint
