"""With --leader-elect the controllers, add-ons and the scheduler run while the server holds their Leases."""

from pathlib import Path
from typing import Any

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.wire import Wire

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


def _lease(wire: Wire, name: str) -> Any:
    answer = wire.request("GET", f"{LEASES}/{name}")
    return answer.json() if answer.status == 200 else None


def test_a_server_takes_its_leases_and_works(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "minik", settings={"leader-elect": True}) as server, server.wire() as wire:
        for name in ("kube-controller-manager", "kube-scheduler", "minik-addons"):
            lease = eventually(lambda name=name: _lease(wire, name), what=name)
            assert lease["spec"]["leaseDurationSeconds"] == 15
            assert lease["spec"]["holderIdentity"]
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        eventually(lambda: wire.request("GET", account).status == 200, what="a controller's work")
        assert server.failures() == []


def test_a_single_server_needs_no_lease(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "minik") as server, server.wire() as wire:
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        eventually(lambda: wire.request("GET", account).status == 200, what="a controller's work")
        assert wire.request("GET", LEASES).json()["items"] == []
