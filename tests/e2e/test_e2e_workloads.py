"""Jobs, CronJobs, DaemonSets and StatefulSets from end to end."""

import pytest

from harness.cluster import IMAGE, eventually
from harness.space import Space

pytestmark = pytest.mark.e2e


def workload(kind: str, name: str, **spec: object) -> dict:
    labels = {"app": name}
    container = {"name": "web", "image": IMAGE}
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def test_jobs_run_to_their_end(space: Space) -> None:
    space.kubectl("create", "job", "one", f"--image={IMAGE}", "--", "echo", "worked")
    failing = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "failing"},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": IMAGE, "command": ["false"]}],
                }
            },
        },
    }
    many = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "many"},
        "spec": {
            "completions": 3,
            "parallelism": 2,
            "completionMode": "Indexed",
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [
                        {"name": "main", "image": IMAGE, "command": ["sh", "-c", "echo index $JOB_COMPLETION_INDEX"]}
                    ],
                }
            },
        },
    }
    space.apply([failing, many])
    space.wait("job/one", "condition=Complete")
    assert space.kubectl("logs", "job/one") == "worked\n"
    space.wait("job/failing", "condition=Failed")
    reasons = {item["type"]: item.get("reason") for item in space.get("job", "failing")["status"]["conditions"]}
    assert reasons["Failed"] == "BackoffLimitExceeded"
    space.wait("job/many", "condition=Complete")
    said = space.kubectl("logs", "-l", "job-name=many", "--tail=-1").split("\n")
    assert sorted(filter(None, said)) == ["index 0", "index 1", "index 2"]
    assert space.get("job", "many")["status"]["completedIndexes"] == "0-2"
    assert "3/3" in space.kubectl("get", "job", "many")

    space.kubectl("create", "cronjob", "nightly", f"--image={IMAGE}", "--schedule=0 3 * * *", "--", "echo", "night")
    space.kubectl("create", "job", "tonight", "--from=cronjob/nightly")
    space.wait("job/tonight", "condition=Complete")
    space.kubectl("delete", "job", "one", "many")
    eventually(lambda: not space.names("pods", "-l", "job-name in (one, many)"), what="the Jobs' Pods gone")


def test_stateful_sets_keep_names_and_order(space: Space) -> None:
    space.kubectl("create", "service", "clusterip", "db", "--clusterip=None", "--tcp=80")
    space.apply(workload("StatefulSet", "db", serviceName="db", replicas=2))
    space.kubectl("rollout", "status", "statefulset/db", "--timeout=60s", timeout=70)
    pods = {item["metadata"]["name"]: item for item in space.get("pods")["items"]}
    assert set(pods) == {"db-0", "db-1"}
    assert pods["db-0"]["metadata"]["creationTimestamp"] <= pods["db-1"]["metadata"]["creationTimestamp"]
    eventually(lambda: space.exec("db-0", "wget -qO- http://db-1.db") == "db-1\n", what="the other by its name")
    space.kubectl("delete", "pod", "db-1")
    eventually(lambda: space.get("pod", "db-1")["metadata"]["uid"] != pods["db-1"]["metadata"]["uid"])
    space.kubectl("set", "image", "statefulset/db", f"web={IMAGE.replace(':1', ':2')}")
    space.kubectl("rollout", "status", "statefulset/db", "--timeout=60s", timeout=70)
    space.kubectl("scale", "statefulset/db", "--replicas=1")
    eventually(lambda: space.names("pods") == {"db-0"})


def test_daemon_sets_run_on_every_node_that_fits(space: Space) -> None:
    space.apply(workload("DaemonSet", "agent"))
    space.kubectl("rollout", "status", "daemonset/agent", "--timeout=60s", timeout=70)
    status = space.get("daemonset", "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (1, 1)
    space.kubectl("set", "image", "daemonset/agent", f"web={IMAGE.replace(':1', ':2')}")
    space.kubectl("rollout", "status", "daemonset/agent", "--timeout=60s", timeout=70)
    selector = '{"spec":{"template":{"spec":{"nodeSelector":{"kind":"none"}}}}}'
    space.kubectl("patch", "daemonset", "agent", "-p", selector)
    eventually(lambda: not space.names("pods"), what="no Pod where the DaemonSet does not fit")
