"""A kopf operator: handlers of creation, change and deletion, finalizers, status, timers, events, adoption."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients import crds
from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

OPERATOR = Path(__file__).with_name("kopf_operator.py")
SPEC: Any = {"type": "object", "properties": {"size": {"type": "integer"}}}


@pytest.fixture
def operator(api_server: ApiServer, wire: Wire, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """The running operator's log."""
    log = tmp_path / "kopf.log"
    definition = crds.definition("Pond", "kopf.example.com", SPEC)
    with crds.served(wire, definition), log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", str(OPERATOR), "--standalone", f"--namespace={namespace}"],
            env={**os.environ, "KUBECONFIG": str(api_server.kubeconfig)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield log
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def test_an_operator_looks_after_its_objects(operator: Path, wire: Wire, namespace: str) -> None:
    ponds = f"/apis/kopf.example.com/v1/namespaces/{namespace}/ponds"
    config_maps = f"/api/v1/namespaces/{namespace}/configmaps"

    def get(path: str) -> Any:
        return wire.request("GET", path).json()

    def until(condition: Any, what: str) -> Any:
        try:
            return eventually(condition, within=30, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{operator.read_text()[-4000:]}\n{get(f'{ponds}/p')}") from None

    body = {"apiVersion": "kopf.example.com/v1", "kind": "Pond", "metadata": {"name": "p"}, "spec": {"size": 1}}
    assert wire.request("POST", ponds, body).status == 201
    until(lambda: get(f"{ponds}/p").get("status", {}).get("create") == {"made": "p"}, "the handler of the creation")
    made = get(f"{config_maps}/p")
    assert made["data"] == {"size": "1"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == get(f"{ponds}/p")["metadata"]["uid"]
    assert get(f"{ponds}/p")["metadata"]["finalizers"] == ["kopf.example.com/finalizer"]

    patch = {"spec": {"size": 2}}
    wire.request("PATCH", f"{ponds}/p", patch, media_type="application/merge-patch+json")
    until(lambda: get(f"{ponds}/p")["status"].get("resized") == "1-2", "the handler of the change")
    assert get(f"{config_maps}/p")["data"] == {"size": "2"}
    until(lambda: get(f"{ponds}/p")["status"].get("ticks", 0) >= 3, "the timer")

    assert wire.request("DELETE", f"{ponds}/p").status == 200
    until(lambda: wire.request("GET", f"{ponds}/p").status == 404, "the end of the object")
    assert wire.request("GET", f"{config_maps}/p-gone").status == 200, "the handler of the deletion"
    until(lambda: wire.request("GET", f"{config_maps}/p").status == 404, "the end of the adopted object")
    assert "configmap p: ADDED" in operator.read_text() or "configmap p: None" in operator.read_text()
    assert "Traceback" not in operator.read_text()
