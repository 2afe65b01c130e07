"""Rules of Pods that upstream spells out: one row each, with the exact complaint."""

from typing import Any

import pytest

from minik.api.groups.core import pod as room
from minik.api.groups.core.pod_warnings import pod_warnings, template_warnings

C = {"name": "c", "image": "x:1"}
STRATEGY = room.RESOURCES[0].strategy
APPARMOR = "container.apparmor.security.beta.kubernetes.io/c"


def pod(**fields: Any) -> dict[str, Any]:
    return {"containers": [dict(C)], **fields}


def with_container(**fields: Any) -> dict[str, Any]:
    return pod(containers=[{**C, **fields}])


def with_init(**fields: Any) -> dict[str, Any]:
    return pod(initContainers=[{**C, "name": "i", **fields}])


def with_volume(**source: Any) -> dict[str, Any]:
    return pod(volumes=[{"name": "v", **source}])


def file_key(**fields: Any) -> dict[str, Any]:
    reference = {"volumeName": "v", "path": "a", "key": "k", **fields}
    return with_container(env=[{"name": "A", "valueFrom": {"fileKeyRef": reference}}])


@pytest.mark.parametrize(
    ("spec", "complaints"),
    [
        (
            file_key(path="../a"),
            [
                "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: \"../a\": must not contain '..'",
                'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "v"',
            ],
        ),
        (  # without a policy nothing more is said of its rules
            with_init(restartPolicyRules=[{"action": "Never"}]),
            [
                "spec.initContainers[0].restartPolicy: Required value: "
                "must specify restartPolicy when restart rules are used"
            ],
        ),
        (
            with_init(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]),
            [
                "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "
                "\"RestartContainer\": must not be set to 'RestartContainer' for non-sidecar initContainers"
            ],
        ),
        (
            pod(hostnameOverride="a", hostNetwork=True),
            ["spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
        ),
        (
            pod(securityContext={"seLinuxChangePolicy": "MountOption"}),
            [
                'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": '
                'supported values: "Recursive"'
            ],
        ),
        (
            with_volume(iscsi={"targetPortal": "p" * 64, "iqn": "iqn.2015-02.a:t", "initiatorName": "iqn.2015-02.a:i"}),
            [
                'spec.volumes[0].name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be '
                "under 64 characters if iscsi.initiatorName is specified."
            ],
        ),
        (
            pod(securityContext={"sysctls": [{"name": "kernel.sem", "value": "1"}]}, hostIPC=True),
            [
                'spec.securityContext.sysctls[0].name: Invalid value: "kernel.sem": '
                "may not be specified when 'hostIPC' is true"
            ],
        ),
        (pod(securityContext={"sysctls": [{"name": "kernel.semi", "value": "1"}]}, hostIPC=True), []),
    ],
)
def test_a_rule_is_told_word_for_word(create: Any, spec: Any, complaints: list[str]) -> None:
    assert create("Pod", spec=spec).errors == complaints


def test_fields_of_features_that_are_off_are_dropped(create: Any) -> None:
    made = create(
        "Pod",
        spec={
            **with_container(lifecycle={"stopSignal": "SIGTERM"}),
            "schedulingGroup": {"podGroupName": "g"},
            "volumes": [{"name": "v", "projected": {"sources": [{"podCertificate": {"signerName": "a.b/c"}}]}}],
        },
    )
    assert made.errors == []
    assert "schedulingGroup" not in made["spec"]
    assert "lifecycle" not in made["spec"]["containers"][0]
    assert made["spec"]["volumes"][0]["projected"]["sources"] == [{}]
    assert pod_warnings(made) == ['volume "v" (Projected) has no sources provided']


@pytest.mark.parametrize(
    ("annotation", "of_pod", "own", "warned"),
    [
        ("unconfined", None, None, True),
        ("unconfined", {"type": "Unconfined"}, None, False),
        ("unconfined", None, {"type": "Unconfined"}, False),
        ("localhost/a ", None, {"type": "Unconfined"}, True),
        ("nonsense", None, None, True),
    ],
)
def test_apparmor_annotations_are_warned_about_as_they_were_sent(
    create: Any, annotation: str, of_pod: Any, own: Any, *, warned: bool
) -> None:
    spec = with_container(securityContext={"appArmorProfile": own} if own else {})
    spec["securityContext"] = {"appArmorProfile": of_pod} if of_pod else {}
    sent = {"metadata": {"name": "x", "annotations": {APPARMOR: annotation}}, "spec": spec}
    text = f'metadata.annotations[{APPARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead'
    assert STRATEGY.warn_sent(sent) == ([text] if warned else [])


def keys(*paths: str) -> list[dict[str, str]]:
    return [{"key": "k", "path": path} for path in paths]


@pytest.mark.parametrize(
    ("volume", "warnings"),
    [
        (
            {"configMap": {"name": "n", "items": keys("p", "p/q", "r")}},
            ['volume "v" (ConfigMap "n"): overlapping paths: "p/q" with "p"'],
        ),
        (
            {"secret": {"secretName": "s", "items": keys("a/", "a")}},
            ['volume "v" (Secret "s"): overlapping paths: "a" with "a"'],
        ),
        (
            {"downwardAPI": {"items": [{"path": "a"}, {"path": "a/b"}]}},
            ['volume "v" (DownwardAPI): overlapping paths: "a/b" with "a"'],
        ),
        (
            {
                "projected": {
                    "sources": [{"secret": {"name": "s", "items": keys("x")}}, {"serviceAccountToken": {"path": "x"}}]
                }
            },
            ['volume "v" (Projected ServiceAccountToken): overlapping paths: "x" with "x"'],
        ),
        ({"configMap": {"name": "n", "items": keys("a", "b")}}, []),
    ],
)
def test_files_of_a_volume_that_overlap_are_warned_about(volume: Any, warnings: list[str]) -> None:
    spec = pod(volumes=[{"name": "v", **volume}])
    assert pod_warnings({"metadata": {"name": "x"}, "spec": spec}) == warnings
    assert template_warnings({"spec": spec}, "template") == warnings


def test_unusual_addresses_are_warned_about() -> None:
    spec = pod(hostAliases=[{"ip": "::01"}], dnsConfig={"nameservers": ["fe80::00"]})
    assert pod_warnings({"metadata": {"name": "x"}, "spec": spec}) == [
        'spec.dnsConfig.nameservers[0]: IPv6 address "fe80::00" should be in RFC 5952 canonical format ("fe80::")',
        'spec.hostAliases[0].ip: IPv6 address "::01" should be in RFC 5952 canonical format ("::1")',
    ]


BURST = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}}

POD_LEVEL = {"resources": {"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": "1"}}}


def resized(**resources: Any) -> Any:
    def edit(made: Any) -> None:
        made["spec"]["containers"][0]["resources"] = resources

    return edit


def set_pod_level(resources: Any) -> Any:
    def edit(made: Any) -> None:
        made["spec"].pop("resources", None)
        if resources is not None:
            made["spec"]["resources"] = resources

    return edit


def rename(kind: str) -> Any:
    def edit(made: Any) -> None:
        made["spec"][kind][0]["name"] = "other"

    return edit


@pytest.mark.parametrize(
    ("extra", "edit", "complaints"),
    [
        ({}, resized(requests={"cpu": "150m", "memory": "64Mi"}, limits={"cpu": "300m"}), []),
        ({}, resized(**BURST, claims=[]), []),
        (
            {},
            resized(requests={"cpu": "100m"}, limits={"cpu": "200m"}),
            ["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"],
        ),
        (
            {},
            resized(requests={"cpu": "200m", "memory": "64Mi"}),
            ["spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"],
        ),
        (
            {},
            resized(requests={**BURST["requests"], "ephemeral-storage": "1Gi"}, limits=BURST["limits"]),
            ["spec: Forbidden: only cpu and memory resources are mutable"],
        ),
        (
            {},
            lambda made: made["spec"]["containers"].append({"name": "d", "image": "x"}),
            ["spec.containers: Forbidden: containers may not be added or removed on resize"],
        ),
        (
            {},
            rename("containers"),
            ["spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize"],
        ),
        (
            {"initContainers": [{**C, "name": "i"}]},
            rename("initContainers"),
            ["spec.initContainers[0].name: Forbidden: initContainers may not be renamed or reordered on resize"],
        ),
        (
            {"os": {"name": "windows"}},
            resized(requests={"cpu": "150m", "memory": "64Mi"}, limits={"cpu": "300m"}),
            ["[]: Forbidden: windows pods cannot be resized"],
        ),
        (
            POD_LEVEL,
            set_pod_level(None),
            ["spec.resources: Forbidden: pod-level resources cannot be removed"],
        ),
        (POD_LEVEL, set_pod_level({**POD_LEVEL["resources"], "limits": {"cpu": "2"}}), []),
    ],
)
def test_a_resize_changes_cpu_and_memory_only(
    create: Any, change: Any, extra: Any, edit: Any, complaints: list[str]
) -> None:
    made = create("Pod", spec={**with_container(resources=BURST), **extra})
    assert made.errors == []
    assert change("Pod", made, edit, "resize") == complaints


def test_a_resize_leaves_images_alone(create: Any, change: Any) -> None:
    made = create("Pod", spec=with_container(resources=BURST))

    def edit(new: Any) -> None:
        new["spec"]["containers"][0] |= {"image": "other", "resources": {**BURST, "limits": {"cpu": "1"}}}
        new["metadata"]["labels"] = {"a": "b"}

    assert change("Pod", made, edit, "resize") == []
    container = made["spec"]["containers"][0]
    assert (container["image"], container["resources"]["limits"]) == ("x:1", {"cpu": "1"})
    assert "labels" not in made["metadata"]


def test_no_status_loses_what_generation_it_is_about(create: Any, change: Any) -> None:
    made = create("Pod", spec=pod())
    made["status"] |= {
        "observedGeneration": 3,
        "conditions": [
            {"type": "Ready", "status": "True", "observedGeneration": 2},
            {"type": "Ready", "status": "False", "observedGeneration": 1},
        ],
    }

    def edit(new: Any) -> None:
        new["status"]["observedGeneration"] = 0
        new["status"]["conditions"] = [
            {"type": "Ready", "status": "True"},
            {"type": "Ready", "status": "True", "observedGeneration": 5},
            {"type": "Ready", "status": "True"},
        ]

    assert change("Pod", made, edit, "status") == []
    assert made["status"]["observedGeneration"] == 3
    assert [each.get("observedGeneration") for each in made["status"]["conditions"]] == [2, 5, None]


def test_what_an_ephemeral_container_cannot_have(create: Any, change: Any) -> None:
    made = create("Pod", spec=pod())

    def edit(new: Any) -> None:
        added = {"name": "e", "image": "x", "ports": [], "resources": {}, "restartPolicy": "", "lifecycle": {}}
        new["spec"]["ephemeralContainers"] = [added]

    assert [text for text in change("Pod", made, edit, "ephemeralcontainers") if "cannot be set" in text] == [
        f"spec.ephemeralContainers[0].{key}: Forbidden: cannot be set for an Ephemeral Container"
        for key in ("ports", "restartPolicy", "lifecycle")
    ]


AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
        }
    }
}
TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"


def test_what_a_gated_pod_demands_of_nodes_is_not_taken_back(create: Any, change: Any) -> None:
    gated = {**pod(), "schedulingGates": [{"name": "g"}], "nodeSelector": {"a": "b"}, "affinity": AFFINITY}

    def other_key(made: Any) -> None:
        required = made["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        required["nodeSelectorTerms"] = [{"matchExpressions": [{"key": "z", "operator": "Exists"}]}]

    shown = '{"MatchExpressions":[{"Key":"z","Operator":"Exists","Values":null}],"MatchFields":null}'
    assert change("Pod", create("Pod", spec=gated), other_key) == [
        f"{TERMS}[0]: Invalid value: {shown}: only additions are allowed (no mutations or deletions)"
    ]
    assert change("Pod", create("Pod", spec=gated), lambda made: made["spec"].pop("affinity")) == [
        f"{TERMS}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed"
    ]
    assert change("Pod", create("Pod", spec=gated), lambda made: made["spec"].pop("nodeSelector")) == [
        "spec.nodeSelector: Invalid value: null: "
        "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"podIP": "1.1.1.1"}, {"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]}),
        (
            {"podIPs": [{"ip": "1.1.1.1"}, {"ip": "::1"}]},
            {"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "::1"}]},
        ),
        (
            {"podIP": "1.1.1.1", "podIPs": [{"ip": "2.2.2.2"}, {"ip": "::1"}]},
            {"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]},
        ),
    ],
)
def test_the_pods_address_is_the_first_of_its_addresses(create: Any, change: Any, sent: Any, kept: Any) -> None:
    made = create("Pod", spec=pod())
    assert change("Pod", made, lambda new: new["status"].update(sent), "status") == []
    assert {key: made["status"][key] for key in ("podIP", "podIPs")} == kept


def test_amounts_are_rounded_up_to_thousandths(create: Any, change: Any) -> None:
    made = create("Pod", spec={**pod(), "overhead": {"cpu": "100u"}, "resources": {"limits": {"cpu": "1000100u"}}})
    assert (made["spec"]["overhead"], made["spec"]["resources"]["limits"]) == ({"cpu": "1m"}, {"cpu": "1001m"})
    status = {"name": "c", "resources": {"limits": {"cpu": "1u"}}, "allocatedResources": {"cpu": "1u"}}
    assert change("Pod", made, lambda new: new["status"].update(containerStatuses=[status]), "status") == []
    assert made["status"]["containerStatuses"][0]["resources"] == {"limits": {"cpu": "1m"}}
    assert made["status"]["containerStatuses"][0]["allocatedResources"] == {"cpu": "1m"}


@pytest.mark.parametrize(
    ("message", "complaints"),
    [
        ("hot", []),
        ("", ["Required value: must be non-empty if specified"]),
        ("é" * 513, ["Too long: may not be more than 1024 bytes"]),
    ],
)
def test_word_about_a_devices_health_is_short(create: Any, change: Any, message: str, complaints: list[str]) -> None:
    spec = {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"a.b/c": "1"}}}]}
    health = {"resourceID": "r", "health": "Unhealthy", "message": message}
    status = {"name": "c", "allocatedResourcesStatus": [{"name": "a.b/c", "resources": [health]}]}
    made = create("Pod", spec=spec)
    errors = change("Pod", made, lambda new: new["status"].update(containerStatuses=[status]), "status")
    at = "status.containerStatuses[0].allocatedResourcesStatus[0].resources[0].message"
    assert errors == [f"{at}: {text}" for text in complaints]


def test_annotations_of_init_containers_of_old_are_dropped(create: Any) -> None:
    old = "pod.beta.kubernetes.io/init-containers"
    made = create("Pod", metadata={"name": "x", "annotations": {old: "[]", "a": "b"}}, spec=pod())
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert (
        "annotations" not in create("Pod", metadata={"name": "x", "annotations": {old: "[]"}}, spec=pod())["metadata"]
    )


def test_no_count_of_a_controller_is_above_its_replicas(create: Any, change: Any) -> None:
    spec = {"template": {"metadata": {"labels": {"a": "b"}}, "spec": pod()}}
    made = create("ReplicationController", spec=spec)
    assert change("ReplicationController", made, lambda new: new["status"].update(replicas=-1), "status") == [
        "status.replicas: Invalid value: -1: must be greater than or equal to 0",
        *(
            f"status.{key}: Invalid value: 0: cannot be greater than status.replicas"
            for key in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
        ),
    ]
