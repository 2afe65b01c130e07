from datetime import UTC, datetime
from typing import Any

import pytest

from minik.api.groups.core import pod as room
from minik.api.groups.core.pod_columns import cells, row_conditions
from minik.api.groups.core.pod_defaults import image_tag
from minik.api.groups.core.pod_warnings import pod_warnings

CONTAINER = {"name": "c", "image": "x:1"}
RESOURCE = room.RESOURCES[0]


def spec(**fields: Any) -> dict[str, Any]:
    return {"containers": [dict(CONTAINER)], "serviceAccountName": "default", **fields}


def with_container(**fields: Any) -> dict[str, Any]:
    return spec(containers=[{**CONTAINER, **fields}])


def test_a_minimal_pod_gets_its_defaults(create: Any) -> None:
    pod = create("Pod", spec=spec())
    assert pod.errors == []
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert pod["spec"] | {"containers": None} == {
        "containers": None,
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "serviceAccount": "default",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
    }
    assert pod["spec"]["containers"][0] == {
        **CONTAINER,
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("app", "latest"),
        ("registry.test:5000/app", "latest"),
        ("registry.test:5000/a/b:v1", "v1"),
        ("app@sha256:" + "0" * 64, ""),
        ("app:v1@sha256:" + "0" * 64, "v1"),
        ("UPPER/App", ""),
        ("", ""),
    ],
)
def test_the_tag_of_an_image_decides_the_pull_policy(image: str, tag: str) -> None:
    assert image_tag(image) == tag


@pytest.mark.parametrize(
    ("resources", "qos"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_from_requests_and_limits(create: Any, resources: Any, qos: str) -> None:
    assert create("Pod", spec=with_container(resources=resources))["status"]["qosClass"] == qos


def test_pod_level_requests_follow_the_containers(create: Any) -> None:
    containers = [{**CONTAINER, "resources": {"requests": {"cpu": "100m"}}}]
    pod = create("Pod", spec=spec(containers=containers, resources={"limits": {"cpu": "1", "memory": "1Gi"}}))
    assert pod["spec"]["resources"]["requests"] == {"cpu": "100m", "memory": "1Gi"}


def test_a_gated_pod_says_so(create: Any) -> None:
    pod = create("Pod", spec=spec(schedulingGates=[{"name": "a.b/c"}]))
    (condition,) = pod["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "SchedulingGated")


def test_match_label_keys_become_selector_terms(create: Any) -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {},
        "matchLabelKeys": ["rev", "absent"],
    }
    metadata = {"name": "x", "labels": {"rev": "7"}}
    pod = create("Pod", metadata=metadata, spec=spec(topologySpreadConstraints=[constraint]))
    (made,) = pod["spec"]["topologySpreadConstraints"]
    assert made["labelSelector"] == {"matchExpressions": [{"key": "rev", "operator": "In", "values": ["7"]}]}
    assert pod.errors == []


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"containers": []}, "spec.containers: Required value"),
        (
            {"restartPolicy": "X"},
            'spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"',
        ),
        ({"hostUsers": False, "hostNetwork": True}, "spec.hostNetwork: Forbidden: when `hostUsers` is false"),
        ({"dnsPolicy": "None"}, "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        (
            {"activeDeadlineSeconds": 0},
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ),
        (
            {"ephemeralContainers": [{**CONTAINER, "name": "e"}]},
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/a"}}]},
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (
            {"nodeName": "n", "schedulingGates": [{"name": "a.b/c"}]},
            "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
        ),
        (
            {"tolerations": [{"operator": "Equal"}]},
            'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
            'which means "match all values and all keys"',
        ),
        (
            {"os": {"name": "windows"}, "hostPID": True},
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
        ),
    ],
)
def test_a_wrong_spec_is_explained(create: Any, fields: Any, complaint: str) -> None:
    assert create("Pod", spec=spec(**fields)).errors == [complaint]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": ""}, "spec.containers[0].name: Required value"),
        (
            {"env": [{"name": "a=b"}]},
            'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist '
            "only of printable ASCII characters other than '='",
        ),
        (
            {"volumeMounts": [{"name": "v", "mountPath": "/a"}]},
            'spec.containers[0].volumeMounts[0].name: Not found: "v"',
        ),
        ({"livenessProbe": {}}, "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
            "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: "
            "must be non-negative and less than terminationGracePeriodSeconds (30)",
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"resources": {"requests": {"example.com/gpu": "1"}}},
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
        ),
        (
            {"securityContext": {"allowPrivilegeEscalation": False, "privileged": True}},
            'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,'
            '"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,'
            '"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,'
            '"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        ),
    ],
)
def test_a_wrong_container_is_explained(create: Any, fields: Any, complaint: str) -> None:
    assert create("Pod", spec=with_container(**fields)).errors == [complaint]


def test_init_containers_have_probes_only_as_sidecars(create: Any) -> None:
    init = {"name": "i", "image": "x:1", "readinessProbe": {"tcpSocket": {"port": 1}}}
    assert create("Pod", spec=spec(initContainers=[init])).errors == [
        "spec.initContainers[0].readinessProbe: Forbidden: "
        "may not be set for init containers without restartPolicy=Always"
    ]
    assert create("Pod", spec=spec(initContainers=[{**init, "restartPolicy": "Always"}])).errors == []


def test_images_deadlines_and_new_tolerations_may_change(create: Any, change: Any) -> None:
    pod = create("Pod", spec=spec())

    def edit(new: Any) -> None:
        new["spec"]["containers"][0]["image"] = "y:2"
        new["spec"]["activeDeadlineSeconds"] = 5
        new["spec"]["tolerations"] = [{"key": "a", "operator": "Exists"}]

    assert change("Pod", pod, edit) == []


def test_other_changes_of_a_pod_are_shown_as_a_difference(create: Any, change: Any) -> None:
    (text,) = change("Pod", create("Pod", spec=spec()), lambda new: new["spec"].update(restartPolicy="Never"))
    assert text.startswith("spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
    assert '\n- "RestartPolicy": "Always",\n+ "RestartPolicy": "Never",\n' in text


def test_containers_are_neither_added_nor_removed(create: Any, change: Any) -> None:
    pod = create("Pod", spec=spec())
    added = {**CONTAINER, "name": "d"}
    assert change("Pod", pod, lambda new: new["spec"]["containers"].append(added)) == [
        "spec.containers: Forbidden: pod updates may not add or remove containers"
    ]


def test_gates_are_only_removed_and_selectors_of_gated_pods_only_grow(create: Any, change: Any) -> None:
    gated = spec(schedulingGates=[{"name": "a.b/c"}], nodeSelector={"a": "b"})
    pod = create("Pod", spec=gated)
    assert change("Pod", pod, lambda new: new["spec"]["nodeSelector"].update(c="d")) == []
    assert change("Pod", pod, lambda new: new["spec"]["nodeSelector"].pop("a")) == [
        'spec.nodeSelector: Invalid value: {"c":"d"}: '
        "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    ]


def test_ephemeral_containers_come_through_their_own_door(create: Any, change: Any) -> None:
    pod = create("Pod", spec=spec())
    debugger = {"name": "dbg", "image": "x:1", "targetContainerName": "c"}

    def edit(new: Any) -> None:
        new["spec"]["ephemeralContainers"] = [debugger]
        new["spec"]["containers"][0]["image"] = "ignored"

    assert change("Pod", pod, edit, "ephemeralcontainers") == []
    assert pod["spec"]["containers"][0]["image"] == "x:1"
    assert [each["name"] for each in pod["spec"]["ephemeralContainers"]] == ["dbg"]


def test_resize_changes_cpu_and_memory_only(create: Any, change: Any) -> None:
    pod = create("Pod", spec=with_container(resources={"requests": {"cpu": "1"}}))

    def resize(**requests: str) -> list[str]:
        def edit(new: Any) -> None:
            new["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", **requests}}

        errors: list[str] = change("Pod", pod, edit, "resize")
        return errors

    assert resize(cpu="2") == []
    assert resize(**{"ephemeral-storage": "1Gi"}) == ["spec: Forbidden: only cpu and memory resources are mutable"]


def test_a_status_update_touches_nothing_else(create: Any, change: Any) -> None:
    pod = create("Pod", spec=spec())

    def edit(new: Any) -> None:
        new["status"] = {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}
        new["spec"]["nodeName"] = "elsewhere"

    assert change("Pod", pod, edit, "status") == []
    assert "nodeName" not in pod["spec"]
    assert pod["status"]["qosClass"] == "BestEffort"


@pytest.mark.parametrize(
    ("node", "phase", "requested", "seconds"),
    [
        ("", "Pending", None, 0),
        ("n", "Running", None, 30),
        ("n", "Running", 5, 5),
        ("n", "Running", 0, 0),
        ("n", "Running", -5, 1),
        ("n", "Failed", None, 0),
    ],
)
def test_grace_is_given_to_pods_that_run(node: str, phase: str, requested: int | None, seconds: int) -> None:
    pod = {"spec": {"nodeName": node, "terminationGracePeriodSeconds": 30}, "status": {"phase": phase}}
    assert RESOURCE.strategy.grace_period is not None
    assert RESOURCE.strategy.grace_period(pod, requested) == seconds


NOW = datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
COMPLETED = {"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
TERMINATED = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:05:00Z"}}


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Pending"}, ["0/1", "Pending", "0"]),
        (
            {"phase": "Running", "containerStatuses": [{"ready": True, "state": {"running": {}}}]},
            ["1/1", "Running", "0"],
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    {"restartCount": 3, "lastState": TERMINATED, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
                ],
            },
            ["0/1", "CrashLoopBackOff", "3 (5m ago)"],
        ),
        (
            {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]},
            ["0/1", "ExitCode:3", "0"],
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"running": {}}}]},
            ["0/1", "Init:0/0", "0"],
        ),
        ({"phase": "Failed", "reason": "Evicted"}, ["0/1", "Evicted", "0"]),
        (
            {"phase": "Failed", "containerStatuses": [COMPLETED, {"state": {"terminated": {"exitCode": 3}}}]},
            ["0/1", "ExitCode:3", "0"],
        ),
        (
            {"phase": "Running", "containerStatuses": [COMPLETED, {"ready": True, "state": {"running": {}}}]},
            ["1/1", "NotReady", "0"],
        ),
    ],
)
def test_a_row_sums_up_the_containers(status: Any, shown: list[str]) -> None:
    pod = {"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec(), "status": status}
    assert cells(pod, NOW) == ["p", *shown, "10m", "<none>", "<none>", "<none>", "<none>"]


def test_a_dying_pod_is_terminating() -> None:
    metadata = {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    assert cells({"metadata": metadata, "spec": spec(), "status": {"phase": "Running"}}, NOW)[2] == "Terminating"


def test_finished_pods_are_marked() -> None:
    (condition,) = row_conditions({"status": {"phase": "Succeeded"}})
    assert (condition["type"], condition["reason"]) == ("Completed", "Succeeded")
    assert row_conditions({"status": {"phase": "Running"}}) == []


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        ),
        ({"imagePullSecrets": [{}]}, 'spec.imagePullSecrets[0].name: invalid empty name ""'),
        (
            {"containers": [{**CONTAINER, "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]},
            'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
        ),
        (
            {"containers": [{**CONTAINER, "ports": [{"containerPort": 80}, {"containerPort": 80}]}]},
            "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
        ),
        (
            {"containers": [{**CONTAINER, "resources": {"requests": {"memory": "100m"}}}]},
            'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an '
            "integer",
        ),
    ],
)
def test_what_is_hardly_meant_is_warned_about(fields: Any, warning: str) -> None:
    assert pod_warnings({"metadata": {"name": "p"}, "spec": spec(**fields)}) == [warning]
