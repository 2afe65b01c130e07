"""The published OpenAPI documents hold what kubectl looks for."""

from dataclasses import replace

import orjson
import pytest

from minik.api.openapi import operations, v2, v2_protobuf, v3
from minik.api.schema import structural
from minik.api.schema.types import GroupVersionKind
from minik.api.scheme import Resource, Scheme, Subresource
from minik.api.types import Obj

DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    singular="deployment",
    type_name="io.k8s.api.apps.v1.Deployment",
    subresources=(
        Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
        Subresource(name="status", kind="Deployment"),
    ),
)
SCHEMA: Obj = {"type": "object", "properties": {"spec": {"type": "object", "nullable": True}}}
KIND = GroupVersionKind("shop.example.com", "v1", "Widget")
WIDGETS = Resource(
    group="shop.example.com",
    version="v1",
    kind="Widget",
    plural="widgets",
    singular="widget",
    type_name="",
    namespaced=False,
    custom=True,
    shape=structural.shape(SCHEMA, KIND),
)
SCHEME = Scheme([DEPLOYMENTS, WIDGETS])


def _document(group: str, version: str) -> Obj:
    raw = v3.document(SCHEME, group, version)
    assert raw is not None
    document: Obj = orjson.loads(raw)
    return document


@pytest.mark.parametrize(
    ("group", "title"),
    [("", "Core"), ("apps", "Apps"), ("rbac.authorization.k8s.io", "RbacAuthorization"), ("a.b-c.io", "ABCIo")],
)
def test_titles_of_groups(group: str, title: str) -> None:
    assert operations.title(group) == title


def test_operations_have_the_names_generated_clients_know() -> None:
    paths = _document("apps", "v1")["paths"]
    item = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    assert item["get"]["operationId"] == "readAppsV1NamespacedDeployment"
    scale = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]
    assert scale["put"]["operationId"] == "replaceAppsV1NamespacedDeploymentScale"
    assert scale["get"]["x-kubernetes-group-version-kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    everywhere = paths["/apis/apps/v1/deployments"]["get"]
    assert everywhere["operationId"] == "listAppsV1DeploymentForAllNamespaces"


def test_patch_tells_kubectl_that_the_server_validates_fields() -> None:
    item = _document("apps", "v1")["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    names = {parameter["name"] for parameter in item["patch"]["parameters"]}
    assert {"dryRun", "fieldValidation", "fieldManager", "force"} <= names
    assert "application/apply-patch+yaml" in item["patch"]["requestBody"]["content"]


def test_every_reference_is_to_a_schema_in_the_document() -> None:
    document = _document("apps", "v1")
    schemas = document["components"]["schemas"]
    for part in orjson.dumps(document).decode().split('"$ref":"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in schemas


def test_schemas_say_how_fields_merge_and_what_they_are_for() -> None:
    containers = _document("apps", "v1")["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"][
        "containers"
    ]
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    assert containers["description"].startswith("List of containers belonging to the pod.")


def test_custom_resources_are_described_by_their_definition() -> None:
    document = _document("shop.example.com", "v1")
    widget = document["components"]["schemas"]["com.example.shop.v1.Widget"]
    assert widget["properties"]["spec"] == {"type": "object", "nullable": True}
    assert set(widget["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    kind = {"group": "shop.example.com", "version": "v1", "kind": "Widget"}
    assert widget["x-kubernetes-group-version-kind"] == [kind]


def _swagger(schema: Obj) -> Obj:
    definitions = v2.build(Scheme([replace(WIDGETS, shape=structural.shape(schema, KIND))]))["definitions"]
    widget: Obj = definitions["com.example.shop.v1.Widget"]
    return widget


def test_swagger_names_no_field_where_others_are_taken() -> None:
    loose: Obj = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"a": {"type": "string"}},
    }
    assert set(_swagger(loose)) == {"type", "x-kubernetes-group-version-kind"}
    inside = _swagger({"type": "object", "properties": {"spec": loose}})["properties"]
    assert inside["spec"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert inside["apiVersion"]["description"].startswith("APIVersion defines the versioned schema")


def test_embedded_objects_have_a_type_and_metadata() -> None:
    embedded: Obj = {"type": "object", "x-kubernetes-embedded-resource": True, "required": ["kind"]}
    spec = _swagger({"type": "object", "properties": {"spec": embedded}})["properties"]["spec"]
    assert set(spec["properties"]) == {"apiVersion", "kind", "metadata"}
    assert spec["required"] == ["kind", "apiVersion"]


def test_every_version_has_a_fingerprint_of_its_own() -> None:
    renamed = Scheme([replace(WIDGETS, version="v2")])
    before = v3.fingerprint(SCHEME, "shop.example.com", "v1")
    assert v3.fingerprint(renamed, "shop.example.com", "v2") != before


def test_the_index_changes_only_with_what_is_served() -> None:
    before = v3.index(SCHEME)["paths"]
    assert before == v3.index(SCHEME)["paths"]
    changed = replace(WIDGETS, shape=structural.shape({**SCHEMA, "description": "new"}, KIND))
    after = v3.index(Scheme([DEPLOYMENTS, changed]))["paths"]
    assert before["apis/shop.example.com/v1"] != after["apis/shop.example.com/v1"]
    assert before["apis/apps/v1"]["serverRelativeURL"].startswith("/openapi/v3/apis/apps/v1?hash=")


def test_no_document_where_nothing_is_served() -> None:
    assert v3.document(SCHEME, "batch", "v1") is None


def test_swagger_refers_without_wrapping_and_drops_what_it_cannot_say() -> None:
    definitions = v2.build(SCHEME)["definitions"]
    metadata = definitions["io.k8s.api.apps.v1.Deployment"]["properties"]["metadata"]
    assert metadata["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"
    assert definitions["com.example.shop.v1.Widget"]["properties"]["spec"] == {}


def test_swagger_as_protobuf_names_every_definition() -> None:
    raw = v2_protobuf.document(SCHEME)
    assert raw.startswith(b"\x0a\x032.0")
    assert b"\x0a\x1dio.k8s.api.apps.v1.Deployment" in raw


def test_fields_that_select_are_told_and_integers_or_strings_spelt_out() -> None:
    either = [{"type": "integer"}, {"type": "string"}]
    parts: Obj = {"a": {"x-kubernetes-int-or-string": True}, "b": {"type": "string", "default": "x"}}
    schema: Obj = {"type": "object", "properties": {"spec": {"type": "object", "properties": parts}}}
    changed = replace(WIDGETS, shape=structural.shape(schema, KIND), selectable_fields={"spec.b": str})
    raw = v3.document(Scheme([changed]), "shop.example.com", "v1")
    assert raw is not None
    schemas = orjson.loads(raw)["components"]["schemas"]
    widget = schemas["com.example.shop.v1.Widget"]
    spec = widget["properties"]["spec"]["properties"]
    assert spec == {"a": {"x-kubernetes-int-or-string": True, "anyOf": either}, "b": parts["b"]}
    for name in ("Widget", "WidgetList"):
        told = schemas[f"com.example.shop.v1.{name}"]["x-kubernetes-selectable-fields"]
        assert told == [{"fieldPath": "spec.b"}]
    assert _swagger(schema)["properties"]["spec"]["properties"] == {
        "a": {"x-kubernetes-int-or-string": True},
        "b": {"type": "string"},
    }
    before = v3.fingerprint(Scheme([replace(changed, selectable_fields={})]), "shop.example.com", "v1")
    assert v3.fingerprint(Scheme([changed]), "shop.example.com", "v1") != before


def test_without_a_schema_nothing_is_said_of_fields() -> None:
    bare = v3.document(Scheme([replace(WIDGETS, shape=structural.shape(None, KIND))]), "shop.example.com", "v1")
    assert bare is not None
    widget = orjson.loads(bare)["components"]["schemas"]["com.example.shop.v1.Widget"]
    assert set(widget) == {"type", "x-kubernetes-group-version-kind"}


def test_operations_of_custom_resources_speak_what_those_speak() -> None:
    scaled = replace(WIDGETS, subresources=DEPLOYMENTS.subresources[:1])
    paths = orjson.loads(v3.document(Scheme([scaled]), *KIND[:2]) or b"")["paths"]
    base = "/apis/shop.example.com/v1/widgets"
    listing, making, dropping = (paths[base][method] for method in ("get", "post", "delete"))
    types = ["application/json", "application/yaml"]
    assert listing["description"] == "list objects of kind Widget"
    assert [*listing["responses"]["200"]["content"]] == [*making["requestBody"]["content"]] == types
    assert "requestBody" not in dropping
    assert "watch" in [parameter["name"] for parameter in dropping["parameters"]]
    item, scale = paths[f"{base}/{{name}}"], paths[f"{base}/{{name}}/scale"]
    assert [parameter["name"] for parameter in item["get"]["parameters"]] == ["resourceVersion"]
    assert sorted(item["patch"]["responses"]) == ["200", "401"]
    assert scale["get"]["x-kubernetes-group-version-kind"]["kind"] == "Widget"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("Widget", "create a Widget"), ("Icon", "create an Icon"), ("Parts", "create Parts"), ("Class", "create a Class")],
)
def test_descriptions_have_the_article_of_the_kind(kind: str, text: str) -> None:
    found = operations.of_resource(replace(WIDGETS, kind=kind), "T", "TList")
    assert text in [operation.description for operation in found]
