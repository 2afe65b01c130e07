"""What admission makes of Pods: accounts, priorities, tolerations, runtime classes."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.server.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from minik.server.apiserver.admission.priority import Priority
from minik.server.apiserver.admission.runtime_class import RuntimeClassAdmission
from minik.server.apiserver.admission.service_account import MOUNT_PATH, ServiceAccountAdmission


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": [{"name": "c"}], **spec}}


async def test_a_pod_runs_as_default_with_its_token_mounted(objects: Any, named: Any, write: Any) -> None:
    objects.add("serviceaccounts", named("default", imagePullSecrets=[{"name": "pull"}]))
    obj = pod(initContainers=[{"name": "i"}])
    await ServiceAccountAdmission(objects).mutate(write("pods", obj))
    spec = obj["spec"]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    volume = spec["volumes"][0]["name"]
    mount = {"name": volume, "readOnly": True, "mountPath": MOUNT_PATH}
    assert [c["volumeMounts"] for c in (*spec["initContainers"], *spec["containers"])] == [[mount], [mount]]


@pytest.mark.parametrize(
    ("account", "of_pod", "mounted"),
    [(None, None, True), (False, None, False), (False, True, True), (True, False, False)],
)
async def test_the_pod_decides_about_the_token_before_its_account(
    objects: Any, named: Any, write: Any, account: bool | None, of_pod: bool | None, mounted: bool
) -> None:
    field = "automountServiceAccountToken"
    objects.add("serviceaccounts", named("default", **({} if account is None else {field: account})))
    obj = pod(**({} if of_pod is None else {field: of_pod}))
    await ServiceAccountAdmission(objects).mutate(write("pods", obj))
    assert ("volumes" in obj["spec"]) is mounted


async def test_a_container_that_mounts_something_there_keeps_it(objects: Any, named: Any, write: Any) -> None:
    objects.add("serviceaccounts", named("default"))
    mine = {"name": "mine", "mountPath": MOUNT_PATH}
    obj = pod(containers=[{"name": "c", "volumeMounts": [mine]}])
    await ServiceAccountAdmission(objects).mutate(write("pods", obj))
    assert obj["spec"]["containers"][0]["volumeMounts"] == [mine]
    assert "volumes" not in obj["spec"]


async def test_a_missing_account_is_refused(objects: Any, write: Any) -> None:
    with pytest.raises(StatusError, match='error looking up service account ns/x: serviceaccount "x" not found'):
        await ServiceAccountAdmission(objects).mutate(write("pods", pod(serviceAccountName="x")))


@pytest.mark.parametrize(
    ("spec", "priority", "policy"),
    [
        ({}, 0, "PreemptLowerPriority"),
        ({"priorityClassName": "high"}, 100, "Never"),
        ({"priorityClassName": "high", "priority": 100}, 100, "Never"),
    ],
)
async def test_priority(objects: Any, named: Any, write: Any, spec: dict[str, Any], priority: int, policy: str) -> None:
    objects.add("priorityclasses", named("high", "", value=100, preemptionPolicy="Never"))
    obj = pod(**spec)
    await Priority(objects).mutate(write("pods", obj))
    assert (obj["spec"]["priority"], obj["spec"]["preemptionPolicy"]) == (priority, policy)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"priorityClassName": "nope"}, "no PriorityClass with name nope was found"),
        ({"priorityClassName": "high", "priority": 7}, "the integer value of priority"),
    ],
)
async def test_priority_refuses(objects: Any, named: Any, write: Any, spec: dict[str, Any], complaint: str) -> None:
    objects.add("priorityclasses", named("high", "", value=100))
    with pytest.raises(StatusError, match=complaint):
        await Priority(objects).mutate(write("pods", pod(**spec)))


async def test_there_is_one_default_priority_class(objects: Any, named: Any, write: Any) -> None:
    first = objects.add("priorityclasses", named("a", "", value=1, globalDefault=True))
    second = named("b", "", value=2, globalDefault=True)
    group = {"group": "scheduling.k8s.io"}
    await Priority(objects).validate(write("priorityclasses", first, first, **group))
    with pytest.raises(StatusError, match="PriorityClass a is already marked as default"):
        await Priority(objects).validate(write("priorityclasses", second, **group))


async def test_tolerations_are_added_unless_covered(write: Any) -> None:
    obj = pod(tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 5}])
    await DefaultTolerationSeconds().mutate(write("pods", obj))
    assert [(t["key"], t["tolerationSeconds"]) for t in obj["spec"]["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 5),
        ("node.kubernetes.io/unreachable", 300),
    ]


async def test_a_runtime_class_adds_overhead_and_scheduling(objects: Any, named: Any, write: Any) -> None:
    scheduling = {"nodeSelector": {"vm": "yes"}, "tolerations": [{"key": "vm", "operator": "Exists"}]}
    overhead = {"podFixed": {"cpu": "100m"}}
    objects.add("runtimeclasses", named("vm", "", handler="vm", overhead=overhead, scheduling=scheduling))
    obj = pod(runtimeClassName="vm", nodeSelector={"zone": "a"})
    plugin = RuntimeClassAdmission(objects)
    await plugin.mutate(write("pods", obj))
    await plugin.validate(write("pods", obj))
    assert obj["spec"]["overhead"] == {"cpu": "100m"}
    assert obj["spec"]["nodeSelector"] == {"zone": "a", "vm": "yes"}
    with pytest.raises(StatusError, match="conflict: runtimeClass"):
        await plugin.mutate(write("pods", pod(runtimeClassName="vm", nodeSelector={"vm": "no"})))
    with pytest.raises(StatusError, match='RuntimeClass "x" not found'):
        await plugin.mutate(write("pods", pod(runtimeClassName="x")))
    with pytest.raises(StatusError, match="Overhead set without corresponding RuntimeClass"):
        await plugin.validate(write("pods", pod(overhead={"cpu": "1"})))
