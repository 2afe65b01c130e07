"""Discovery answers list groups, versions and resources in upstream's order and form."""

import pytest

from minik.api import discovery
from minik.api.scheme import Resource, Scheme, Subresource


def _resource(group: str, version: str, kind: str, **more: object) -> Resource:
    plural = kind.lower() + "s"
    values = {"group": group, "version": version, "kind": kind, "plural": plural, "singular": kind.lower()}
    return Resource(**values, type_name=kind, **more)  # type: ignore[arg-type]


SCHEME = Scheme(
    [
        _resource("", "v1", "Pod", short_names=("po",), categories=("all",), storage_version_hash="xPOwRZ+Yhw8="),
        _resource("zoo.example.com", "v1alpha1", "Lion"),
        _resource("zoo.example.com", "v1", "Lion"),
        _resource(
            "apps",
            "v1",
            "Deployment",
            subresources=(
                Subresource(name="status", kind="Deployment"),
                Subresource(name="scale", kind="Scale", kind_group="autoscaling", kind_version="v1"),
            ),
        ),
        _resource("autoscaling", "v1", "HorizontalPodAutoscaler"),
        _resource("autoscaling", "v2", "HorizontalPodAutoscaler"),
        _resource("batch", "v1", "Job", namespaced=False, verbs=("list", "get")),
    ]
)


def test_groups_keep_upstreams_order_and_others_follow_by_name() -> None:
    groups = discovery.groups(SCHEME, {"metrics.k8s.io": ["v1beta1"]})
    assert list(groups) == ["apps", "autoscaling", "batch", "metrics.k8s.io", "zoo.example.com"]
    assert groups["autoscaling"] == ["v2", "v1"]
    assert groups["zoo.example.com"] == ["v1", "v1alpha1"]


PRIORITIES = {
    ("apps", "v1"): (17800, 15),
    ("autoscaling", "v1"): (17500, 40),
    ("autoscaling", "v2"): (17500, 30),
    ("batch", "v1"): (17400, 15),
    ("metrics.k8s.io", "v1beta1"): (100, 100),
}


@pytest.mark.parametrize(
    ("priorities", "expected"),
    [
        (
            {},
            ["apps/v1", "autoscaling/v2", "batch/v1", "a.example.com/v2", "b.example.com/v1", "metrics.k8s.io/v1beta1"],
        ),
        (
            PRIORITIES,
            ["apps/v1", "autoscaling/v1", "batch/v1", "a.example.com/v2", "b.example.com/v1", "metrics.k8s.io/v1beta1"],
        ),
    ],
)
def test_groups_and_versions_come_by_the_priority_of_their_services(
    priorities: discovery.Priorities, expected: list[str]
) -> None:
    crds = [_resource("b.example.com", "v1", "Bee"), _resource("a.example.com", "v2", "Ant")]
    scheme = Scheme([*(r for r in SCHEME if "zoo" not in r.group), *crds])
    extra = {"metrics.k8s.io": ["v1beta1"]}
    found = discovery.groups(scheme, extra, priorities)
    assert [f"{group}/{versions[0]}" for group, versions in found.items()] == expected
    # the plain list breaks ties by the names of APIServices, which begin with the version
    plain = discovery.api_group_list(scheme, extra, priorities)["groups"]
    names = [group["name"] for group in plain]
    assert names.index("b.example.com") < names.index("a.example.com")
    assert sorted(names) == sorted(found)


def test_version_preference() -> None:
    versions = ["foo", "v1alpha1", "v2", "v1beta2", "v1", "v1beta10", "v10", "v3alpha2"]
    expected = ["v10", "v2", "v1", "v1beta10", "v1beta2", "v3alpha2", "v1alpha1", "foo"]
    assert sorted(versions, key=discovery.version_rank) == expected


def test_group_names_its_preferred_version() -> None:
    group = discovery.api_group(SCHEME, "autoscaling")
    assert group is not None
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}
    assert discovery.api_group(SCHEME, "nothere.example.com") is None


def test_resource_list_of_the_core_group_has_no_api_version() -> None:
    core = discovery.api_resource_list(SCHEME, "", "v1")
    assert core == {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "pods",
                "singularName": "pod",
                "namespaced": True,
                "kind": "Pod",
                "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
                "shortNames": ["po"],
                "categories": ["all"],
                "storageVersionHash": "xPOwRZ+Yhw8=",
            }
        ],
    }


def test_subresources_follow_their_resource_and_name_foreign_kinds() -> None:
    apps = discovery.api_resource_list(SCHEME, "apps", "v1")
    assert apps is not None
    names = [resource["name"] for resource in apps["resources"]]
    assert names == ["deployments", "deployments/scale", "deployments/status"]
    scale = apps["resources"][1]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    assert "group" not in apps["resources"][2]


def test_aggregated_discovery_marks_unreadable_groups_as_stale() -> None:
    answer = discovery.aggregated(SCHEME, core=False, stale={"metrics.k8s.io": ["v1beta1"]})
    by_name = {item["metadata"]["name"]: item["versions"] for item in answer["items"]}
    assert by_name["metrics.k8s.io"] == [{"version": "v1beta1", "freshness": "Stale"}]
    [job] = by_name["batch"][0]["resources"]
    assert job == {
        "resource": "jobs",
        "responseKind": {"group": "", "version": "", "kind": "Job"},
        "scope": "Cluster",
        "singularResource": "job",
        "verbs": ["get", "list"],
    }


def test_aggregated_discovery_of_the_core_group_has_no_name() -> None:
    [core] = discovery.aggregated(SCHEME, core=True)["items"]
    assert core["metadata"] == {}
