"""A GET that is sent again and again takes the short way, and still sees every change."""

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Reader:
    """Gets one ConfigMap with a token, with the same bytes each time."""

    def __init__(self, server: ApiServer, namespace: str, token: str) -> None:
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", server.port, timeout=10, context=ssl._create_unverified_context()
        )
        self._path = f"/api/v1/namespaces/{namespace}/configmaps/seen"
        self._headers = {"Authorization": f"Bearer {token}"}

    def read(self) -> tuple[int, Any]:
        self._connection.request("GET", self._path, headers=self._headers)
        answer = self._connection.getresponse()
        assert answer.headers["Audit-Id"]
        return answer.status, json.loads(answer.read())

    def settles_on(self, status: int) -> Any:
        """Role bindings take effect a moment after they were written, as upstream's do; from then on they hold."""
        eventually(lambda: self.read()[0] == status, within=5, every=0.01, what=f"{status}")
        answers = [self.read() for _ in range(3)]
        assert [found[0] for found in answers] == [status] * 3
        return answers[-1][1]

    def close(self) -> None:
        self._connection.close()


def create(wire: Wire, path: str, obj: Any) -> Any:
    answer = wire.request("POST", path, obj)
    assert answer.status == 201, answer.body
    return answer.json()


def bind(wire: Wire, namespace: str) -> None:
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    binding = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": [subject]}
    create(wire, f"{RBAC}/namespaces/{namespace}/rolebindings", binding)


@pytest.fixture
def reader(api_server: ApiServer, wire: Wire, namespace: str) -> Iterator[Reader]:
    core = f"/api/v1/namespaces/{namespace}"
    create(wire, f"{core}/configmaps", {"metadata": {"name": "seen"}, "data": {"a": "1"}})
    create(wire, f"{core}/serviceaccounts", {"metadata": {"name": "reader"}})
    bind(wire, namespace)
    token = create(wire, f"{core}/serviceaccounts/reader/token", {"spec": {}})["status"]["token"]
    reader = Reader(api_server, namespace, token)
    assert reader.settles_on(200)["data"] == {"a": "1"}
    yield reader
    reader.close()


def test_the_newest_object_is_read(wire: Wire, namespace: str, reader: Reader) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps/seen"
    for value in "234":
        changed = wire.request("PUT", path, {"metadata": {"name": "seen"}, "data": {"a": value}}).json()
        status, found = reader.read()
        assert (status, found) == (200, changed)
    assert wire.request("DELETE", path).status == 200
    status, found = reader.read()
    assert (status, found["reason"]) == (404, "NotFound")


def test_role_bindings_that_come_and_go_are_seen(wire: Wire, namespace: str, reader: Reader) -> None:
    path = f"{RBAC}/namespaces/{namespace}/rolebindings/reader"
    for _ in range(3):
        assert wire.request("DELETE", path).status == 200
        reader.settles_on(403)
        bind(wire, namespace)
        reader.settles_on(200)


def test_a_token_ends_with_its_account(wire: Wire, namespace: str, reader: Reader) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/reader"
    assert wire.request("DELETE", path).status == 200
    assert reader.read()[0] == 401
    create(wire, path.rpartition("/")[0], {"metadata": {"name": "reader"}})
    assert reader.read()[0] == 401, "another account of the same name"
