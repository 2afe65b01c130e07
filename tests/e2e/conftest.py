"""One cluster for all tests that do not kill or misconfigure it; a namespace for each test."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import footprint
from harness.cluster import IMAGE, Cluster, eventually
from harness.space import Space

NEEDED = ("kubectl", "containerd", "runc", "nft", "curl", "docker-registry")


@pytest.fixture(scope="session")
def _machine() -> None:
    if os.geteuid() != 0:
        pytest.skip("these tests need root: they run containers")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    assert not missing, f"not installed: {', '.join(missing)}"


@pytest.fixture(scope="session")
def directory(_machine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where all clusters of this run live. Fails at the end if they left anything on the machine."""
    directory = tmp_path_factory.mktemp("e2e")
    before = footprint.take()
    yield directory

    def nothing_left() -> bool:
        found = footprint.leftovers(before, directory)
        assert not found, "\n".join(found)
        return True

    eventually(nothing_left, within=10, what="leaving nothing behind")


@pytest.fixture(scope="session")
def cluster(directory: Path) -> Iterator[Cluster]:
    """A running cluster with the sample image as versions 1 and 2."""
    with Cluster(directory / "shared") as cluster:
        cluster.import_sample()
        cluster.ctr("images", "tag", IMAGE, IMAGE.replace(":1", ":2"))
        yield cluster


@pytest.fixture
def space(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A fresh namespace, named after the test and deleted after it."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    cluster.kubectl("create", "namespace", name)
    space = Space(cluster, name)
    request.node.stash[SPACE] = space
    yield space
    cluster.kubectl("delete", "namespace", name, "--wait=false")


SPACE = pytest.StashKey[Space]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed and SPACE in item.stash:
        space = item.stash[SPACE]
        report.sections.append(("namespace", space.diagnosis()))
        report.sections.append(("minik", space.cluster.log_tail(40)))
    return report
