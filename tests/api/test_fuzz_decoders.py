"""Whatever bytes come: decoders answer with a value or with their own error, never with another."""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minik.api import selectors
from minik.api.codec import json_codec, protobuf, yaml_codec
from minik.api.patch import json_patch, merge_patch, strategic_merge
from minik.api.schema import decode, types
from minik.api.status import StatusError

POD = types.get("io.k8s.api.core.v1.Pod")
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "spec", "containers", "name", "$patch", "$retainKeys", "labels"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from(["metadata", "spec", "status", "kind"]), VALUES, max_size=3)
# Pieces of YAML that mean something, so that random text gets further than its first character.
YAML = st.lists(
    st.sampled_from(
        ["a", ": ", "- ", "\n", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "<<", "!!binary ", "!!str ", "|", ">"]
    )
    | st.sampled_from(
        ["'", '"', "? ", "---\n", "...\n", "#", "%", "@", "0x", "1e9", ".inf", "~", "\t", "é", "\x00", "true"]
    )
    | st.text(max_size=2),
    max_size=25,
).map("".join)
UNHURRIED = settings(deadline=None)


@UNHURRIED
@given(YAML.map(str.encode) | st.binary(max_size=30))
def test_yaml(raw: bytes) -> None:
    with contextlib.suppress(yaml_codec.YAMLError):
        yaml_codec.loads(raw)


@UNHURRIED
@given(st.binary(max_size=30) | st.text(alphabet='{}[]":,0123456789.eE-+truefalsn\\u ', max_size=30).map(str.encode))
def test_json(raw: bytes) -> None:
    with contextlib.suppress(json_codec.JSONError):
        json_codec.loads(raw)


@UNHURRIED
@given(st.binary(max_size=80))
def test_protobuf(raw: bytes) -> None:
    with contextlib.suppress(protobuf.ProtobufError):
        protobuf.envelope(protobuf.MAGIC + raw)
    with contextlib.suppress(protobuf.ProtobufError):
        protobuf.decode(raw, POD)


@UNHURRIED
@given(OBJECTS, st.sampled_from(["Strict", "Warn", "Ignore"]))
def test_values_of_the_wrong_type(obj: Any, validation: str) -> None:
    raw = json_codec.dumps({"apiVersion": "v1", "kind": "Pod", **obj})
    with contextlib.suppress(StatusError):
        decode.decode_body(raw, "application/json", POD, field_validation=validation)


@UNHURRIED
@given(OBJECTS, VALUES)
def test_patches(obj: Any, patch: Any) -> None:
    with contextlib.suppress(StatusError):
        merge_patch.check(patch)
        merge_patch.apply(obj, patch)
    with contextlib.suppress(StatusError):
        json_patch.check(patch)
        json_patch.apply(obj, patch)
    with contextlib.suppress(StatusError):
        strategic_merge.apply(obj, patch, POD)


@UNHURRIED
@given(st.text(alphabet="ab/=!,() <>in.1", max_size=14) | st.text(max_size=8))
def test_selectors_read_back_as_they_print(text: str) -> None:
    try:
        selector = selectors.parse_labels(text)
    except StatusError:
        return
    assert selectors.parse_labels(str(selector)) == selector
    selector.matches({"a": "1", "b": ""})
