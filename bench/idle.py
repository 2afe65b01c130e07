"""What a whole idle cluster costs: memory, processor, disk. python bench/idle.py [seconds] (root)

One script for four rows, because each needs the same minute of waiting.
"""

import sys
import time

from node import cluster
from processes import MIB, split_runtime, usage
from table import row

SETTLE = 30  # seconds after the node is Ready until everything that start-up causes is over


def main(seconds: int) -> None:
    with cluster() as (started, _):
        assert started.process is not None
        time.sleep(SETTLE)
        own, runtime = split_runtime(started.process.pid, started.data_dir)
        before, runtime_before = usage(own), usage(runtime)
        time.sleep(seconds)
        after, runtime_after = usage(own), usage(runtime)
    runtime_rss = f"containerd {runtime_after.rss / MIB:.0f} MB"
    row(f"memory idle, {len(own)} processes of minik", f"{after.rss / MIB:.0f} MB ({runtime_rss})", "120 MB")
    share = 100 * (after.cpu - before.cpu) / seconds
    runtime_share = 100 * (runtime_after.cpu - runtime_before.cpu) / seconds
    row(f"processor idle over {seconds} s", f"{share:.2f} % (containerd {runtime_share:.2f} %)", "1 % (design 0.6 %)")
    a_day = (after.written - before.written) / seconds * 86400 / MIB
    row(f"written to disk idle over {seconds} s", f"{a_day:.1f} MB a day", "20 MB a day")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
