"""One server with three fake nodes for all tests that schedule through the API."""

from collections.abc import Iterator

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.scheduling import Ground
from harness.scheduling import ground as new_ground

NODES = ("fake-0000", "fake-0001", "fake-0002")


@pytest.fixture(scope="session")
def fake_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    settings = {
        "fake-nodes": len(NODES),
        "fake-node-capacity": ["cpu=10", "memory=64Gi", "ephemeral-storage=100Gi"],
        "fake-pod-delay": "0.01",
        "disable": ["local-storage", "servicelb"],
        "runtime-config": "resource.k8s.io/v1beta2=true",
    }
    with ApiServer(tmp_path_factory.mktemp("scheduling") / "server", settings=settings) as found:
        eventually(lambda: len(found.get("nodes")["items"]) == len(NODES), what="the nodes")
        eventually(lambda: not any(n["spec"].get("taints") for n in found.get("nodes")["items"]), what="their taints")
        yield found
        assert found.failures() == []


@pytest.fixture
def ground(fake_cluster: ApiServer) -> Iterator[Ground]:
    """A namespace of one test's own."""
    with new_ground(fake_cluster) as found:
        yield found
