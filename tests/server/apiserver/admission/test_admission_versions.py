"""Objects are shown to webhooks and policies in the version they ask for."""

from collections.abc import Sequence
from dataclasses import replace

from minik.api.scheme import Resource, Scheme
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.versions import Conversions, Equivalents

OLD = Resource(
    group="x.io",
    version="v1alpha1",
    kind="Thing",
    plural="things",
    singular="thing",
    type_name="",
    custom=True,
    storage=GVR("x.io", "v1", "things"),
)
NEW = replace(OLD, version="v1")
SCALE: Obj = {"kind": "Scale", "apiVersion": "autoscaling/v1"}


class Upgrading:
    """A conversion webhook that leaves a note."""

    async def convert(self, resource: Resource, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        return [{**obj, "apiVersion": api_version, "by": resource.version} for obj in objects]


async def test_versions_without_a_webhook_differ_in_name_only() -> None:
    thing: Obj = {"kind": "Thing", "apiVersion": "x.io/v1alpha1", "spec": {"a": 1}}
    conversions = Conversions()
    assert await conversions.convert(thing, OLD, NEW) == {**thing, "apiVersion": "x.io/v1"}
    assert thing["apiVersion"] == "x.io/v1alpha1"
    assert await conversions.convert(thing, OLD, OLD) is thing
    assert await conversions.convert(SCALE, OLD, NEW) is SCALE
    assert await conversions.convert(None, OLD, NEW) is None


async def test_a_conversion_webhook_is_asked() -> None:
    conversions = Conversions(Upgrading)
    source = replace(OLD, converted_by={"clientConfig": {}})
    thing: Obj = {"kind": "Thing", "apiVersion": "x.io/v1alpha1"}
    assert await conversions.convert(thing, source, NEW) == {"kind": "Thing", "apiVersion": "x.io/v1", "by": "v1alpha1"}


def test_equivalents_follow_the_scheme() -> None:
    scheme = Scheme([OLD])
    equivalents = Equivalents(scheme)
    assert equivalents.of(OLD, "") == []
    scheme.add(NEW)
    assert equivalents.of(OLD, "") == [NEW]
    assert equivalents.of(OLD, "status") == []
    scheme.remove(NEW.gvr)
    assert equivalents.of(OLD, "") == []
