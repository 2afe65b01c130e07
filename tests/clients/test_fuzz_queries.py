"""Broken parameters, headers and paths: selectors, options, continue tokens, Accept headers."""

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.fuzzing import examples
from clients.mutations import SCALARS, mutated
from clients.samples import FUZZ_NAMESPACE, SAMPLES, Sample
from clients.verdict import check
from harness.wire import Wire

_PIECES = [
    "app",
    "=",
    "==",
    "!=",
    "!",
    ",",
    "(",
    ")",
    " in ",
    " notin ",
    "web",
    ">",
    "<",
    "1",
    " ",
    "a/b",
    "\\",
    '"',
    "é",
]
_FIELDS = [
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "status.phase",
    "involvedObject.kind",
    "type",
    "x",
    "",
]
SELECTORS = st.lists(st.sampled_from(_PIECES), max_size=9).map("".join) | st.text(max_size=12)
FIELD_SELECTORS = st.lists(
    st.tuples(st.sampled_from(_FIELDS), st.sampled_from(["=", "==", "!=", ">", ""]), st.text(max_size=5)).map("".join),
    max_size=3,
).map(",".join) | st.text(max_size=12)
_NUMBERS = st.sampled_from(["0", "1", "-1", "999999999999999999999", "1.5", "x", "", " 1", "٣", "0x1"])
_TOKENS = st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode()) | st.text(max_size=10)
_LIST_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "limit": _NUMBERS,
        "continue": _TOKENS,
        "resourceVersion": _NUMBERS,
        "resourceVersionMatch": st.sampled_from(["Exact", "NotOlderThan", "", "x"]),
        "labelSelector": SELECTORS,
        "fieldSelector": FIELD_SELECTORS,
        "timeoutSeconds": _NUMBERS,
        "pretty": st.text(max_size=3),
        "sendInitialEvents": st.sampled_from(["true", "false", "x"]),
        "allowWatchBookmarks": st.sampled_from(["true", "x"]),
    },
)
_PATH_PARTS = st.sampled_from(
    ["api", "apis", "v1", "apps", "namespaces", "fuzz", "pods", "nodes", "status", "log", "proxy", "watch", ".."]
) | st.sampled_from(
    [
        ".",
        "%2f",
        "%00",
        "%zz",
        "deployments",
        "scale",
        "openapi",
        "v3",
        "fuzz.example.com",
        "samples",
        "metrics",
        "version",
        "healthz",
    ]
)
_ACCEPT = [
    "application/json;as=Table;g=meta.k8s.io;v=v1",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "*/*;q=0.1",
    "application/json;q=x;as=",
    "text/html",
    ";;,,",
]


@pytest.mark.parametrize("kind", [*SAMPLES, "Sample"])
def test_lists_with_any_options(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    @examples(12)
    @given(_LIST_OPTIONS, st.lists(st.sampled_from(_ACCEPT), max_size=3).map(",".join))
    def run(query: dict[str, str], accept: str) -> None:
        answer = wire.request(
            "GET", live[kind].collection(FUZZ_NAMESPACE), query=query, headers={"Accept": accept} if accept else {}
        )
        if answer.status == 504:  # a resourceVersion that has not happened yet
            assert b"Timeout" in answer.body
        else:
            check(answer)

    run()


@examples(150)
@given(selector=SELECTORS)
def test_label_selectors(wire: Wire, live: dict[str, Sample], selector: str) -> None:
    check(wire.request("GET", "/api/v1/configmaps", query={"labelSelector": selector}))


@examples(150)
@given(selector=FIELD_SELECTORS, kind=st.sampled_from(["Pod", "Event", "Secret", "Node", "Job", "Sample"]))
def test_field_selectors(wire: Wire, live: dict[str, Sample], selector: str, kind: str) -> None:
    check(wire.request("GET", live[kind].collection(FUZZ_NAMESPACE), query={"fieldSelector": selector}))


@examples(40)
@given(options=_LIST_OPTIONS)
def test_watches_with_any_options_end(wire: Wire, live: dict[str, Sample], options: dict[str, str]) -> None:
    query = {**options, "watch": "true", "timeoutSeconds": "1", "labelSelector": "none=here", "fieldSelector": ""}
    query.setdefault("resourceVersion", "x")  # most end at once, with an error
    answer = wire.request("GET", "/api/v1/namespaces/fuzz/configmaps", query=query)
    if answer.status >= 500:  # upstream says so too, of versions that are too new or no numbers
        status = answer.json()
        assert status.get("reason") == "Timeout" or "strconv.ParseUint" in status["message"]


@examples(80)
@given(
    options=st.dictionaries(
        st.sampled_from(["dryRun", "fieldManager", "fieldValidation", "force", "pretty"]), st.text(max_size=4)
    )
)
def test_write_options(wire: Wire, live: dict[str, Sample], options: dict[str, str]) -> None:
    body = {"metadata": {"name": "fuzz-missing", "uid": "none"}}  # never written
    path = f"{live['ConfigMap'].collection(FUZZ_NAMESPACE)}/fuzz-missing"
    check(wire.request("PUT", path, body, query=options))
    check(wire.request("PATCH", path, body, media_type="application/merge-patch+json", query=options))


@examples(150)
@given(
    parts=st.lists(_PATH_PARTS | st.text(alphabet=string.printable, max_size=4), max_size=8),
    method=st.sampled_from(["GET", "GET", "PUT", "POST", "PATCH", "OPTIONS", "HEAD", "TRACE", "FOO"]),
)
def test_paths(wire: Wire, live: dict[str, Sample], parts: list[str], method: str) -> None:
    path = "/" + "/".join(parts)
    answer = wire.request(method, path, headers={"Accept": "application/json"})
    assert answer.status != 500, answer.body


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"user": "a", "resourceAttributes": {"verb": "get"}}),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {"nonResourceAttributes": {"path": "/a", "verb": "get"}},
        ),
        ("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"namespace": "fuzz"}),
        ("/apis/authentication.k8s.io/v1/tokenreviews", {"token": "a.b.c", "audiences": ["x"]}),
        (
            "/api/v1/namespaces/fuzz/serviceaccounts/fuzz-serviceaccount/token",
            {"audiences": ["x"], "expirationSeconds": 600},
        ),
    ],
)
@examples(25)
@given(data=st.data())
def test_reviews(wire: Wire, live: dict[str, Sample], path: str, spec: Any, data: st.DataObject) -> None:
    check(wire.request("POST", path, data.draw(mutated({"spec": spec, "metadata": {}}))))


@examples(60)
@given(
    value=SCALARS,
    header=st.sampled_from(["Authorization", "Impersonate-User", "Impersonate-Group", "Content-Type", "Audit-Id"]),
)
def test_headers(wire: Wire, live: dict[str, Sample], value: Any, header: str) -> None:
    text = "".join(char for char in str(value) if char.isprintable() and ord(char) < 256)
    check(wire.request("GET", "/api/v1/namespaces/fuzz/configmaps", headers={header: text}))
