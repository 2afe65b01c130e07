"""One Pod: create -> Running, delete -> gone: python bench/pod_latency.py [rounds] (root)"""

import sys

from node import cluster, start_and_stop
from table import row, seconds


def main(rounds: int) -> None:
    with cluster(image=True) as (_, api):
        start_and_stop(api, ["warm"])
        times = [start_and_stop(api, [f"one-{at}"]) for at in range(rounds)]
    row("one Pod: create -> Running", seconds([up for up, _ in times]), "0.45 s (design 0.40 s)")
    row("one Pod: delete -> gone", seconds([down for _, down in times]), "0.8 s (design 0.6 s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
