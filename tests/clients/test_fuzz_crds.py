"""Broken definitions of custom kinds: refused in words, or served without ever failing on an object."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.fuzzing import examples
from clients.mutations import mutated
from clients.samples import CUSTOM, FUZZ_NAMESPACE, SAMPLES
from clients.verdict import check
from harness.cluster import eventually
from harness.wire import Wire

DEFINITION = SAMPLES["CustomResourceDefinition"]
RULES = [
    {"rule": "self.size < 10", "message": "too big"},
    {"rule": "self.size >= oldSelf.size", "messageExpression": "'was ' + string(oldSelf.size)"},
    {"rule": "self.parts.all(p, p.name != '') && has(self.mode)", "fieldPath": ".parts"},
]
SCHEMAS = st.sampled_from(
    [
        {"type": "string", "pattern": "(", "maxLength": -1},
        {"type": "string", "format": "date-time", "default": "never"},
        {"type": "integer", "multipleOf": 0, "minimum": 3, "maximum": 1, "exclusiveMinimum": True},
        {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"},
        {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["none"]},
        {"type": "object", "additionalProperties": {"type": "object", "x-kubernetes-embedded-resource": True}},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": False, "default": {"a": [1]}},
        {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
        {"not": {"required": ["x"]}, "oneOf": [{"properties": {"a": {"type": "string"}}}], "type": "object"},
        {"type": "array", "items": [{"type": "string"}], "uniqueItems": True},
        {"$ref": "#/definitions/x", "type": "nothing", "nullable": 1},
    ]
)


def definition(group: str) -> Any:
    crd = copy.deepcopy(DEFINITION.manifest)
    crd["metadata"]["name"] = f"samples.{group}"
    crd["spec"]["group"] = group
    return crd


@st.composite
def definitions(draw: st.DrawFn, group: str) -> Any:
    """The sample's definition with a strange field, a rule, and something broken."""
    crd = definition(group)
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["strange"] = draw(SCHEMAS)
    if draw(st.booleans()):
        spec["x-kubernetes-validations"] = [draw(mutated(draw(st.sampled_from(RULES)), most=1))]
    name = copy.deepcopy(crd["metadata"]), group
    if draw(st.booleans()):
        crd["spec"]["versions"] = draw(mutated(crd["spec"]["versions"]))
    else:
        crd["spec"] = draw(mutated(crd["spec"], most=1))
    crd["metadata"] = name[0]
    return crd


@examples(60)
@given(crd=definitions("dry.example.com"))
def test_broken_definitions_are_taken_or_refused(wire: Wire, live: Any, crd: Any) -> None:
    check(wire.request("POST", DEFINITION.collection(""), crd, query={"dryRun": "All"}))


@examples(60)
@given(schema=SCHEMAS, changes=st.data())
def test_strange_schemas_are_taken_or_refused(wire: Wire, live: Any, schema: Any, changes: st.DataObject) -> None:
    crd = definition("dry.example.com")
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = changes.draw(mutated(schema))
    check(wire.request("POST", DEFINITION.collection(""), crd, query={"dryRun": "All"}))


@examples(12)
@given(crd=definitions("real.example.com"), data=st.data())
def test_objects_of_whatever_was_taken(wire: Wire, live: Any, crd: Any, data: st.DataObject) -> None:
    made = wire.request("POST", DEFINITION.collection(""), crd)
    check(made)
    if made.status != 201:
        return
    try:
        version = made.json()["spec"]["versions"][0]
        path = f"/apis/real.example.com/{version['name']}"
        eventually(lambda: _settled(wire, crd), within=20, what="the definition being served or refused")
        obj = {**CUSTOM.object(), "apiVersion": f"real.example.com/{version['name']}"}
        for _ in range(4):
            body = data.draw(mutated(obj))
            for plural in ("samples", f"namespaces/{FUZZ_NAMESPACE}/samples"):
                check(wire.request("POST", f"{path}/{plural}", body, query={"dryRun": "All"}))
        for document in (f"/openapi/v3{path}", "/openapi/v2"):
            assert wire.request("GET", document).status in (200, 404)
        table = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
        check(wire.request("GET", f"{path}/samples", headers=table))
    finally:
        name = made.json()["metadata"]["name"]
        wire.request("DELETE", f"{DEFINITION.collection('')}/{name}")
        eventually(lambda: wire.request("GET", f"{DEFINITION.collection('')}/{name}").status == 404, within=20)


def _settled(wire: Wire, crd: Any) -> bool:
    """Whether the controller has told what becomes of the definition."""
    found = wire.request("GET", f"{DEFINITION.collection('')}/{crd['metadata']['name']}").json()
    conditions = {each["type"]: each["status"] for each in (found.get("status") or {}).get("conditions") or ()}
    return conditions.get("Established") == "True" or conditions.get("NamesAccepted") == "False"


@pytest.mark.parametrize("depth", [50, 95, 190, 400, 3000])
def test_schemas_that_nest_deeply_are_taken_or_refused(wire: Wire, live: Any, depth: int) -> None:
    text = b'{"type":"object","properties":{"a":' * depth + b'{"type":"string"}' + b"}}" * depth
    raw = b"""{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
        "metadata":{"name":"samples.deep.example.com"},"spec":{"group":"deep.example.com","scope":"Namespaced",
        "names":{"plural":"samples","singular":"sample","kind":"Sample"},"versions":[{"name":"v1","served":true,
        "storage":true,"schema":{"openAPIV3Schema":%b}}]}}"""
    check(wire.request("POST", DEFINITION.collection(""), raw % text, query={"dryRun": "All"}))


@pytest.mark.parametrize("depth", [50, 95, 190, 400, 3000])
@pytest.mark.parametrize("media_type", ["application/json", "application/yaml"])
def test_objects_that_nest_deeply_are_taken_or_refused(wire: Wire, live: Any, depth: int, media_type: str) -> None:
    text = b'{"a":' * depth + b"1" + b"}" * depth
    raw = (
        b'{"apiVersion":"fuzz.example.com/v1","kind":"Sample","metadata":{"name":"d"},"spec":{"size":1,"any":%b}}'
        % text
    )
    collection = CUSTOM.collection(FUZZ_NAMESPACE)
    dry = {"dryRun": "All"}
    check(wire.request("POST", collection, raw, media_type=media_type, query=dry))
    for patch_type in ("merge-patch+json", "apply-patch+yaml"):
        query = {**dry, "fieldManager": "deep"} if "apply" in patch_type else dry
        path = CUSTOM.path(FUZZ_NAMESPACE)
        check(wire.request("PATCH", path, raw, media_type=f"application/{patch_type}", query=query))
    pod = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d","annotations":%b}}' % text
    check(
        wire.request("POST", f"/api/v1/namespaces/{FUZZ_NAMESPACE}/configmaps", pod, media_type=media_type, query=dry)
    )
