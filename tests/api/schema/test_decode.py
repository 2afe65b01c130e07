"""Request bodies: what is accepted, what is warned about, what is refused and in which words."""

import json
from typing import Any

import pytest

from minik.api.schema import decode, types
from minik.api.status import StatusError

CONFIG_MAP = types.get("io.k8s.api.core.v1.ConfigMap")
POD = types.get("io.k8s.api.core.v1.Pod")
HPA = types.get("io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler")


def _refused(
    raw: bytes | dict[str, Any], shape: Any = CONFIG_MAP, media_type: str = "application/json", **more: str
) -> str:
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    with pytest.raises(StatusError) as caught:
        decode.decode_body(body, media_type, shape, **more)
    assert caught.value.code == 400
    return caught.value.message


def test_kind_and_version_come_first_and_are_filled_in() -> None:
    obj, warnings = decode.decode_body(b'{"data":{"a":"b"},"metadata":{"name":"c"}}', "application/json", CONFIG_MAP)
    assert list(obj.items())[:2] == [("kind", "ConfigMap"), ("apiVersion", "v1")]
    assert obj == {"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}, "metadata": {"name": "c"}}
    assert warnings == []


def test_json_is_assumed_and_parameters_of_the_media_type_are_ignored() -> None:
    for media_type in ("", "application/json; charset=utf-8"):
        decode.decode_body(b'{"metadata":{"name":"c"}}', media_type, CONFIG_MAP)


def test_unknown_media_type() -> None:
    with pytest.raises(StatusError) as caught:
        decode.decode_body(b"{}", "text/plain", CONFIG_MAP)
    assert caught.value.code == 415


UNKNOWN = {
    "metadata": {"name": "p", "nope": 1},
    "spec": {"containers": [{"name": "c", "ports": [{"containerport": 80, "containerPort": 80}]}], "foo": {}},
}
COMPLAINTS = [
    'unknown field "metadata.nope"',
    'unknown field "spec.containers[0].ports[0].containerport"',
    'unknown field "spec.foo"',
]


def test_unknown_fields_are_dropped_with_warnings() -> None:
    obj, warnings = decode.decode_body(json.dumps(UNKNOWN).encode(), "application/json", POD)
    assert warnings == COMPLAINTS
    assert obj["spec"]["containers"][0]["ports"] == [{"containerPort": 80}]


def test_unknown_fields_are_dropped_silently() -> None:
    _, warnings = decode.decode_body(json.dumps(UNKNOWN).encode(), "application/json", POD, field_validation="Ignore")
    assert warnings == []


def test_unknown_fields_are_refused() -> None:
    expected = f'Pod in version "v1" cannot be handled as a Pod: strict decoding error: {", ".join(COMPLAINTS)}'
    assert _refused(UNKNOWN, POD, field_validation="Strict") == expected


@pytest.mark.parametrize("space", ["", " ", "\t"])
def test_repeated_fields_are_found_in_the_order_of_the_text(space: str) -> None:
    text = '{"metadata":{"name":"c","name":"d"},"data":{"a":"b","a":"c"},"data2":1}'.replace(":", space + ":")
    obj, warnings = decode.decode_body(text.encode(), "application/json", CONFIG_MAP)
    assert obj["metadata"] == {"name": "d"}
    expected = ['duplicate field "metadata.name"', 'duplicate field "data.a"', 'unknown field "data2"']
    assert warnings == expected if space != "\t" else set(warnings) <= set(expected)


def test_strings_that_look_like_keys_are_no_repeated_fields() -> None:
    data = {"a": '{"x":1,"x":2}', "b\\": "c", 'd"': '":', "e": "\\"}
    obj, warnings = decode.decode_body(json.dumps({"data": data}).encode(), "application/json", CONFIG_MAP)
    assert (obj["data"], warnings) == (data, [])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"apiVersion": "a/b/c", "kind": "ConfigMap"},
            "the object provided is unrecognized (must be of type ConfigMap): "
            'unexpected GroupVersion string: a/b/c ({"apiVersion": "a/b/c", "kind" ...)',
        ),
        (
            {"apiVersion": "v1", "kind": "Nope"},
            'Nope in version "v1" cannot be handled as a ConfigMap: no kind "Nope" is registered for version "v1" '
            'in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
        (
            {"apiVersion": "v1", "kind": "ConfigMapList", "items": []},
            'ConfigMapList in version "v1" cannot be handled as a ConfigMap: '
            "converting (v1.ConfigMapList) to (core.ConfigMap): unknown conversion",
        ),
        (
            {"metadata": {"creationTimestamp": "yesterday"}},
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: parsing time "yesterday" as '
            '"2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
        ),
        (
            b"[1]",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse "
            "error: json: cannot unmarshal array into Go value of type struct { APIVersion string "
            '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b315d)',
        ),
        (
            b"",
            "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
            "json parse error: unexpected end of JSON input (<empty>)",
        ),
    ],
)
def test_bodies_that_are_no_config_map(body: bytes | dict[str, Any], message: str) -> None:
    assert _refused(body) == message


def test_another_version_of_the_same_kind() -> None:
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}}
    expected = "the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)"
    assert _refused(body, HPA) == expected


def test_yaml_body() -> None:
    raw = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: b\n"
    obj, _ = decode.decode_body(raw, "application/yaml", CONFIG_MAP)
    assert obj["data"] == {"a": "b"}


def test_yaml_with_repeated_keys() -> None:
    raw = b"metadata:\n  name: c\ndata:\n  a: b\n  a: c\n"
    expected = 'strict decoding error: yaml: unmarshal errors:\n  line 5: key "a" already set in map'
    assert _refused(raw, media_type="application/yaml", field_validation="Strict").endswith(expected)


def test_malformed_yaml() -> None:
    expected = (
        "the object provided is unrecognized (must be of type ConfigMap): "
        "yaml: line 1: did not find expected ',' or ']' (613a205b620a)"
    )
    assert _refused(b"a: [b\n", media_type="application/yaml") == expected
