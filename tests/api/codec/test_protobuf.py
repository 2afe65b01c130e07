"""Protobuf messages carry what the JSON objects say, under upstream's field numbers."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api.codec import protobuf, protobuf_encode
from minik.api.schema import decode, structs, types
from minik.api.status import StatusError

POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "p",
        "labels": {"b": "2", "a": "1"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "resources": {"limits": {"cpu": "500m"}},
                "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 5},
                "securityContext": {"runAsUser": 0, "privileged": False},
            }
        ],
        "ephemeralContainers": [{"name": "e", "image": "x:1", "resources": {}, "targetContainerName": "c"}],
        "securityContext": {"supplementalGroups": [1, 300]},
        "volumes": [{"name": "v", "configMap": {"name": "cm", "optional": True}}],
        "priority": -5,
    },
    "status": {},
}


def _round_trip(obj: dict[str, Any], type_name: str) -> dict[str, Any]:
    shape = types.get(type_name)
    api_version, kind, message = protobuf.envelope(protobuf_encode.encode(obj, shape))
    sent = protobuf.decode(message, shape)
    back: dict[str, Any] = structs.converter(shape)(sent, structs.Pass())
    return {"kind": kind, "apiVersion": api_version, **back}


def test_definitions_and_their_schemas_survive_the_round_trip() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string", "default": "x"}, "maxItems": 0},
            "b": {"type": "object", "additionalProperties": {"type": "integer", "enum": [1, 2]}},
            "c": {"type": "object", "additionalProperties": True, "x-kubernetes-preserve-unknown-fields": True},
            "d": {"type": "object", "additionalProperties": False, "dependencies": {"p": ["q"]}},
        },
        "x-kubernetes-validations": [{"rule": "true", "optionalOldSelf": False}],
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    obj = {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
        "metadata": {"name": "as.b.c"},
        "spec": {"group": "b.c", "names": {"kind": "A", "plural": "as"}, "scope": "Cluster", "versions": [version]},
        "status": {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": None},
    }
    back = _round_trip(obj, "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition")
    assert back["spec"] == obj["spec"]


def test_a_pod_survives_the_round_trip() -> None:
    name = "io.k8s.api.core.v1.Pod"
    expected = structs.converter(types.get(name))(POD, structs.Pass())
    assert _round_trip(POD, name) == expected


@pytest.mark.parametrize(
    ("type_name", "obj"),
    [
        ("io.k8s.api.core.v1.Secret", {"data": {"a": "AAEC", "e": ""}, "immutable": False}),
        ("io.k8s.api.coordination.v1.Lease", {"spec": {"renewTime": "2026-01-02T03:04:05.000012Z"}}),
        ("io.k8s.api.coordination.v1.Lease", {"spec": {"renewTime": "0001-01-01T00:00:02.000000Z"}}),
        ("io.k8s.api.authentication.v1.TokenReview", {"status": {"user": {"extra": {"k": ["a", "b"]}}}}),
        ("io.k8s.api.apps.v1.ControllerRevision", {"data": {"spec": [1, None, {"x": "y"}]}, "revision": 1 << 40}),
        ("io.k8s.api.core.v1.Namespace", {"status": {"conditions": [{"type": "A", "status": "B"}]}}),
    ],
)
def test_special_types_survive_the_round_trip(type_name: str, obj: dict[str, Any]) -> None:
    shape = types.get(type_name)
    full = {"kind": shape.go_name, "apiVersion": "x/v1", **structs.converter(shape)(obj, structs.Pass())}
    assert _round_trip(full, type_name) == full


def test_bytes_of_a_small_object() -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"k": "v"}}
    raw = protobuf_encode.encode(obj, types.get("io.k8s.api.core.v1.ConfigMap"))
    assert raw == (
        b"k8s\x00"
        b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"  # type meta
        b"\x12\x0d\x0a\x03\x0a\x01a\x12\x06\x0a\x01k\x12\x01v"  # metadata 1 {name 1}, data 2 {key 1, value 2}
        b"\x1a\x00\x22\x00"
    )


def test_embedded_structs_are_messages_of_their_own() -> None:
    shape = types.get("io.k8s.api.core.v1.Probe")
    message = protobuf_encode.encode_message({"httpGet": {"port": 80}, "periodSeconds": 5}, shape)
    assert message == b"\x20\x05\x0a\x0a\x12\x08\x12\x06\x08\x00\x10\x50\x1a\x00"  # 4: 5, 1: {2: {2: int or string}}


def test_watch_frames_start_with_their_length() -> None:
    frame = protobuf_encode.watch_frame("ADDED", b"k8s\x00...")
    assert int.from_bytes(frame[:4]) == len(frame) - 4
    assert frame[4:] == b"\x0a\x05ADDED\x12\x09\x0a\x07k8s\x00..."


def test_metadata_only_objects_have_a_shape() -> None:
    obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "x"}}
    listed = {
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "5"},
        "items": [obj],
    }
    raw = protobuf_encode.encode(listed, protobuf_encode.PARTIAL_OBJECT_METADATA_LIST)
    _, kind, message = protobuf.envelope(raw)
    assert kind == "PartialObjectMetadataList"
    decoded = protobuf.decode(message, protobuf_encode.PARTIAL_OBJECT_METADATA_LIST)
    assert decoded["items"] == [{"metadata": {"name": "x"}}]


def test_request_body() -> None:
    shape = types.get("io.k8s.api.core.v1.Pod")
    obj, warnings = decode.decode_body(protobuf_encode.encode(POD, shape), protobuf_encode.MEDIA_TYPE, shape)
    assert obj["spec"]["containers"][0]["securityContext"] == {"runAsUser": 0, "privileged": False}
    assert warnings == []


def test_request_body_of_another_kind() -> None:
    raw = protobuf_encode.encode({"kind": "Secret", "apiVersion": "v1"}, types.get("io.k8s.api.core.v1.Secret"))
    with pytest.raises(StatusError) as caught:
        decode.decode_body(raw, protobuf_encode.MEDIA_TYPE, types.get("io.k8s.api.core.v1.Pod"))
    expected = (
        'Secret in version "v1" cannot be handled as a Pod: converting (v1.Secret) to (core.Pod): unknown conversion'
    )
    assert caught.value.message == expected


_parts = [b"\x0a\x02v1", b"\x12\x09ConfigMap", b"\x12\x04\x12\x02\x0a\x00"]
_pieces = st.binary(max_size=8) | st.sampled_from(_parts)


@given(st.lists(_pieces, max_size=6).map(b"".join), st.booleans())
def test_garbage_is_refused_and_nothing_worse(garbage: bytes, is_message: bool) -> None:
    shape = types.get("io.k8s.api.core.v1.Pod")
    body = b"k8s\x00" + (protobuf_encode.delimited(2, garbage) if is_message else garbage)
    with contextlib.suppress(StatusError):
        decode.decode_body(body, protobuf_encode.MEDIA_TYPE, shape)


def test_a_varint_where_a_message_belongs_is_refused() -> None:
    for raw in (b"k8s\x00\x10\xff\xff\xff\xff\x7f", b"k8s\x00\x08\x00", b"\x0a\x00"):
        with pytest.raises(protobuf.ProtobufError):
            protobuf.envelope(raw)
