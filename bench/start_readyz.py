"""Process start -> /readyz answers over HTTPS, on an empty data directory: python bench/start_readyz.py"""

from api import ApiServer
from table import row, seconds


def once() -> float:
    with ApiServer() as server:
        return server.start_seconds


if __name__ == "__main__":
    once()  # compiles, and fills the page cache
    row("start -> /readyz, first start", seconds([once() for _ in range(5)]), "1.0 s")
    with ApiServer() as server:
        again = []
        for _ in range(5):
            server.stop()
            server.start()
            again.append(server.start_seconds)
    row("start -> /readyz, later starts", seconds(again), "1.0 s")
