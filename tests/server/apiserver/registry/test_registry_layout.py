"""Stored values and what is made of them without decoding."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api.scheme import Resource
from minik.server.apiserver.registry.layout import Layout
from minik.store.store import KeyValue

KIND = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", singular="configmap", type_name="io.k8s.x"
)
text = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=10,
)


def stored(layout: Layout, obj: dict[str, object], revision: int = 7) -> KeyValue:
    return KeyValue(b"/k", layout.encode(obj), revision, revision, 1)


@given(
    content=st.dictionaries(text.filter(lambda key: key not in ("kind", "apiVersion", "metadata")), values),
    labels=st.dictionaries(text, text),
    revision=st.integers(1, 2**62),
)
def test_every_form_says_the_same(content: dict[str, object], labels: dict[str, str], revision: int) -> None:
    layout = Layout(KIND)
    obj = {"metadata": {"name": "a", "labels": labels, "resourceVersion": "old"}, **content}
    kv = stored(layout, obj, revision)
    whole = orjson.loads(layout.whole(kv))
    metadata = {"name": "a", "labels": labels, "resourceVersion": str(revision)}
    assert whole == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, **content}
    assert layout.decode(kv) == whole
    assert orjson.loads(layout.item(kv)) == {"metadata": metadata, **content}
    assert orjson.loads(layout.line("ADDED", kv)) == {"type": "ADDED", "object": whole}


def test_values_hold_no_version() -> None:
    value = Layout(KIND).encode({"metadata": {"name": "a", "resourceVersion": "9"}})
    assert value == b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}'


def test_readers_share_what_was_decoded() -> None:
    layout = Layout(KIND)
    kv = stored(layout, {"metadata": {"name": "a"}})
    assert layout.decode(kv) is layout.decode(kv)
    assert layout.fresh(kv) is not layout.decode(kv)


@pytest.mark.parametrize("custom", [False, True])
def test_only_items_of_built_in_lists_leave_out_their_type(custom: bool) -> None:
    kind = Resource(group="g", version="v1", kind="K", plural="ks", singular="k", type_name="t", custom=custom)
    layout = Layout(kind)
    item = orjson.loads(layout.item(stored(layout, {"metadata": {"name": "a"}})))
    assert ("kind" in item) is custom
