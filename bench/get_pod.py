"""GETs of one Pod a second over TLS with a bearer token: python bench/get_pod.py"""

from api import ApiServer, pod, rate_text, wrk
from table import row

PATH = "/api/v1/namespaces/default/pods"
BUDGETS = {1: "6000/s", 20: "20000/s"}


def main() -> None:
    with ApiServer() as server:
        token = server.prepare()
        server.api.request("POST", PATH, pod("one"))
        for connections, budget in BUDGETS.items():
            rates = [wrk(f"{server.url}{PATH}/one", token, connections) for _ in range(3)]
            row(f"GET one Pod, {connections} connections", rate_text(rates), budget)


if __name__ == "__main__":
    main()
