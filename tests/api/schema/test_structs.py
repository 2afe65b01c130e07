"""Objects come out of the converter as a round trip through Go's structs leaves them."""

from typing import Any

import pytest

from minik.api.schema import structs, types, values
from minik.api.schema.decode import prune
from minik.api.status import StatusError

CORE = "io.k8s.api.core.v1."


def _converted(name: str, value: Any) -> Any:
    return structs.converter(types.get(name))(value, structs.Pass())


@pytest.mark.parametrize(
    ("type_name", "given", "expected"),
    [
        # unknown fields vanish
        (CORE + "LocalObjectReference", {"name": "a", "nope": 1}, {"name": "a"}),
        # empty optional fields vanish, explicit zeros of pointers stay
        (CORE + "HostAlias", {"ip": "1.2.3.4", "hostnames": []}, {"ip": "1.2.3.4"}),
        (CORE + "PodDNSConfigOption", {"name": "", "value": ""}, {"value": ""}),
        (CORE + "VolumeMount", {"name": "v", "mountPath": "/", "readOnly": False}, {"name": "v", "mountPath": "/"}),
        (CORE + "KeyToPath", {"key": "k", "path": "p", "mode": 0}, {"key": "k", "path": "p", "mode": 0}),
        # required fields are written with their zero value, missing lists as null
        (CORE + "EnvVar", {}, {"name": ""}),
        (CORE + "Taint", {"key": "k", "effect": None}, {"key": "k", "effect": ""}),
        ("io.k8s.api.rbac.v1.PolicyRule", {}, {"verbs": None}),
        (
            "io.k8s.api.discovery.v1.EndpointSlice",
            {},
            {
                "metadata": {},
                "addressType": "",
                "endpoints": None,
                "ports": None,
            },
        ),
        # structs without a pointer are always there
        (CORE + "PodTemplateSpec", {}, {"metadata": {}, "spec": {"containers": None}}),
        (CORE + "Pod", {"status": None}, {"metadata": {}, "spec": {"containers": None}, "status": {}}),
        # times without a pointer are written as null
        (CORE + "ContainerStateRunning", {}, {"startedAt": None}),
        (CORE + "PodStatus", {"startTime": None}, {}),
        # nulls inside lists and maps are zero values
        (CORE + "ConfigMap", {"data": {"a": None}}, {"metadata": {}, "data": {"a": ""}}),
        (CORE + "HostAlias", {"ip": "i", "hostnames": [None]}, {"ip": "i", "hostnames": [""]}),
        # canonical quantities, times and base64
        (
            CORE + "ResourceRequirements",
            {"limits": {"cpu": 0.5, "memory": "1024Mi"}},
            {
                "limits": {"cpu": "500m", "memory": "1Gi"},
            },
        ),
        (
            CORE + "ContainerStateRunning",
            {"startedAt": "2026-01-02T03:04:05.6+01:00"},
            {
                "startedAt": "2026-01-02T02:04:05Z",
            },
        ),
        (CORE + "Secret", {"data": {"a": "YWJj\n", "b": ""}}, {"metadata": {}, "data": {"a": "YWJj", "b": ""}}),
        # int-or-string, with its zero where Go has no pointer
        (CORE + "ServicePort", {"port": 80}, {"port": 80, "targetPort": 0}),
        (CORE + "TCPSocketAction", {"port": "http"}, {"port": "http"}),
    ],
)
def test_round_trip(type_name: str, given: Any, expected: Any) -> None:
    assert _converted(type_name, given) == expected


def test_free_json_is_left_alone() -> None:
    revision = {"metadata": {}, "revision": 1, "data": {"spec": {"a": [1, "two", None], "empty": {}}}}
    assert _converted("io.k8s.api.apps.v1.ControllerRevision", revision) == revision


def test_schema_or_something_types_of_custom_resource_definitions() -> None:
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string", "nope": 1}},
            "b": {"type": "object", "additionalProperties": False},
            "c": {"type": "number", "maximum": 1.0, "minLength": 0, "nullable": False},
        },
    }
    assert _converted(name, schema) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string"}},
            "b": {"type": "object", "additionalProperties": False},
            "c": {"type": "number", "maximum": 1, "minLength": 0},
        },
    }


def test_the_argument_is_not_changed_and_shares_nothing_that_is_a_struct() -> None:
    given = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}
    result = _converted(CORE + "Pod", given)
    result["spec"]["containers"][0]["name"] = "changed"
    result["metadata"]["labels"] = {}
    assert given == {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}}


@pytest.mark.parametrize(
    ("type_name", "given", "message"),
    [
        (
            CORE + "ConfigMap",
            {"metadata": {"name": 5}},
            "number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (CORE + "ConfigMap", {"data": {"a": True}}, "bool into Go struct field ConfigMap.data of type string"),
        (CORE + "ConfigMap", {"data": []}, "array into Go struct field ConfigMap.data of type map[string]string"),
        (CORE + "Pod", {"spec": "x"}, "string into Go struct field Pod.spec of type v1.PodSpec"),
        (
            CORE + "Pod",
            {"spec": {"containers": {}}},
            "object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (CORE + "PodSpec", {"priority": 1.5}, "number 1.5 into Go struct field PodSpec.priority of type int32"),
        (
            CORE + "PodSpec",
            {"priority": 1 << 31},
            "number 2147483648 into Go struct field PodSpec.priority of type int32",
        ),
        (CORE + "PodSpec", {"hostNetwork": "yes"}, "string into Go struct field PodSpec.hostNetwork of type bool"),
        (CORE + "ServicePort", {"targetPort": True}, "bool into Go struct field ServicePort.targetPort of type int32"),
    ],
)
def test_values_of_the_wrong_type(type_name: str, given: Any, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        prune(given, types.get(type_name))
    assert caught.value.message == f"json: cannot unmarshal {message}"


@pytest.mark.parametrize(
    ("text", "offset"), [("%%", 0), ("ab%d", 2), ("YWJ", 3), ("YW=J", 3), ("YQ==YQ==", 4), ("a", 0), ("====", 0)]
)
def test_malformed_base64_names_the_byte(text: str, offset: int) -> None:
    with pytest.raises(values.BadValue, match=f"illegal base64 data at input byte {offset}$"):
        _converted(CORE + "Secret", {"data": {"a": text}})


@pytest.mark.parametrize(
    ("type_name", "given", "field", "go_type"),
    [
        (CORE + "PodSpec", {"restartPolicy": 1}, "PodSpec.restartPolicy", "v1.RestartPolicy"),
        (CORE + "ObjectReference", {"uid": 1}, "ObjectReference.uid", "types.UID"),
        (CORE + "Capabilities", {"add": "X"}, "Capabilities.add", "[]v1.Capability"),
        (CORE + "Capabilities", {"add": [1]}, "Capabilities.add", "v1.Capability"),
        ("io.k8s.api.networking.v1.IngressPortStatus", {"protocol": 1}, "IngressPortStatus.protocol", "v1.Protocol"),
        ("io.k8s.api.autoscaling.v2.MetricTarget", {"type": 1}, "MetricTarget.type", "v2.MetricTargetType"),
        ("io.k8s.api.authentication.v1.UserInfo", {"extra": 1}, "UserInfo.extra", "map[string]v1.ExtraValue"),
        ("io.k8s.api.authentication.v1.UserInfo", {"extra": {"a": 1}}, "UserInfo.extra", "v1.ExtraValue"),
        ("io.k8s.api.authentication.v1.UserInfo", {"extra": {"a": [1]}}, "UserInfo.extra", "string"),
        (CORE + "ServicePort", {"protocol": {}}, "ServicePort.protocol", "v1.Protocol"),
        (CORE + "EnvVar", {"name": 1}, "EnvVar.name", "string"),
    ],
)
def test_type_errors_tell_the_name_of_the_go_type(type_name: str, given: Any, field: str, go_type: str) -> None:
    with pytest.raises(values.TypeMismatch) as caught:
        _converted(type_name, given)
    assert str(caught.value).endswith(f" into Go struct field {field} of type {go_type}")
