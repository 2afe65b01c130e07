"""The official JavaScript client, run by node: lists, an informer, server-side apply, custom objects."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import crds
from harness.api_server import ApiServer
from harness.wire import Wire

HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def program() -> Iterator[Path]:
    """client.mjs next to its installed packages, in a directory of its own."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="minik-node-") as directory:
        for name in ("package.json", "package-lock.json", "client.mjs"):
            shutil.copy(HERE / name, directory)
        environment = {**os.environ, "npm_config_cache": str(_cache()), "npm_config_update_notifier": "false"}
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        yield Path(directory) / "client.mjs"


def _cache() -> Path:
    """Downloaded packages outlive the run."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minik-tests" / "npm"


def test_the_javascript_client(program: Path, api_server: ApiServer, wire: Wire, namespace: str) -> None:
    with crds.served(wire, crds.definition("Gadget", "node.example.com", crds.SIZED)):
        seen = json.loads(api_server.run("node", str(program), namespace).stdout)
    assert seen["pages"] == [["a", "b"], ["c"]]
    assert seen["again"] == {"code": 409, "reason": "AlreadyExists"}
    assert seen["missing"] == {"code": 404, "reason": "NotFound"}
    assert sorted(seen["events"][:3]) == [["add", "a"], ["add", "b"], ["add", "c"]]
    assert seen["events"][3:] == [["update", "b", "changed"], ["delete", "c"]]
    assert seen["cached"] == ["a", "b"]
    assert seen["applied"] == {"applied": "yes", "x": "a"}
    assert ["node-test", "Apply"] in seen["managers"]
    assert seen["conflict"] == {"code": 409, "reason": "Conflict"}
    assert seen["merged"] == {"applied": "yes", "merged": "yes", "x": "a"}
    assert seen["invalid"] == {"code": 422, "reason": "Invalid"}
    assert seen["gadgets"] == [["g", {"size": 2}, {"ready": True}]]
