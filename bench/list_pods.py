"""LISTs of 500 of 8000 Pods a second, and what 8400 Pods and the lists cost: python bench/list_pods.py"""

import threading

from api import Api, ApiServer, pod, rate_text, wrk
from processes import MIB, usage
from table import row

PATH = "/api/v1/namespaces/default/pods"
WORKERS = 8


def fill(server: ApiServer, first: int, last: int) -> None:
    def work(worker: int) -> None:
        api = Api(server.url, server.data_dir)
        for number in range(first + worker, last, WORKERS):
            api.request("POST", PATH, pod(f"p-{number:05d}"))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    with ApiServer() as server:
        token = server.prepare()
        fill(server, 0, 8000)
        for connections in (1, 4):
            rates = [wrk(f"{server.url}{PATH}?limit=500", token, connections) for _ in range(3)]
            row(f"LIST 500 of 8000 Pods, {connections} connections", rate_text(rates), "500/s")
        fill(server, 8000, 8400)
        for _ in range(3):
            server.api.request("GET", PATH)
        rss = usage([server.process.pid]).rss
    row("memory after 8400 Pods and lists", f"{rss / MIB:.0f} MB", "300 MB")


if __name__ == "__main__":
    main()
