"""LimitRanger and ResourceQuota: bounds, defaults, counting."""

import asyncio
from typing import Any

import pytest

from minik.api.status import StatusError
from minik.server.apiserver.admission.limit_ranger import LimitRanger
from minik.server.apiserver.admission.resource_quota import ResourceQuotaAdmission


def container(name: str = "c", **resources: Any) -> dict[str, Any]:
    return {"name": name, "resources": resources}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"containers": list(containers or [container()]), **spec},
    }


def limits(named: Any, **item: Any) -> Any:
    return named("l", spec={"limits": [{"type": "Container", **item}]})


async def test_defaults_are_filled_in_and_written_down(objects: Any, named: Any, write: Any) -> None:
    objects.add("limitranges", limits(named, default={"cpu": "500m"}, defaultRequest={"cpu": "100m", "memory": "1Mi"}))
    obj = pod(container(limits={"memory": "2Mi"}))
    await LimitRanger(objects).mutate(write("pods", obj))
    resources = obj["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"memory": "2Mi", "cpu": "500m"}, "requests": {"cpu": "100m", "memory": "1Mi"}}
    assert obj["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c"
    )


@pytest.mark.parametrize(
    ("bounds", "resources", "complaint"),
    [
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        ({"max": {"cpu": "1"}}, {}, "maximum cpu usage per Container is 1.  No limit is specified"),
        (
            {"min": {"memory": "64Mi"}},
            {"requests": {"memory": "32Mi"}},
            "minimum memory usage per Container is 64Mi, but request is 32Mi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        ({"max": {"cpu": "1"}}, {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}, ""),
    ],
)
async def test_bounds(
    objects: Any, named: Any, write: Any, bounds: dict[str, Any], resources: dict[str, Any], complaint: str
) -> None:
    objects.add("limitranges", limits(named, **bounds))
    request = write("pods", pod(container(**resources)))
    if not complaint:
        await LimitRanger(objects).validate(request)
        return
    with pytest.raises(StatusError) as caught:
        await LimitRanger(objects).validate(request)
    assert caught.value.message == f'pods "p" is forbidden: {complaint}'


async def test_a_pod_is_summed_up_in_the_suffixes_of_its_containers(objects: Any, named: Any, write: Any) -> None:
    objects.add("limitranges", named("l", spec={"limits": [{"type": "Pod", "max": {"memory": "800M"}}]}))
    both = pod(container("a", limits={"memory": "500M"}), container("b", limits={"memory": "500M"}))
    with pytest.raises(StatusError, match=r"maximum memory usage per Pod is 800M, but limit is 1G$"):
        await LimitRanger(objects).validate(write("pods", both))


# A request for two devices, and one for the dearest of its alternatives.
TWO_OR_MORE = [
    {"name": "a", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2}},
    {
        "name": "b",
        "firstAvailable": [
            {"name": "x", "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 4},
            {"name": "y", "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1},
        ],
    },
]


def quota(named: Any, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> Any:
    status = {"hard": hard, "used": used if used is not None else dict.fromkeys(hard, "0")}
    return named("q", spec={"hard": hard, **spec}, status=status)


class Writer:
    """Takes quota statuses, after refusing the first `conflicts` of them."""

    def __init__(self, conflicts: int = 0) -> None:
        self.conflicts = conflicts

    async def write(self, quota: Any, status: Any) -> bool:
        await asyncio.sleep(0)
        if self.conflicts:
            self.conflicts -= 1
            return False
        quota["status"] = status
        return True


@pytest.mark.parametrize(
    ("hard", "obj", "plural", "group", "complaint"),
    [
        ({"pods": "1"}, pod(), "pods", "", ""),
        ({"pods": "0"}, pod(), "pods", "", "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"),
        (
            {"requests.cpu": "1"},
            pod(container("a", requests={"cpu": "700m"}), container("b", requests={"cpu": "400m"})),
            "pods",
            "",
            "exceeded quota: q, requested: requests.cpu=1100m, used: requests.cpu=0, limited: requests.cpu=1",
        ),
        ({"requests.cpu": "1"}, pod(), "pods", "", "failed quota: q: must specify requests.cpu for: c"),
        (
            {"requests.memory": "1G"},
            pod(container("a", requests={"memory": "600M"}), container("b", requests={"memory": "600M"})),
            "pods",
            "",
            "exceeded quota: q, requested: requests.memory=1200M, used: requests.memory=0, limited: requests.memory=1G",
        ),
        (
            {"count/deployments.apps": "0"},
            {"metadata": {"name": "p"}, "spec": {}},
            "deployments",
            "apps",
            "exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, "
            "limited: count/deployments.apps=0",
        ),
        (
            {"gold.storageclass.storage.k8s.io/requests.storage": "1Gi"},
            {
                "metadata": {"name": "p"},
                "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "6Gi"}}},
            },
            "persistentvolumeclaims",
            "",
            "exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=6Gi, used: "
            "gold.storageclass.storage.k8s.io/requests.storage=0, limited: "
            "gold.storageclass.storage.k8s.io/requests.storage=1Gi",
        ),
        (
            {"gpu.deviceclass.resource.k8s.io/devices": "3"},
            {"metadata": {"name": "p"}, "spec": {"devices": {"requests": TWO_OR_MORE}}},
            "resourceclaims",
            "resource.k8s.io",
            "exceeded quota: q, requested: gpu.deviceclass.resource.k8s.io/devices=6, used: "
            "gpu.deviceclass.resource.k8s.io/devices=0, limited: gpu.deviceclass.resource.k8s.io/devices=3",
        ),
        (
            {"services.nodeports": "0", "services": "1"},
            {"metadata": {"name": "p"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}},
            "services",
            "",
            "exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=0, "
            "limited: services.nodeports=0",
        ),
        ({"secrets": "0"}, {"metadata": {"name": "p"}}, "configmaps", "", ""),
    ],
)
async def test_quotas(
    objects: Any, named: Any, write: Any, hard: Any, obj: Any, plural: str, group: str, complaint: str
) -> None:
    objects.add("resourcequotas", quota(named, hard))
    plugin = ResourceQuotaAdmission(objects, Writer().write)
    request = write(plural, obj, group=group)
    if not complaint:
        await plugin.validate(request)
        return
    with pytest.raises(StatusError) as caught:
        await plugin.validate(request)
    assert caught.value.message.endswith(f'"p" is forbidden: {complaint}')


@pytest.mark.parametrize(
    ("scope", "spec", "counted"),
    [
        ({"scopes": ["BestEffort"]}, {}, True),
        ({"scopes": ["NotBestEffort"]}, {}, False),
        ({"scopes": ["Terminating"]}, {"activeDeadlineSeconds": 5}, True),
        ({"scopes": ["Terminating"]}, {}, False),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}]
                }
            },
            {"priorityClassName": "a"},
            True,
        ),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}]
                }
            },
            {"priorityClassName": "b"},
            False,
        ),
    ],
)
async def test_scopes(objects: Any, named: Any, write: Any, scope: Any, spec: Any, counted: bool) -> None:
    objects.add("resourcequotas", quota(named, {"pods": "0"}, **scope))
    request = write("pods", pod(**spec))
    plugin = ResourceQuotaAdmission(objects, Writer().write)
    if counted:
        with pytest.raises(StatusError, match="exceeded quota"):
            await plugin.validate(request)
    else:
        await plugin.validate(request)


async def test_what_is_admitted_is_counted_even_against_conflicts(objects: Any, named: Any, write: Any) -> None:
    found = objects.add("resourcequotas", quota(named, {"count/configmaps": "5"}))
    plugin = ResourceQuotaAdmission(objects, Writer(conflicts=2).write)
    await plugin.validate(write("configmaps", named("a")))
    assert found["status"]["used"] == {"count/configmaps": "1"}
    await plugin.validate(write("configmaps", named("b"), dry_run=True))
    assert found["status"]["used"] == {"count/configmaps": "1"}


async def test_writes_at_the_same_time_do_not_overshoot(objects: Any, named: Any, write: Any) -> None:
    objects.add("resourcequotas", quota(named, {"count/configmaps": "3"}))
    plugin = ResourceQuotaAdmission(objects, Writer().write)
    writes = (plugin.validate(write("configmaps", named(f"c{n}"))) for n in range(10))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(result is None for result in results) == 3


async def test_an_update_counts_the_difference(objects: Any, named: Any, write: Any) -> None:
    found = objects.add("resourcequotas", quota(named, {"services.nodeports": "2"}, {"services.nodeports": "1"}))
    plugin = ResourceQuotaAdmission(objects, Writer().write)
    old = named("s", spec={"type": "NodePort", "ports": [{"port": 80}]})
    new = named("s", spec={"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]})
    await plugin.validate(write("services", new, old))
    assert found["status"]["used"] == {"services.nodeports": "2"}


async def test_what_an_update_gives_back_is_left_to_the_controller(objects: Any, named: Any, write: Any) -> None:
    found = objects.add("resourcequotas", quota(named, {"services.nodeports": "2"}, {"services.nodeports": "1"}))
    old = named("s", spec={"type": "NodePort", "ports": [{"port": 80}]})
    await ResourceQuotaAdmission(objects, Writer().write).validate(
        write("services", named("s", spec={"type": "ClusterIP", "ports": [{"port": 80}]}), old)
    )
    assert found["status"]["used"] == {"services.nodeports": "1"}


async def test_a_quota_not_counted_yet_names_all_it_limits(objects: Any, named: Any, write: Any) -> None:
    objects.add("resourcequotas", quota(named, {"pods": "1", "limits.cpu": "1"}, {"pods": "0"}))
    with pytest.raises(StatusError, match=r"status unknown for quota: q, resources: limits.cpu,pods$"):
        await ResourceQuotaAdmission(objects, Writer().write).validate(
            write("pods", pod(container(limits={"cpu": "1"})))
        )
