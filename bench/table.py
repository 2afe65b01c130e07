"""One line of the table of budgets: what, measured, budget. `bench/run` collects them."""

import statistics
from collections.abc import Callable, Sequence


def row(what: str, measured: str, budget: str) -> None:
    print(f"{what:<58} {measured:<34} {budget}", flush=True)


def seconds(values: Sequence[float]) -> str:
    """The median of several runs and the best: other load on the machine only ever adds."""
    return f"{statistics.median(values):.2f} s (best {min(values):.2f} of {len(values)})"


def repeated(times: int, run: Callable[[], float]) -> list[float]:
    return [run() for _ in range(times)]
