"""What is wrong with storage classes, CSI objects and attachments, and how it is said."""

from typing import Any

import pytest

STORAGE = "storage.k8s.io/v1"
CLAIMED = {"requests": {"storage": "1Gi"}}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"nodeAllocatableUpdatePeriodSeconds": 5}, "must be greater than or equal to 10 seconds"),
        (
            {"serviceAccountTokenInSecrets": False},
            "serviceAccountTokenInSecrets is set but no tokenRequests are specified",
        ),
        ({"tokenRequests": [{"audience": "a"}, {"audience": "a", "expirationSeconds": 1}]}, 'Duplicate value: "a"'),
        ({"volumeLifecycleModes": ["Odd"]}, 'supported values: "Persistent", "Ephemeral"'),
    ],
)
def test_wrong_drivers_are_refused(post: Any, spec: dict[str, Any], complaint: str) -> None:
    [error] = post(STORAGE, "CSIDriver", spec=spec).errors
    assert error.endswith(complaint)


def test_a_driver_on_a_node_changes_only_what_it_can_carry(post: Any, put: Any) -> None:
    made = post(STORAGE, "CSINode", spec={"drivers": [{"name": "d", "nodeID": "i" * 256}]})
    assert made.errors == []
    assert put(made, lambda new: new["spec"]["drivers"][0].update(allocatable={"count": 3})).errors == []
    [error] = put(made, lambda new: new["spec"]["drivers"][0].update(nodeID="j")).errors
    shown = '{"Name":"d","NodeID":"j","TopologyKeys":null,"Allocatable":null}'
    assert error == f"spec.drivers: Invalid value: {shown}: field is immutable"


def test_empty_topologies_repeat_each_other(post: Any) -> None:
    made = post(STORAGE, "StorageClass", provisioner="p", allowedTopologies=[{}])
    assert made.errors == ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""']


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"inlineVolumeSpec": {"accessModes": ["ReadWriteOnce"]}}, "inlineVolumeSpec.csi: Required value: has to be"),
        ({"inlineVolumeSpec": {"capacity": {"storage": "1"}}}, "may not be specified in the context of inline volumes"),
        ({"persistentVolumeName": ""}, "must specify non empty persistentVolumeName"),
    ],
)
def test_wrong_sources_of_attachments_are_refused(post: Any, source: dict[str, Any], complaint: str) -> None:
    errors = post(STORAGE, "VolumeAttachment", spec={"attacher": "a", "nodeName": "n", "source": source}).errors
    assert any(complaint in error for error in errors), errors


def test_errors_of_attachments_have_a_limit(post: Any, put: Any) -> None:
    spec = {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
    made = post(STORAGE, "VolumeAttachment", spec=spec)
    failed = {"attached": False, "attachError": {"message": "m" * 1025, "errorCode": -1}}
    errors = put(made, lambda new: new.update(status=failed), "status").errors
    assert set(errors) == {
        "status.attachError.message: Too long: may not be more than 262144 bytes",
        "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    }


def test_attributes_classes_never_change(post: Any, put: Any) -> None:
    made = post(STORAGE, "VolumeAttributesClass", driverName="d", parameters={"a": "b"})
    changed = put(made, lambda new: new.update(driverName="e", parameters={}))
    assert changed.errors == [
        "driverName: Forbidden: updates to driverName are forbidden.",
        "parameters: Forbidden: updates to parameters are forbidden.",
        "parameters: Required value: must contain at least one key/value pair",
    ]


_REGION = "failure-domain.beta.kubernetes.io/region"
_RENAMED = 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'


@pytest.mark.parametrize(
    ("api_version", "kind", "fields", "warning"),
    [
        (
            STORAGE,
            "StorageClass",
            {"provisioner": "p", "allowedTopologies": [{"matchLabelExpressions": [{"key": _REGION, "values": ["a"]}]}]},
            f"allowedTopologies[0].matchLabelExpressions[0].key: {_RENAMED}",
        ),
        (
            STORAGE,
            "CSIStorageCapacity",
            {"storageClassName": "c", "nodeTopology": {"matchLabels": {_REGION: "a"}}},
            f"nodeTopology.matchLabels.{_REGION}: {_RENAMED}",
        ),
        (
            STORAGE,
            "CSIStorageCapacity",
            {
                "storageClassName": "c",
                "nodeTopology": {"matchExpressions": [{"key": _REGION, "operator": "Exists"}]},
            },
            f"nodeTopology.matchExpressions[0].key: {_REGION} is {_RENAMED}",
        ),
        (
            "node.k8s.io/v1",
            "RuntimeClass",
            {"handler": "h", "scheduling": {"nodeSelector": {_REGION: "a", "node-role.kubernetes.io/master": ""}}},
            f"scheduling.nodeSelector: {_RENAMED}",
        ),
    ],
)
def test_renamed_node_labels(post: Any, api_version: str, kind: str, fields: Any, warning: str) -> None:
    assert post(api_version, kind, **fields).warnings == [warning]


def test_what_is_wrong_with_a_changed_object_is_told_once(post: Any, put: Any) -> None:
    spec = {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}}
    made = post(STORAGE, "VolumeAttachment", spec=spec)
    assert len(put(made, lambda new: new["spec"].update(attacher="")).errors) == 2  # required, immutable
    claim = post("v1", "PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"], "resources": CLAIMED})
    found = put(claim, lambda new: new["spec"].update(accessModes=["X"])).errors
    assert [error.split(":")[0] for error in found] == ["spec.accessModes", "spec"]


@pytest.mark.parametrize(
    ("applied", "wanted", "complaints"),
    [
        ({}, None, []),  # a change that was never made can be taken back
        ({}, "", []),
        ({"currentVolumeAttributesClassName": "v"}, "w", []),
        ({"currentVolumeAttributesClassName": "v"}, None, ["nil"]),
        ({"currentVolumeAttributesClassName": "v"}, "", ["empty string"]),
    ],
)
def test_a_claim_keeps_a_class_that_was_applied(
    post: Any, put: Any, applied: dict[str, Any], wanted: str | None, complaints: list[str]
) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": CLAIMED, "volumeName": "p"}
    claim = post("v1", "PersistentVolumeClaim", spec={**spec, "volumeAttributesClassName": "v"})
    claim["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}, **applied}
    found = put(claim, lambda new: new["spec"].update(volumeAttributesClassName=wanted)).errors
    text = "is forbidden when status.currentVolumeAttributesClassName is not nil"
    assert found == [f"spec.volumeAttributesClassName: Forbidden: update to {to} {text}" for to in complaints]


def test_a_driver_does_not_prevent_scheduling(post: Any, put: Any) -> None:
    made = post(STORAGE, "CSIDriver", spec={"preventPodSchedulingIfMissing": True})
    assert "preventPodSchedulingIfMissing" not in made["spec"]
    changed = put(made, lambda new: new["spec"].update(preventPodSchedulingIfMissing=True))
    assert "preventPodSchedulingIfMissing" not in changed["spec"]
