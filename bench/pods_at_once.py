"""20 Pods at once: until the last one runs: python bench/pods_at_once.py [rounds] (root)"""

import sys

from node import cluster, start_and_stop
from table import row, seconds

COUNT = 20


def main(rounds: int) -> None:
    with cluster(image=True) as (_, api):
        start_and_stop(api, ["warm"])
        times = [start_and_stop(api, [f"many-{at}-{number}" for number in range(COUNT)]) for at in range(rounds)]
    row(f"{COUNT} Pods at once: last one Running", seconds([up for up, _ in times]), "2.2 s")
    row(f"{COUNT} Pods at once: last one gone", seconds([down for _, down in times]), "-")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
