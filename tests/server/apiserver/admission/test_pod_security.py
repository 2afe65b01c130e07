"""PodSecurity: what the standards forbid, and what a namespace's labels do."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.server.apiserver.admission.pod_security import PodSecurity, Standard, policy_of
from minik.server.apiserver.admission.pod_security_checks import LATEST
from minik.server.apiserver.admission.pod_security_checks import violations as found

PREFIX = "pod-security.kubernetes.io/"
GOOD = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(*securities: Any, **spec: Any) -> dict[str, Any]:
    containers = [{"name": f"c{n}", "image": "x", "securityContext": s} for n, s in enumerate(securities or ({},))]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


def violations(level: str, version: int, obj: Any) -> list[str]:
    return [f"{reason} ({detail})" for reason, detail in found(level, version, obj)]


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (pod(), []),
        (
            pod({"privileged": True}, {"privileged": True}),
            ['privileged (containers "c0", "c1" must not set securityContext.privileged=true)'],
        ),
        (pod(hostNetwork=True, hostPID=True), ["host namespaces (hostNetwork=true, hostPID=true)"]),
        (
            pod({"capabilities": {"add": ["CHOWN", "SYS_ADMIN"]}}),
            [
                'non-default capabilities (container "c0" must not include "SYS_ADMIN" in '
                "securityContext.capabilities.add)"
            ],
        ),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), ['hostPath volumes (volume "v")']),
        (
            pod({"seccompProfile": {"type": "Unconfined"}}, securityContext={"seccompProfile": {"type": "Unconfined"}}),
            [
                'seccompProfile (pod and container "c0" must not set securityContext.seccompProfile.type to '
                '"Unconfined")'
            ],
        ),
        (
            pod(securityContext={"seLinuxOptions": {"user": "u", "type": "t"}}),
            ['seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)'],
        ),
        (pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}]}), ["forbidden sysctls (kernel.msgmax)"]),
        (
            pod(initContainers=[{"name": "z", "ports": [{"hostPort": 9}]}, {"name": "a", "ports": [{"hostPort": 8}]}]),
            ['hostPort (containers "z", "a" use hostPorts 8, 9)'],
        ),
        (
            pod(
                initContainers=[
                    {"name": "z", "lifecycle": {"preStop": {"httpGet": {"host": "h"}}}},
                    {"name": "a", "livenessProbe": {"tcpSocket": {"host": "g"}}},
                ]
            ),
            ['probe or lifecycle host (containers "a", "z" use probe or lifecycle hosts "g", "h")'],
        ),
        (
            {
                "metadata": {
                    "annotations": {
                        "container.apparmor.security.beta.kubernetes.io/c": "bogus",
                        "container.apparmor.security.beta.kubernetes.io/d": "localhost/x",
                    }
                },
                "spec": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}, "containers": []},
            },
            [
                "forbidden AppArmor profiles (pod and annotation must not set AppArmor profile type to "
                '"Unconfined", "container.apparmor.security.beta.kubernetes.io/c="bogus"")'
            ],
        ),
    ],
)
def test_baseline(obj: Any, expected: list[str]) -> None:
    assert violations("baseline", LATEST, obj) == expected
    assert violations("privileged", LATEST, obj) == []


def test_restricted() -> None:
    assert violations("restricted", LATEST, pod(GOOD)) == []
    assert [text.partition(" (")[0] for text in violations("restricted", LATEST, pod())] == [
        "allowPrivilegeEscalation != false",
        "unrestricted capabilities",
        "runAsNonRoot != true",
        "seccompProfile",
    ]
    nfs = pod({**GOOD, "runAsUser": 0}, volumes=[{"name": "v", "nfs": {}}])
    assert violations("restricted", LATEST, nfs) == [
        'restricted volume types (volume "v" uses restricted volume type "nfs")',
        'runAsUser=0 (container "c0" must not set runAsUser=0)',
    ]


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            pod({**GOOD, "runAsNonRoot": False}, {**GOOD, "runAsNonRoot": None}),
            ['runAsNonRoot != true (container "c0" must not set securityContext.runAsNonRoot=false)'],
        ),
        (
            pod({**GOOD, "runAsNonRoot": None}, GOOD),
            ['runAsNonRoot != true (pod or container "c0" must set securityContext.runAsNonRoot=true)'],
        ),
        (
            pod({**GOOD, "seccompProfile": {"type": "Unconfined"}}, {**GOOD, "seccompProfile": None}),
            ['seccompProfile (container "c0" must not set securityContext.seccompProfile.type to "Unconfined")'],
        ),
    ],
)
def test_what_is_set_wrongly_is_told_without_what_is_missing(obj: Any, expected: list[str]) -> None:
    assert violations("restricted", LATEST, obj) == expected


def test_a_pod_with_its_own_users_may_run_as_root() -> None:
    root = pod({**GOOD, "runAsNonRoot": False, "runAsUser": 0}, hostUsers=False)
    assert violations("restricted", LATEST, root) == []
    assert [text.partition(" (")[0] for text in violations("restricted", 34, root)] == [
        "runAsNonRoot != true",
        "runAsUser=0",
    ]
    unmasked = pod({**GOOD, "procMount": "Unmasked"}, hostUsers=False)
    assert violations("baseline", LATEST, unmasked) == []
    assert len(violations("baseline", 34, unmasked)) == 1
    assert len(violations("restricted", LATEST, unmasked)) == 1


def test_a_pinned_version_knows_no_later_checks() -> None:
    engine = pod(securityContext={"seLinuxOptions": {"type": "container_engine_t"}})
    assert violations("baseline", 30, engine) != []
    assert violations("baseline", 31, engine) == []
    zero = pod({**GOOD, "runAsUser": 0})
    assert violations("restricted", 22, zero) == []
    assert violations("restricted", 23, zero) != []


@pytest.fixture
def namespace(objects: Any, named: Any) -> Any:
    return objects.add("namespaces", named("ns", ""))


async def test_enforcing_refuses_and_warning_warns(objects: Any, namespace: Any, write: Any) -> None:
    namespace["metadata"]["labels"] = {PREFIX + "enforce": "baseline", PREFIX + "warn": "restricted"}
    plugin = PodSecurity(objects)
    with pytest.raises(StatusError, match='violates PodSecurity "baseline:latest": privileged'):
        await plugin.validate(write("pods", pod({"privileged": True})))
    plain = write("pods", pod())
    await plugin.validate(plain)
    assert plain.warnings[0].startswith('would violate PodSecurity "restricted:latest": allowPrivilegeEscalation')


async def test_workloads_are_only_warned_about(objects: Any, namespace: Any, named: Any, write: Any) -> None:
    namespace["metadata"]["labels"] = {PREFIX + "enforce": "baseline", PREFIX + "warn": "baseline"}
    deployment = named("d", spec={"template": {"spec": pod(hostNetwork=True)["spec"]}})
    request = write("deployments", deployment, group="apps")
    await PodSecurity(objects).validate(request)
    assert request.warnings == ['would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)']


@pytest.mark.parametrize(
    ("labels", "warn"),
    [
        ({"enforce": "baseline"}, Standard("baseline")),
        ({"enforce": "baseline", "enforce-version": "v1.24"}, Standard("baseline", 24)),
        ({"enforce": "baseline", "enforce-version": "v1.24", "warn-version": "v1.30"}, Standard("baseline", 30)),
        ({"enforce": "baseline", "warn": "privileged"}, Standard("privileged")),
        ({"enforce": "odd"}, Standard("privileged")),
        ({"warn": "odd"}, Standard("privileged")),
    ],
)
def test_who_says_only_what_is_enforced_is_warned_of_the_same(labels: dict[str, str], warn: Standard) -> None:
    assert policy_of({PREFIX + label: value for label, value in labels.items()}).warn == warn


async def test_what_is_refused_is_audited_as_well(objects: Any, namespace: Any, write: Any) -> None:
    namespace["metadata"]["labels"] = {PREFIX + "enforce": "baseline", PREFIX + "audit": "baseline"}
    request = write("pods", pod({"privileged": True}))
    with pytest.raises(StatusError):
        await PodSecurity(objects).validate(request)
    assert request.annotations[PREFIX + "enforce-policy"] == "baseline:latest"
    assert request.annotations[PREFIX + "audit-violations"].startswith('would violate PodSecurity "baseline:latest"')


@pytest.mark.parametrize(
    ("label", "value", "complaint"),
    [("enforce", "odd", "must be one of privileged, baseline, restricted"), ("warn-version", "v9x", 'or "v1.x"')],
)
async def test_labels_are_validated(
    objects: Any, named: Any, write: Any, label: str, value: str, complaint: str
) -> None:
    new = named("ns", "")
    new["metadata"]["labels"] = {PREFIX + label: value}
    with pytest.raises(StatusError, match=complaint):
        await PodSecurity(objects).validate(write("namespaces", new, named("ns", "")))
    await PodSecurity(objects).validate(write("namespaces", new, new))  # it was wrong before


async def test_tightening_a_namespace_tells_of_pods_that_are_there(
    objects: Any, namespace: Any, named: Any, write: Any
) -> None:
    for name in ("a", "b"):
        bad = pod({"privileged": True})
        bad["metadata"] = {"name": name, "namespace": "ns"}
        objects.add("pods", bad)
    new = named("ns", "")
    new["metadata"]["labels"] = {PREFIX + "enforce": "baseline"}
    request = write("namespaces", new, namespace)
    await PodSecurity(objects).validate(request)
    assert request.warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 1 other pod): privileged",
    ]
