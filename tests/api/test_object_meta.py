from typing import Any

from minik.api.object_meta import validate_object_meta, validate_object_meta_update

META: dict[str, Any] = {"name": "a", "namespace": "d", "resourceVersion": "1"}


def complaints(meta: dict[str, Any], *, namespaced: bool = True, kube_finalizers: bool = True) -> list[str]:
    return [str(e) for e in validate_object_meta(meta, namespaced=namespaced, kube_finalizers=kube_finalizers)]


def changes(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    return [str(e) for e in validate_object_meta_update({**META, **new}, {**META, **old})]


def test_ordinary_metadata_is_fine() -> None:
    meta = {**META, "labels": {"a.b/c": "d"}, "annotations": {"UPPER.io/x": "any thing"}, "finalizers": ["a.b/c"]}
    assert complaints(meta) == []


def test_a_name_is_needed() -> None:
    assert complaints({"namespace": "d"}) == ["metadata.name: Required value: name or generateName is required"]


def test_a_bad_prefix_is_told_about_prefix_and_name() -> None:
    fields = [text.split(":")[0] for text in complaints({"generateName": "Bad_", "name": "Bad_x", "namespace": "d"})]
    assert fields == ["metadata.generateName", "metadata.name"]


def test_namespaces_belong_to_namespaced_kinds_only() -> None:
    assert complaints({"name": "a"}) == ["metadata.namespace: Required value"]
    assert complaints(META, namespaced=False) == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_errors_in_labels_carry_the_path_of_the_map() -> None:
    assert complaints({**META, "labels": {"ok": "bad value"}})[0].startswith(
        'metadata.labels: Invalid value: "bad value": a valid label must be an empty string'
    )


def test_annotations_are_limited_in_sum() -> None:
    meta = {**META, "annotations": {"a": "x" * 200_000, "b": "x" * 100_000}}
    assert complaints(meta) == ["metadata.annotations: Too long: may not be more than 262144 bytes"]


def test_an_owner_needs_all_its_parts() -> None:
    assert complaints({**META, "ownerReferences": [{}]}) == [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ]


def test_events_own_nothing() -> None:
    owner = {"uid": "u", "name": "e", "kind": "Event", "apiVersion": "v1"}
    assert complaints({**META, "ownerReferences": [owner]}) == [
        'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: '
        "/v1, Kind=Event is disallowed from being an owner"
    ]


def test_only_one_owner_is_the_controller() -> None:
    owners = [{"apiVersion": "v1", "kind": k, "name": k.lower(), "uid": "u", "controller": True} for k in "AB"]
    (text,) = complaints({**META, "ownerReferences": owners})
    assert text.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for A/a and B/b'
    )


def test_finalizers_of_builtin_kinds_have_a_domain() -> None:
    meta = {**META, "finalizers": ["plain"]}
    assert complaints(meta, kube_finalizers=False) == []
    assert complaints(meta) == [
        'metadata.finalizers[0]: Invalid value: "plain": '
        "name is neither a standard finalizer name nor is it fully qualified"
    ]


def test_what_identifies_an_object_stays() -> None:
    assert changes({"uid": "b"}, {"uid": "a"}) == ['metadata.uid: Invalid value: "b": field is immutable']
    assert changes({}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}) == [
        "metadata.deletionTimestamp: Invalid value: null: field is immutable"
    ]


def test_a_dying_object_gets_no_new_finalizers() -> None:
    dying = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a.b/c"]}
    assert changes({**dying, "finalizers": []}, dying) == []
    assert changes({**dying, "finalizers": ["a.b/c", "x.y/z"]}, dying) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
        'found new finalizers []string{"x.y/z"}'
    ]
