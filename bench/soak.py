"""Hours in minutes: a random load on a cluster of fake nodes, and nothing may be left of it.

python bench/soak.py [--seconds 600] [--rounds 5] [--seed N] [--nodes 200] [--rate 10] [--log FILE]

The time is spent in rounds of the same steps. After each of them every workload must settle, and when everything is
deleted there must be nothing left: no object, no task, no watch, no error in the log, and no more memory than after the
first round (what the server keeps depends on the most it ever held at once, so rounds must be alike). History is kept
for a few seconds only, so that it has gone by then. What is wrong goes to stderr.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from processes import MIB, usage
from table import row

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness import soak_checks as checks
from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.soak import Soak
from harness.soak_load import NODES, Api, Load

WITHIN = 120.0  # seconds for settling, and for everything to go
HISTORY = 20.0  # seconds
QUIET = 50.0  # seconds until what deletions cause is over, and forgotten
IDLE = 20.0  # seconds in which the idle server is looked at
DATABASE = "apiserver_storage_size_bytes"


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


class Figures:
    """Numbers of the server at several moments."""

    def __init__(self, api: Api, pid: int) -> None:
        self._api, self._pid = api, pid
        self.largest = 0.0  # database

    def memory(self) -> float:
        """MiB."""
        return usage([self._pid]).rss / MIB

    def database(self) -> float:
        """MiB."""
        samples = checks.metrics(self._api)
        size = next(value for name, value in samples.items() if name.startswith(DATABASE)) / MIB
        self.largest = max(self.largest, size)
        return size

    def idle(self) -> float:
        """Percent of a processor."""
        before = usage([self._pid]).cpu
        time.sleep(IDLE)
        return 100 * (usage([self._pid]).cpu - before) / IDLE

    def each_minute(self) -> None:
        nodes, pods = (len(self._api.items(f"/api/v1/{what}")) for what in ("nodes", "pods"))
        cpu = usage([self._pid]).cpu
        say(
            f"{self.memory():.0f} MB, database {self.database():.0f} MB, {nodes} nodes, {pods} Pods, {cpu:.0f} s of cpu"
        )


def soak(server: ApiServer, api: Api, chosen: argparse.Namespace) -> list[str]:
    """Prints its rows; returns what is wrong."""
    figures = Figures(api, server.pid)
    begin = figures.memory()
    memory: list[float] = []
    tasks = []
    done: Counter[str] = Counter()
    wrong: list[str] = []
    for _ in range(chosen.rounds):
        load = Load(api, chosen.seed)
        run = Soak(api, load, within=WITHIN, say=say)
        load.begin()
        run.round(chosen.seconds / chosen.rounds, chosen.rate, figures.each_minute)
        full = figures.memory()
        run.clear()
        time.sleep(QUIET)
        memory.append(figures.memory())
        samples = checks.metrics(api)
        tasks.append(checks.running(samples))
        figures.each_minute()
        wrong += [*run.wrong, *(f"queue at rest: {each}" for each in checks.busy_queues(samples))]
        done.update(load.done)
    more, idle = checks.grown(tasks[0], tasks[-1]), figures.idle()
    wrong += [f"grown: {each}" for each in more] + [f"log: {line}" for line in server.failures()]
    for what, count in sorted(done.items()):
        say(f"{what}: {count}")
    name = f"soak of {chosen.seconds:.0f} s on {chosen.nodes} fake nodes, seed {chosen.seed}"
    row(name, f"{len(wrong)} wrong in {done.total()} steps", "0 wrong")
    growth = 100 * (memory[-1] / memory[0] - 1)
    after = " ".join(f"{each:.0f}" for each in memory)
    row("memory before; after each round; full", f"{begin:.0f}; {after}; {full:.0f} MB: {growth:+.1f} %", "+10 %")
    row("tasks and watches more than after the first round", str(len(more)), "0")
    row("database, largest; at the end", f"{figures.largest:.0f}; {figures.database():.0f} MB", "")
    row("processor when all is gone", f"{idle:.1f} %", "5 %")
    return wrong


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--log", type=Path, help="where the server's log is kept")
    chosen = parser.parse_args(arguments)
    settings = {"fake-nodes": chosen.nodes, "etcd-compaction-interval": f"{HISTORY:.0f}s"}
    with (
        tempfile.TemporaryDirectory(prefix="minik-soak-") as directory,
        ApiServer(Path(directory) / "server", settings=settings) as server,
        server.wire(timeout=60) as wire,
    ):
        api = Api(wire)
        eventually(lambda: len(api.items(NODES)) == chosen.nodes, within=60, what="the nodes")
        wrong: list[str] = ["it ended early"]
        try:
            wrong = soak(server, api, chosen)
        finally:
            if chosen.log:
                shutil.copy(server.log, chosen.log)
    for each in wrong:
        print(f"WRONG: {each}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
