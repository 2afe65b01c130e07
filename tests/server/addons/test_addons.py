"""Files in the manifests directory become objects, follow their files, and go with them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

CORE = "/api/v1/namespaces/default/configmaps"
ADDONS = "/apis/addons.minik.io/v1/namespaces/kube-system/addons"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("addons") / "minik") as server:
        yield server


@pytest.fixture(scope="module")
def wire(server: ApiServer) -> Iterator[Wire]:
    with server.wire() as wire:
        yield wire


@pytest.fixture
def manifests(server: ApiServer) -> Path:
    directory = server.directory / "data" / "server" / "manifests"
    eventually(directory.is_dir, what="the directory")
    return directory


def config_map(name: str, value: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value}})


def value(wire: Wire, name: str) -> str | None:
    answer = wire.request("GET", f"{CORE}/{name}")
    return None if answer.status == 404 else answer.json()["data"]["v"]


def put(path: Path, *documents: str) -> None:
    path.write_text("\n---\n".join(documents))


def test_objects_follow_their_file(wire: Wire, manifests: Path) -> None:
    file = manifests / "follow.yaml"
    put(file, config_map("one", "1"), config_map("two", "1"))
    eventually(lambda: value(wire, "two") == "1", what="the objects of a new file")
    put(file, config_map("one", "2"))
    eventually(
        lambda: value(wire, "one") == "2" and value(wire, "two") is None, what="a change, and an object that goes"
    )
    addon = wire.request("GET", f"{ADDONS}/follow").json()
    assert addon["spec"]["source"] == str(file)
    eventually(lambda: wire.request("GET", f"{ADDONS}/follow").json()["spec"]["checksum"], what="the checksum")
    file.unlink()
    eventually(lambda: value(wire, "one") is None, what="the objects of a file that is gone to go")
    eventually(lambda: wire.request("GET", f"{ADDONS}/follow").status == 404, what="the Addon to go")


def test_a_definition_and_its_objects_may_share_a_file(wire: Wire, manifests: Path) -> None:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.addons.test"},
        "spec": {
            "group": "addons.test",
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Cluster",
            "versions": [version],
        },
    }
    thing = {"apiVersion": "addons.test/v1", "kind": "Thing", "metadata": {"name": "a"}}
    file = manifests / "things.yaml"
    put(file, json.dumps(thing), json.dumps(definition))
    path = "/apis/addons.test/v1/things/a"
    eventually(lambda: wire.request("GET", path).status == 200, what="the custom object")
    uid = wire.request("GET", path).json()["metadata"]["uid"]
    eventually(lambda: wire.request("GET", f"{ADDONS}/things").json()["spec"]["checksum"], what="the checksum")
    put(file, json.dumps(thing), json.dumps(definition), config_map("beside", "1"))
    eventually(lambda: value(wire, "beside") == "1", what="the added object")
    eventually(lambda: wire.request("GET", f"{ADDONS}/things").json()["spec"]["checksum"], what="the checksum")
    assert wire.request("GET", path).json()["metadata"]["uid"] == uid, "it was neither deleted nor made anew"


def test_a_bad_file_is_told_in_events_and_mended_later(wire: Wire, manifests: Path) -> None:
    file = manifests / "bad.yaml"
    put(file, config_map("fine", "1"), '{"apiVersion": "no.such/v1", "kind": "Thing", "metadata": {"name": "x"}}')

    def failed() -> bool:
        events = wire.request("GET", "/api/v1/namespaces/kube-system/events").json()["items"]
        return any('no matches for kind "Thing" in version "no.such/v1"' in event["message"] for event in events)

    eventually(failed, what="the Event")
    assert value(wire, "fine") is None
    put(file, config_map("fine", "1"))
    eventually(lambda: value(wire, "fine") == "1", what="the mended file's objects")
