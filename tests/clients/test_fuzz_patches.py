"""All four patch types with broken patches, against a live object of every kind. Everything is a dry run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.fuzzing import examples
from clients.mutations import VALUES, mutated, paths
from clients.samples import FUZZ_NAMESPACE, SAMPLES, Sample
from clients.verdict import check
from harness.wire import Wire

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
KINDS = [*SAMPLES, "Sample"]
SUBRESOURCES = st.sampled_from(["", "", "", "/status", "/scale"])


def _pointer(path: tuple[Any, ...]) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def _operations(obj: Any) -> st.SearchStrategy[Any]:
    """JSON patches whose pointers mostly lead somewhere."""
    places = st.sampled_from([_pointer(path) for path in paths(obj)])
    pointers = places | places.map(lambda place: f"{place}/-") | places.map(lambda place: f"{place}/0") | st.text()
    operation = st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "", "Add"]), "path": pointers},
        optional={"value": VALUES, "from": pointers},
    )
    return st.lists(operation, max_size=4) | mutated([{"op": "add", "path": "/metadata/labels/a", "value": "b"}])


def _directives(obj: Any) -> st.SearchStrategy[Any]:
    """Strategic merge patches with directives in places where they mean something, and where not."""
    deletion = st.sampled_from(
        [
            {"metadata": {"labels": {"$patch": "replace", "a": "b"}}},
            {"metadata": {"$retainKeys": ["name"], "name": "x"}},
            {"metadata": {"finalizers": ["a/b"], "$setElementOrder/finalizers": ["c/d", "a/b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/b"]}},
            {"spec": {"$patch": "delete"}},
            {
                "spec": {
                    "containers": [{"$patch": "delete", "name": "web"}],
                    "$setElementOrder/containers": [{"name": "b"}],
                }
            },
            {"spec": {"ports": [{"port": 80, "$patch": "replace"}], "volumes": [{"$patch": "replace"}]}},
            {"spec": {"template": {"spec": {"containers": [{"name": "web", "$retainKeys": ["name"]}]}}}},
            {"subjects": [{"$patch": "merge"}], "rules": [{"$patch": 3}], "$patch": "x"},
        ]
    )
    return deletion.flatmap(mutated) | mutated(obj)


def _patch(wire: Wire, sample: Sample, media_type: str, patch: Any, subresource: str, **query: str) -> None:
    path = sample.path(FUZZ_NAMESPACE) + subresource
    check(wire.request("PATCH", path, patch, media_type=media_type, query={"dryRun": "All", **query}))


def _live(wire: Wire, sample: Sample) -> Any:
    obj = wire.request("GET", sample.path(FUZZ_NAMESPACE)).json()
    obj["metadata"].pop("resourceVersion")
    return obj


@pytest.mark.parametrize("kind", KINDS)
def test_json_patches(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    @examples(12)
    @given(_operations(_live(wire, live[kind])), SUBRESOURCES)
    def run(patch: Any, subresource: str) -> None:
        _patch(wire, live[kind], JSON_PATCH, patch, subresource)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_merge_patches(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    @examples(12)
    @given(mutated(_live(wire, live[kind])) | VALUES, SUBRESOURCES)
    def run(patch: Any, subresource: str) -> None:
        _patch(wire, live[kind], MERGE_PATCH, patch, subresource)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_strategic_merge_patches(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    @examples(15)
    @given(_directives(_live(wire, live[kind])), SUBRESOURCES)
    def run(patch: Any, subresource: str) -> None:
        _patch(wire, live[kind], STRATEGIC_MERGE_PATCH, patch, subresource)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_applied_configurations(wire: Wire, live: dict[str, Sample], kind: str) -> None:
    @examples(15)
    @given(mutated(live[kind].object()), SUBRESOURCES, st.sampled_from(["true", "false"]))
    def run(patch: Any, subresource: str, force: str) -> None:
        _patch(wire, live[kind], APPLY_PATCH, patch, subresource, fieldManager="fuzz", force=force)

    run()


@pytest.mark.parametrize("media_type", [JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH])
@examples(40)
@given(patch=st.binary(max_size=40) | VALUES)
def test_patches_that_are_none_are_refused(wire: Wire, live: dict[str, Sample], media_type: str, patch: Any) -> None:
    _patch(wire, live["ConfigMap"], media_type, patch, "", fieldManager="fuzz")
    _patch(wire, live["Sample"], media_type, patch, "", fieldManager="fuzz")


@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment", "Sample"])
@examples(40)
@given(data=st.data())
def test_owned_fields_may_be_anything(wire: Wire, live: dict[str, Sample], kind: str, data: st.DataObject) -> None:
    """managedFields come back from clients, who may have changed them."""
    obj = _live(wire, live[kind])
    obj["metadata"]["managedFields"] = data.draw(mutated(obj["metadata"]["managedFields"], most=2))
    check(wire.request("PUT", live[kind].path(FUZZ_NAMESPACE), obj, query={"dryRun": "All"}))
