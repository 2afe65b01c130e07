"""What an idle control plane asks of its own API: python bench/idle_requests.py [seconds]

Two fake nodes, a Deployment, a StatefulSet, a DaemonSet, a Service and a suspended CronJob are there, and nothing
happens. The row counts requests other than renewals of node Leases, by the API server's own metrics.
"""

import re
import sys
import time
from collections import Counter

from api import Api, ApiServer
from fake_cluster import deployment, service, wait_deployments, wait_nodes
from table import row

NODES = 2
_LINE = re.compile(r"^apiserver_request_total\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def requests(api: Api) -> Counter[tuple[str, str, str]]:
    """(verb, resource, subresource) -> how many so far."""
    found: Counter[tuple[str, str, str]] = Counter()
    for labels, value in _LINE.findall(api.request("GET", "/metrics").decode()):
        of = dict(_LABEL.findall(labels))
        found[of["verb"], of["resource"], of["subresource"]] += int(float(value))
    return found


def populate(api: Api) -> None:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    workload = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
    job = {"spec": {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}}
    apps, batch = "/apis/apps/v1/namespaces/default", "/apis/batch/v1/namespaces/default"
    api.request("POST", f"{apps}/deployments", deployment("web", 4))
    api.request("POST", "/api/v1/namespaces/default/services", service("web"))
    api.request("POST", f"{apps}/statefulsets", {"metadata": {"name": "s"}, "spec": {**workload, "serviceName": "s"}})
    api.request("POST", f"{apps}/daemonsets", {"metadata": {"name": "d"}, "spec": workload})
    api.request("POST", f"{batch}/jobs", {"metadata": {"name": "j"}, **job})
    cron_job = {"schedule": "* * * * *", "suspend": True, "jobTemplate": job}
    api.request("POST", f"{batch}/cronjobs", {"metadata": {"name": "c"}, "spec": cron_job})


def main(seconds: int) -> None:
    with ApiServer(flags=("--disable-agent", "--fake-nodes", str(NODES))) as server:
        wait_nodes(server.api, NODES)
        populate(server.api)
        wait_deployments(server.api, {"web": 4}, 60)
        time.sleep(20)
        before = requests(server.api)
        time.sleep(seconds)
        after = requests(server.api)
    after.subtract(before)
    leases = sum(count for (_, resource, _), count in after.items() if resource == "leases")
    others = {
        what: count
        for what, count in after.items()
        if count and what[1] != "leases" and what != ("GET", "", "")  # the metrics themselves
    }
    told = ", ".join(f"{verb} {'/'.join(filter(None, of))} {count}" for (verb, *of), count in others.items())
    text = f"{60 * sum(others.values()) / seconds:.1f} a minute" + (f" ({told})" if told else "")
    row(f"requests of an idle cluster but {leases} for Leases", text, "0")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
