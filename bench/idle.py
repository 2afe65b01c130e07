"""What a whole idle cluster costs: memory, processor, disk. python bench/idle.py [seconds] (root)

One script for its rows, because each needs the same two minutes of waiting: commits come once a minute.
"""

import sys
import time
from pathlib import Path

from node import cluster
from processes import MIB, split_runtime, usage
from table import row

SETTLE = 30  # seconds after the node is Ready until everything that start-up causes is over


def _log_size(data_dir: Path) -> int:
    """Bytes in the store's write-ahead log, which only grows until 4 MB are full."""
    return (data_dir / "server" / "db" / "state.db-wal").stat().st_size


def main(seconds: int) -> None:
    with cluster() as (started, _):
        assert started.process is not None
        time.sleep(SETTLE)
        own, runtime = split_runtime(started.process.pid, started.data_dir)
        before, runtime_before, logged = usage(own), usage(runtime), -_log_size(started.data_dir)
        time.sleep(seconds)
        after, runtime_after = usage(own), usage(runtime)
        logged += _log_size(started.data_dir)
    runtime_rss = f"containerd {runtime_after.rss / MIB:.0f} MB"
    row(f"memory idle, {len(own)} processes of minik", f"{after.rss / MIB:.0f} MB ({runtime_rss})", "120 MB")
    share = 100 * (after.cpu - before.cpu) / seconds
    runtime_share = 100 * (runtime_after.cpu - runtime_before.cpu) / seconds
    row(f"processor idle over {seconds} s", f"{share:.2f} % (containerd {runtime_share:.2f} %)", "1 % (design 0.6 %)")
    factor = 86400 / seconds / MIB
    dirtied = (after.dirtied - before.dirtied) * factor
    row(
        f"written to disk idle over {seconds} s",
        f"{logged * factor:.1f} MB a day ({dirtied:.1f} in pages)",
        "20 MB a day",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
