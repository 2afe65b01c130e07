"""Limits on what may happen at once and in all: PodDisruptionBudgets against evictions, ResourceQuotas against more."""

import json
from typing import Any

from harness.cluster import eventually
from harness.space import Space, pod

Obj = dict[str, Any]


def evict(space: Space, name: str) -> str:
    """The API's answer to an eviction."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space.name}}
    path = f"/api/v1/namespaces/{space.name}/pods/{name}/eviction"
    command = ["kubectl", "create", "--raw", path, "-f", "-"]
    done = space.cluster.run(*command, stdin=json.dumps(eviction), check=False)
    return done.stdout + done.stderr


def test_evictions_stop_where_the_budget_ends(space: Space) -> None:
    space.apply([pod(name, labels={"app": "web"}) for name in ("a", "b")])
    space.kubectl("create", "pdb", "web", "--selector=app=web", "--min-available=1")
    space.ready("a", "b")
    eventually(lambda: space.get("pdb", "web")["status"]["disruptionsAllowed"] == 1)
    assert "Success" in evict(space, "a")
    assert "violate the pod's disruption budget" in evict(space, "b")
    eventually(lambda: space.names("pods") == {"b"})
    eventually(lambda: space.get("pdb", "web")["status"]["expectedPods"] == 1)
    assert space.get("pdb", "web")["status"]["disruptionsAllowed"] == 0


def test_a_quota_is_given_back(space: Space) -> None:
    space.kubectl("create", "quota", "few", "--hard=pods=1,count/secrets=1")
    eventually(lambda: space.get("quota", "few")["status"].get("used") == {"pods": "0", "count/secrets": "0"})
    space.apply(pod("a", "exit 0", spec={"restartPolicy": "Never"}))
    assert "exceeded quota: few" in space.kubectl_fails("run", "b", "--image=x")
    eventually(lambda: space.get("quota", "few")["status"]["used"]["pods"] == "0")  # the Pod has ended
    space.kubectl("create", "secret", "generic", "s")
    assert "exceeded quota: few" in space.kubectl_fails("create", "secret", "generic", "t")
    space.kubectl("delete", "secret", "s")
    eventually(lambda: space.get("quota", "few")["status"]["used"]["count/secrets"] == "0")
