from datetime import UTC, datetime
from typing import Any

import pytest

APPS = "apps/v1"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}

CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def spec(**more: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE, **more}


def test_a_deployment_rolls_a_quarter_at_a_time_by_default(post: Any) -> None:
    made = post(APPS, "Deployment", spec=spec())
    assert made.errors == []
    assert made["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert (made["spec"]["replicas"], made["spec"]["revisionHistoryLimit"]) == (1, 10)
    assert made["spec"]["progressDeadlineSeconds"] == 600


@pytest.mark.parametrize(
    ("strategy", "complaint"),
    [
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}, "may not be 0 when `maxSurge` is 0"),
        ({"rollingUpdate": {"maxUnavailable": "200%"}}, "must not be greater than 100%"),
        ({"rollingUpdate": {"maxSurge": -1}}, "must be greater than or equal to 0"),
        ({"type": "Odd"}, 'supported values: "Recreate", "RollingUpdate"'),
        ({"type": "Recreate", "rollingUpdate": {}}, "may not be specified when strategy `type` is 'Recreate'"),
    ],
)
def test_wrong_rollouts_are_refused(post: Any, strategy: dict[str, Any], complaint: str) -> None:
    [error] = post(APPS, "Deployment", spec=spec(strategy=strategy)).errors
    assert error.endswith(complaint)


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
def test_a_selector_must_select_the_template(post: Any, kind: str) -> None:
    made = post(APPS, kind, spec=spec(selector={"matchLabels": {"x": "y"}}))
    text = 'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'
    assert made.errors == [text]


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet"])
def test_an_empty_workload_lacks_selector_labels_and_containers(post: Any, kind: str) -> None:
    fields = [error.partition(": ")[0] for error in post(APPS, kind, spec={}).errors]
    assert fields == ["spec.selector", "spec.template.metadata.labels", "spec.template.spec.containers"]


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "DaemonSet"])
def test_a_selector_never_changes(post: Any, put: Any, kind: str) -> None:
    def select_other(new: dict[str, Any]) -> None:
        new["spec"]["selector"] = {"matchLabels": {"a": "c"}}
        new["spec"]["template"]["metadata"]["labels"] = {"a": "c"}

    changed = put(post(APPS, kind, spec=spec()), select_other)
    assert changed.errors == ['spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable']


def test_status_and_spec_have_a_door_each(post: Any, put: Any) -> None:
    made = post(APPS, "ReplicaSet", spec=spec(replicas=2), status={"replicas": 9})
    assert made["status"] == {"replicas": 0}

    def change_both(new: dict[str, Any]) -> None:
        new["spec"]["replicas"] = 5
        new["status"] = {"replicas": 3}

    assert put(made, change_both)["status"] == {"replicas": 0}
    reported = put(made, change_both, "status")
    assert (reported["spec"]["replicas"], reported["status"]["replicas"]) == (2, 3)


def test_more_ready_than_there_are_is_refused(post: Any, put: Any) -> None:
    made = post(APPS, "Deployment", spec=spec())
    wrong = put(made, lambda new: new.update(status={"replicas": 1, "availableReplicas": 2}), "status")
    assert wrong.errors == [
        "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
    ]


def test_containers_of_a_stateful_set_mount_its_claims(post: Any) -> None:
    claim = {"metadata": {"name": "data"}, "spec": CLAIM}
    container = {"name": "c", "image": "x", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    made = post(APPS, "StatefulSet", spec=spec(template=template, volumeClaimTemplates=[claim]))
    assert made.errors == []
    assert made["spec"]["volumeClaimTemplates"][0]["status"] == {"phase": "Pending"}


def test_most_of_a_stateful_set_is_fixed(post: Any, put: Any) -> None:
    made = post(APPS, "StatefulSet", spec=spec())
    assert put(made, lambda new: new["spec"].update(replicas=7)).errors == []
    [error] = put(made, lambda new: new["spec"].update(serviceName="other")).errors
    assert error.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas'")


def test_claims_of_a_new_stateful_set_must_be_claims(post: Any, put: Any) -> None:
    claims = [{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}]
    made = post(APPS, "StatefulSet", spec=spec(volumeClaimTemplates=claims, serviceName="Bad"))
    assert [error.partition(": ")[0] for error in made.errors] == [
        "spec.volumeClaimTemplates[0].spec.accessModes",
        "spec.serviceName",
    ]
    assert put(made, lambda new: new["spec"].update(replicas=3)).errors == []


def test_a_stateful_set_with_a_wrong_template_may_still_be_updated(post: Any, put: Any) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "C C", "image": "x"}]}}
    made = post(APPS, "StatefulSet", spec=spec(template=template))
    assert len(made.errors) == 1
    assert put(made, lambda new: new["spec"].update(replicas=3)).errors == []


def test_stateful_sets_roll_one_pod_at_a_time_whatever_is_asked(post: Any) -> None:
    made = post(APPS, "StatefulSet", spec=spec(updateStrategy={"rollingUpdate": {"maxUnavailable": 3}}))
    assert made["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


def test_what_is_warned_of_stateful_sets(post: Any, resource: Any) -> None:
    claim = {**CLAIM, "resources": {"requests": {"storage": "1500m"}}}
    made = post(APPS, "StatefulSet", spec=spec(revisionHistoryLimit=-1, volumeClaimTemplates=[{"spec": claim}]))
    fraction = 'resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
    history = (
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
    )
    assert made.warnings == [f"spec.volumeClaimTemplates[0].{fraction}", history]
    again = resource("StatefulSet", APPS).strategy.warn(made, made)
    assert again == [f"spec.volumeClaimTemplates[0].Spec.{fraction}", history]


@pytest.mark.parametrize(("kind", "warned"), [("Deployment", 1), ("ReplicaSet", 1), ("DaemonSet", 0)])
def test_names_with_dots_are_warned_of_where_pods_take_them_over(post: Any, kind: str, warned: int) -> None:
    warnings = post(APPS, kind, metadata={"name": "a.b"}, spec=spec()).warnings
    assert len(warnings) == warned
    assert all(text.endswith("a DNS label is recommended: [must not contain dots]") for text in warnings)


def test_templates_are_warned_of_only_when_something_changed(post: Any, resource: Any) -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "nodeSelector": {"beta.kubernetes.io/os": "linux"}}}
    warn = resource("Deployment", APPS).strategy.warn
    made = post(APPS, "Deployment", metadata={"generation": 1}, spec=spec(template=template))
    assert len(made.warnings) == 1
    assert warn(made, made) == []
    assert len(warn({**made, "metadata": {**made["metadata"], "generation": 2}}, made)) == 1


@pytest.mark.parametrize(
    ("strategy", "fields"),
    [
        ({"rollingUpdate": {"maxUnavailable": "2"}}, ["maxUnavailable"]),
        ({"rollingUpdate": {"maxUnavailable": "x", "maxSurge": 0}}, ["maxUnavailable", "maxUnavailable"]),
        ({"rollingUpdate": {"maxUnavailable": 1, "maxSurge": "101%"}}, ["maxSurge", "maxSurge"]),
    ],
)
def test_counts_and_percentages_of_a_daemon_set(post: Any, strategy: dict[str, Any], fields: list[str]) -> None:
    errors = post(APPS, "DaemonSet", spec=spec(updateStrategy=strategy)).errors
    assert [error.partition(": ")[0].rpartition(".")[2] for error in errors] == fields


@pytest.mark.parametrize(
    ("data", "complaints"),
    [
        ({"a": 1}, []),
        (None, ["data: Required value: data is mandatory"]),
        ([1], ["data: Required value: data must be a valid JSON object"]),
    ],
)
def test_a_revision_holds_an_object(post: Any, data: Any, complaints: list[str]) -> None:
    assert post(APPS, "ControllerRevision", revision=1, data=data).errors == complaints


def test_a_daemon_set_counts_its_templates(post: Any, put: Any) -> None:
    key = "deprecated.daemonset.template.generation"
    made = post(APPS, "DaemonSet", spec=spec())
    assert made["metadata"]["annotations"][key] == "1"

    def other_image(new: dict[str, Any]) -> None:
        new["spec"]["template"]["spec"]["containers"][0]["image"] = "y:2"

    assert put(made, other_image)["metadata"]["annotations"][key] == "2"
    assert put(made, lambda new: new["spec"].update(minReadySeconds=3))["metadata"]["annotations"][key] == "1"


def test_a_deployment_is_printed_with_its_images(post: Any, resource: Any) -> None:
    made = post(APPS, "Deployment", metadata={"creationTimestamp": "2026-01-01T00:00:00Z"}, spec=spec(replicas=3))
    cells = resource("Deployment", APPS).cells(made, datetime(2026, 1, 2, tzinfo=UTC))
    assert cells == ["x", "0/3", 0, 0, "24h", "c", "x:1", "a=b"]
