"""Broken bodies in every encoding, against real kinds. Everything is a dry run, so one example cannot spoil another."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clients.fuzzing import examples
from clients.mutations import VALUES, damaged, mutated
from clients.samples import FUZZ_NAMESPACE, SAMPLES, Sample
from clients.verdict import check
from harness.wire import Wire

PROTOBUF = "application/vnd.kubernetes.protobuf"
DRY_RUN = {"dryRun": "All"}
KINDS = [*SAMPLES, "Sample"]


@pytest.mark.parametrize("kind", KINDS)
def test_objects_with_something_broken_are_taken_or_refused(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    sample = live[kind]
    original = sample.object()
    original["metadata"]["name"] = "other"

    @examples(12)
    @given(mutated(original), st.sampled_from(["", "Strict", "Ignore"]))
    def run(obj: Any, validation: str) -> None:
        query = {**DRY_RUN, "fieldValidation": validation}
        check(wire.request("POST", sample.collection(FUZZ_NAMESPACE), obj, query=query))

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_replacements_with_something_broken_are_taken_or_refused(
    wire: Wire, live: dict[str, Sample], kind: str
) -> None:
    sample = live[kind]
    present = wire.request("GET", sample.path(FUZZ_NAMESPACE)).json()
    present["metadata"].pop("resourceVersion")

    @examples(8)
    @given(mutated(present), st.sampled_from(["", "", "/status"]))
    def run(obj: Any, subresource: str) -> None:
        check(wire.request("PUT", sample.path(FUZZ_NAMESPACE) + subresource, obj, query=DRY_RUN))

    run()


@examples(150)
@given(st.data())
def test_damaged_json_is_taken_or_refused(wire: Wire, live: dict[str, Sample], data: st.DataObject) -> None:
    sample = live[data.draw(st.sampled_from(KINDS))]
    raw = data.draw(damaged(json.dumps(sample.object()).encode()))
    check(wire.request("POST", sample.collection(FUZZ_NAMESPACE), raw, query=DRY_RUN))


@examples(150)
@given(st.data())
def test_damaged_yaml_is_taken_or_refused(wire: Wire, live: dict[str, Sample], data: st.DataObject) -> None:
    sample = live[data.draw(st.sampled_from(KINDS))]
    raw = data.draw(damaged(yaml.safe_dump(sample.object()).encode()))
    path = sample.collection(FUZZ_NAMESPACE)
    check(wire.request("POST", path, raw, media_type="application/yaml", query=DRY_RUN))


@examples(200)
@given(st.data())
def test_damaged_protobuf_is_taken_or_refused(wire: Wire, live: dict[str, Sample], data: st.DataObject) -> None:
    sample = live[data.draw(st.sampled_from(list(SAMPLES)))]
    present = wire.request("GET", sample.path(FUZZ_NAMESPACE), headers={"Accept": PROTOBUF})
    assert present.headers["Content-Type"] == PROTOBUF
    raw = data.draw(damaged(present.body))
    check(wire.request("PUT", sample.path(FUZZ_NAMESPACE), raw, media_type=PROTOBUF, query=DRY_RUN))


@pytest.mark.parametrize("media_type", ["application/json", "application/yaml", PROTOBUF])
@examples(60)
@given(raw=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_bodies_that_are_no_objects_are_refused(
    wire: Wire, live: dict[str, Sample], media_type: str, raw: bytes
) -> None:
    path = live["ConfigMap"].collection(FUZZ_NAMESPACE)
    answer = wire.request("POST", path, raw, media_type=media_type, query=DRY_RUN)
    check(answer)
    assert answer.status >= 400


@pytest.mark.parametrize(
    ("media_type", "raw"),
    [
        ("application/json", b'{"a":' * 20_000),
        ("application/json", b'{"a":' * 20_000 + b"1" + b"}" * 20_000),
        ("application/json", b"[" * 100_000),
        ("application/json", b'{"metadata":{"name":"\\ud800"}}'),
        ("application/json", b'{"metadata":{"name":"a"},"data":{"a":' + b"9" * 5000 + b"}}"),
        ("application/yaml", b"[" * 20_000),
        ("application/yaml", b"- " * 5_000 + b"a"),
        ("application/yaml", b"a: &a [*a]"),
        ("application/yaml", b"<<: 3\nkind: ConfigMap"),
        ("application/yaml", b"<<: [1, a]\nkind: ConfigMap"),
        ("application/yaml", b"kind: !!binary ="),
        ("application/yaml", b"kind: .inf\n? [a]\n: b"),
        ("application/yaml", b"kind: " + b"9" * 5000),
        (
            "application/yaml",
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)),
        ),
        (PROTOBUF, b"k8s\x00" + b"\x0b" * 5_000),
        (PROTOBUF, b"k8s\x00" + b"\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
        ("text/plain", b"{}"),
        ("", b"{}"),
        ("application/json; charset=\xff", b"{}"),
    ],
)
def test_bodies_made_to_hurt_are_refused(wire: Wire, live: dict[str, Sample], media_type: str, raw: bytes) -> None:
    for method, path in (
        ("POST", live["ConfigMap"].collection(FUZZ_NAMESPACE)),
        ("PUT", live["ConfigMap"].path(FUZZ_NAMESPACE)),
        ("POST", live["Sample"].collection(FUZZ_NAMESPACE)),
    ):
        answer = wire.request(method, path, raw, media_type=media_type, query=DRY_RUN)
        check(answer)
        assert answer.status >= 400


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, gzip"])
def test_bodies_that_are_not_compressed_as_said_are_refused(wire: Wire, live: dict[str, Sample], encoding: str) -> None:
    path = live["ConfigMap"].collection(FUZZ_NAMESPACE)
    answer = wire.request("POST", path, b"no such thing", query=DRY_RUN, headers={"Content-Encoding": encoding})
    check(answer)
    assert answer.status >= 400


@pytest.mark.parametrize("kind", ["ConfigMap", "Sample"])
@examples(40)
@given(data=st.data())
def test_delete_options_of_any_kind_are_taken_or_refused(
    wire: Wire, live: dict[str, Sample], kind: str, data: st.DataObject
) -> None:
    options = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 3,
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "a", "resourceVersion": "3"},
        "dryRun": ["All"],
    }
    body = data.draw(mutated(options))
    doomed = live[kind].object()
    doomed["metadata"] = {"name": "doomed", "labels": {"doomed": "yes"}}
    check(wire.request("POST", live[kind].collection(FUZZ_NAMESPACE), doomed))
    collection = live[kind].collection(FUZZ_NAMESPACE)
    if data.draw(st.booleans()):
        check(wire.request("DELETE", f"{collection}/doomed", body))
    else:
        check(wire.request("DELETE", collection, body, query={"labelSelector": "doomed=yes"}))
