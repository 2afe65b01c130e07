from base64 import b64encode
from typing import Any

import pytest

from minik.api.groups.core import resource_quota
from minik.api.groups.core.event_validation import validate_core_event, validate_event
from minik.api.groups.core.secret_formats import certificate_warning, json_error
from minik.api.groups.core.volume_claim_warnings import claim_warnings
from minik.api.groups.core.volume_warnings import volume_warnings


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_a_namespace_carries_its_name_as_a_label_and_is_kept_by_its_finalizer(create: Any, change: Any) -> None:
    namespace = create("Namespace", metadata={"name": "n"})
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert change("Namespace", namespace, lambda new: new["spec"].update(finalizers=[])) == []
    assert namespace["spec"] == {"finalizers": ["kubernetes"]}
    assert change("Namespace", namespace, lambda new: new["spec"].update(finalizers=[]), "finalize") == []
    assert namespace["spec"] == {"finalizers": []}


def test_string_data_is_written_into_data(create: Any) -> None:
    secret = create("Secret", data={"a": encoded("x"), "b": encoded("y")}, stringData={"a": "over"})
    assert secret["data"] == {"a": encoded("over"), "b": encoded("y")}
    assert secret["type"] == "Opaque"
    assert "stringData" not in secret


@pytest.mark.parametrize(
    ("kind", "complaints"),
    [
        ("Opaque", []),
        ("kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("kubernetes.io/basic-auth", ["data[username]: Required value", "data[password]: Required value"]),
        ("kubernetes.io/ssh-auth", ["data[ssh-privatekey]: Required value"]),
        (
            "kubernetes.io/service-account-token",
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
    ],
)
def test_some_types_of_secret_demand_keys(create: Any, kind: str, complaints: list[str]) -> None:
    assert create("Secret", type=kind).errors == complaints


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"{}", ""),
        (b"nojson", "invalid character 'o' in literal null (expecting 'u')"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"", "unexpected end of JSON input"),
        (b"[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ],
)
def test_json_is_judged_in_the_words_of_go(raw: bytes, text: str) -> None:
    assert json_error(raw) == text


def test_certificates_without_pem_are_warned_about() -> None:
    assert certificate_warning(b"a", b"b") == "tls: failed to find any PEM data in certificate input"


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_immutable_data_stays_and_stays_immutable(create: Any, change: Any, kind: str) -> None:
    obj = create(kind, immutable=True, data={"a": encoded("x")})
    text = "Forbidden: field is immutable when `immutable` is set"
    assert change(kind, obj, lambda new: new["data"].update(b=encoded("y"))) == [f"data: {text}"]
    obj["data"].pop("b")
    assert change(kind, obj, lambda new: new.pop("immutable")) == [f"immutable: {text}"]


def test_a_node_may_use_its_whole_capacity_unless_told_otherwise(create: Any) -> None:
    node = create("Node", spec={"podCIDR": "10.1.0.0/24"}, status={"capacity": {"cpu": "2"}})
    assert node["status"]["allocatable"] == {"cpu": "2"}
    assert node["spec"]["podCIDRs"] == ["10.1.0.0/24"]


def test_a_node_keeps_its_cidr(create: Any, change: Any) -> None:
    node = create("Node", spec={"podCIDR": "10.1.0.0/24"})
    other = {"podCIDR": "10.2.0.0/24", "podCIDRs": ["10.2.0.0/24"]}
    assert change("Node", node, lambda new: new["spec"].update(other)) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]


def test_taints_are_unique_by_key_and_effect(create: Any) -> None:
    taint = {"key": "d", "effect": "NoExecute"}
    assert create("Node", spec={"taints": [taint, taint]}).errors == [
        'metadata.taints[1]: Duplicate value: {"Key":"d","Value":"","Effect":"NoExecute","TimeAdded":null}: '
        "taints must be unique by key and effect pair"
    ]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"spec": {"podCIDRs": ["10.0.0.0/8", "10.0.0.0/8"]}},
            'spec.podCIDRs: Invalid value: ["10.0.0.0/8","10.0.0.0/8"]: '
            "may specify no more than one CIDR for each IP family",
        ),
        (
            {"status": {"nodeInfo": {"swap": {"capacity": 0}}}},
            "metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero",
        ),
        (
            {"status": {"declaredFeatures": ["B", "A"]}},
            'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
        ),
    ],
)
def test_what_a_node_brings_along_is_checked(create: Any, fields: dict[str, Any], complaint: str) -> None:
    assert create("Node", **fields).errors == [complaint]


def claim_spec(**fields: Any) -> dict[str, Any]:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **fields}


def test_the_two_names_of_a_data_source_agree(create: Any) -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "a"}
    assert create("PersistentVolumeClaim", spec=claim_spec(dataSource=source))["spec"]["dataSourceRef"] == source
    assert create("PersistentVolumeClaim", spec=claim_spec(dataSourceRef=source))["spec"]["dataSource"] == source
    unknown = {"kind": "X", "name": "a"}
    assert "dataSource" not in create("PersistentVolumeClaim", spec=claim_spec(dataSource=unknown))["spec"]


def test_only_bound_claims_grow(create: Any, change: Any) -> None:
    claim = create("PersistentVolumeClaim", spec=claim_spec())
    bigger = {"resources": {"requests": {"storage": "2Gi"}}}
    (text,) = change("PersistentVolumeClaim", claim, lambda new: new["spec"].update(bigger))
    assert text.startswith("spec: Forbidden: spec is immutable after creation except resources.requests")
    claim = create("PersistentVolumeClaim", spec=claim_spec())
    claim["status"] = {"phase": "Bound"}
    assert change("PersistentVolumeClaim", claim, lambda new: new["spec"].update(bigger)) == []


def test_states_of_a_claims_growth_are_known_ones(create: Any, change: Any) -> None:
    claim = create("PersistentVolumeClaim", spec=claim_spec())
    states = {"allocatedResourceStatuses": {"storage": "Odd"}}
    (text,) = change("PersistentVolumeClaim", claim, lambda new: new["status"].update(states), "status")
    assert text.startswith('status.allocatedResourceStatuses: Unsupported value: "storage": supported values: ')


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "spec: Required value: must specify a volume type"),
        ({"local": {"path": "/a"}}, "spec.nodeAffinity: Required value: Local volume requires node affinity"),
        (
            {"hostPath": {"path": "/a"}, "nfs": {"server": "s", "path": "/b"}},
            "spec.nfs: Forbidden: may not specify more than 1 volume type",
        ),
        (
            {"hostPath": {"path": "/"}, "persistentVolumeReclaimPolicy": "Recycle"},
            "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
        ),
    ],
)
def test_a_volume_has_one_source(create: Any, fields: Any, complaint: str) -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **fields}
    assert create("PersistentVolume", spec=spec).errors == [complaint]


def test_a_limit_range_fills_itself_in(create: Any) -> None:
    item = {"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}
    limits = create("LimitRange", spec={"limits": [item]})
    assert limits.errors == []
    assert limits["spec"]["limits"][0]["default"] == {"cpu": "2"}
    assert limits["spec"]["limits"][0]["defaultRequest"] == {"cpu": "2", "memory": "1Mi"}


def test_a_limit_range_is_in_order(create: Any) -> None:
    item = {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "default": {"cpu": "1"}}
    errors = create("LimitRange", spec={"limits": [item]}).errors
    assert errors[0] == 'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'


def test_quota_scopes_can_be_counted(create: Any) -> None:
    spec = {"hard": {"requests.storage": "1"}, "scopes": ["BestEffort"]}
    assert create("ResourceQuota", spec=spec).errors == [
        'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'
    ]


def test_a_replication_controller_selects_what_its_template_makes(create: Any) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    controller = create("ReplicationController", spec={"template": template})
    assert controller.errors == []
    assert controller["spec"]["selector"] == controller["metadata"]["labels"] == {"a": "b"}
    controller = create("ReplicationController", spec={"template": template, "selector": {"a": "c"}})
    assert controller.errors == [
        'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'
    ]


def test_several_ports_of_endpoints_have_names(create: Any) -> None:
    subset = {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}, {"port": 53, "name": "dns"}]}
    assert create("Endpoints", subsets=[subset]).errors == ["subsets[0].ports[0].name: Required value"]


EVENT = {"metadata": {"name": "e", "namespace": "d"}, "involvedObject": {"namespace": "d"}}


def test_an_event_lies_where_its_object_is() -> None:
    assert validate_core_event(EVENT) == []
    (error,) = validate_core_event({**EVENT, "involvedObject": {"namespace": "other"}})
    assert str(error) == 'involvedObject.namespace: Invalid value: "other": does not match event.namespace'


def test_new_events_are_judged_strictly() -> None:
    fields = [error.field for error in validate_event({**EVENT, "type": "Normal", "count": 1})]
    assert fields == ["eventTime", "count"]


def test_the_source_of_a_persistent_volume_stays(create: Any, change: Any) -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/a"}}
    volume = create("PersistentVolume", spec=spec)
    (error,) = change("PersistentVolume", volume, lambda new: new["spec"].update(hostPath={"path": "/b"}))
    assert "spec.persistentvolumesource is immutable after creation" in str(error)
    assert '-  "Path": "/a",' in str(error)


@pytest.mark.parametrize(
    ("spec", "warnings"),
    [
        ({"csi": {"driver": "d", "volumeHandle": "h"}}, []),
        (
            {"persistentVolumeReclaimPolicy": "Recycle"},
            [
                "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                "Instead, the recommended approach is to use dynamic provisioning."
            ],
        ),
        ({"storageos": {}}, ["spec.storageOS: deprecated in v1.22, non-functional in v1.25+"]),
    ],
)
def test_what_volumes_are_warned_about(spec: Any, warnings: list[str]) -> None:
    assert volume_warnings({"metadata": {}, "spec": spec}) == warnings


def test_what_claims_are_warned_about() -> None:
    claim = {
        "metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "x"}},
        "spec": {"resources": {"requests": {"storage": "1500m"}, "limits": {"storage": "2"}}},
    }
    assert claim_warnings(claim) == [
        "metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; "
        'use "storageClassName" attribute instead',
        'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ]


def test_a_source_in_another_namespace_is_dropped(create: Any) -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "other"}
    claim = create("PersistentVolumeClaim", spec=claim_spec(dataSourceRef=source))
    assert "namespace" not in (claim["spec"].get("dataSourceRef") or {})


def test_the_configuration_of_kubelets_is_gone_from_nodes(create: Any, change: Any) -> None:
    node = create(
        "Node", spec={"configSource": {"configMap": {"name": "a", "namespace": "b", "kubeletConfigKey": "c"}}}
    )
    assert "configSource" not in node["spec"]
    assert change("Node", node, lambda new: new.setdefault("status", {}).update(config={"error": "x"}), "status") == []
    assert "config" not in node["status"]


def test_quota_warnings() -> None:
    strategy = resource_quota.RESOURCES[0].strategy
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "2", "limits.cpu": "1"}}}
    assert strategy.warn(quota, None) == ["ResourceQuota requests.cpu (2) should be less than limits.cpu (1)"]
    assert strategy.warn(quota, quota) == []
