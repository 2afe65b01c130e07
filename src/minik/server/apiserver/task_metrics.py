"""minik_asyncio_tasks: how many tasks run, by what they run, so that one can see whether they grow in number."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def collect() -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    tasks = GaugeMetricFamily("minik_asyncio_tasks", "Tasks of the process' event loop.", labels=("coroutine",))
    names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
    for name, count in Counter(names).items():
        tasks.add_metric((name,), count)
    yield tasks
