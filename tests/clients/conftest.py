"""One API server without a node for all clients; a namespace for each test."""

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.samples import CUSTOM, FUZZ_NAMESPACE, SAMPLES, Sample
from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire


@pytest.fixture(scope="session", autouse=True)
def _scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Client libraries write keys into temporary files and forget them: they get a directory that goes."""
    tmp_path_factory.getbasetemp()  # pytest's own stays where it is
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="minik-clients-", ignore_cleanup_errors=True) as directory:
        tempfile.tempdir = os.environ["TMPDIR"] = directory
        yield
    tempfile.tempdir = before[0]
    if before[1] is None:
        del os.environ["TMPDIR"]
    else:
        os.environ["TMPDIR"] = before[1]


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("clients") / "minik") as server:
        yield server


@pytest.fixture(scope="session")
def wire(api_server: ApiServer) -> Iterator[Wire]:
    with api_server.wire() as wire:
        yield wire


@pytest.fixture
def kubeconfig(api_server: ApiServer) -> Path:
    return api_server.kubeconfig


@pytest.fixture
def namespace(wire: Wire, request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace, named after the test and deleted after it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    made = wire.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert made.status == 201, made.body
    yield name
    wire.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def live(wire: Wire) -> Iterator[dict[str, Sample]]:
    """Every sample made real in the namespace "fuzz": kind to sample, custom kinds included."""
    assert wire.request("POST", "/api/v1/namespaces", {"metadata": {"name": FUZZ_NAMESPACE}}).status == 201
    account = f"/api/v1/namespaces/{FUZZ_NAMESPACE}/serviceaccounts/default"
    eventually(lambda: wire.request("GET", account).status == 200, what="the default ServiceAccount")
    samples = dict(SAMPLES)
    for sample in samples.values():
        _make(wire, sample)
    eventually(lambda: wire.request("GET", CUSTOM.collection(FUZZ_NAMESPACE)).status == 200, what="the custom kind")
    samples["Sample"] = CUSTOM
    _make(wire, CUSTOM)
    yield samples
    for sample in reversed(samples.values()):
        wire.request("DELETE", sample.path(FUZZ_NAMESPACE))
    wire.request("DELETE", f"/api/v1/namespaces/{FUZZ_NAMESPACE}")


def _make(wire: Wire, sample: Sample) -> None:
    made = wire.request("POST", sample.collection(FUZZ_NAMESPACE), sample.object())
    assert made.status == 201, made.body
