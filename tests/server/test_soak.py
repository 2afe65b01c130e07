"""A short soak; `bench/run soak` is the long one."""

from pathlib import Path

from harness import soak_checks as checks
from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.soak import Soak
from harness.soak_load import NODES, Api, Load

NODE_COUNT = 20
SEED = 1
WITHIN = 60.0  # seconds, on a busy machine


def test_nothing_is_left_of_a_random_load(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "server", settings={"fake-nodes": NODE_COUNT}) as server, server.wire() as wire:
        api = Api(wire)
        eventually(lambda: len(api.items(NODES)) == NODE_COUNT, what="the nodes")
        load = Load(api, SEED)
        soak = Soak(api, load, within=WITHIN)
        load.begin()
        soak.round(2, 20)
        soak.clear()
        before = checks.running(checks.metrics(api))
        soak.round(6, 20)
        soak.clear()
        assert soak.wrong == []
        eventually(lambda: not checks.grown(before, checks.running(checks.metrics(api))), what="no more tasks")
        assert server.failures() == [], server.log_tail()
