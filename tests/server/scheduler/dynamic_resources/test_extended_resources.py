from typing import Any

import pytest

from minik.server.scheduler.dynamic_resources.extended import claim_for, classes_of, missing_on, pod_status

Obj = dict[str, Any]
IMPLICIT = "deviceclass.resource.kubernetes.io/a"


def device_class(name: str, resource: str = "", created: str = "1") -> Obj:
    spec = {"extendedResourceName": resource} if resource else {}
    return {"metadata": {"name": name, "creationTimestamp": created}, "spec": spec}


@pytest.mark.parametrize(
    ("asked", "classes", "expected"),
    [
        ({"example.com/gpu": 1}, [device_class("a", "example.com/gpu")], {"example.com/gpu": "a"}),
        ({"example.com/gpu": 0}, [device_class("a", "example.com/gpu")], {}),
        ({"cpu": 1}, [device_class("a", "example.com/gpu")], {}),
        (
            {"deviceclass.resource.kubernetes.io/a": 1},
            [device_class("a")],
            {"deviceclass.resource.kubernetes.io/a": "a"},
        ),
        (
            {"example.com/gpu": 1},
            [device_class("a", "example.com/gpu"), device_class("b", "example.com/gpu", "2")],
            {"example.com/gpu": "b"},
        ),
        (
            {"example.com/gpu": 1},
            [device_class("b", "example.com/gpu"), device_class("a", "example.com/gpu")],
            {"example.com/gpu": "a"},
        ),
    ],
)
def test_classes_stand_for_extended_resources(asked: Obj, classes: list[Obj], expected: Obj) -> None:
    assert classes_of(asked, classes) == expected


def test_a_node_with_a_device_plugin_needs_no_claim() -> None:
    classes = {"example.com/gpu": "a", "example.com/nic": "b"}
    assert missing_on({"example.com/gpu": 4}, classes) == {"example.com/nic": "b"}


def test_the_claim_has_a_request_per_container_and_resource() -> None:
    def container(name: str, **requests: str) -> Obj:
        return {
            "name": name,
            "resources": {"requests": {key.replace("_", "/"): value for key, value in requests.items()}},
        }

    pod: Obj = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {
            "initContainers": [container("i", cpu="1")],
            "containers": [container("c", cpu="1", x_gpu="2", memory="1Gi"), container("d", x_gpu="1")],
        },
    }
    claim = claim_for(pod, {"x/gpu": "a"})
    requests = [
        (r["name"], r["exactly"]["deviceClassName"], r["exactly"]["count"])
        for r in claim["spec"]["devices"]["requests"]
    ]
    assert requests == [("container-1-request-2", "a", 2), ("container-2-request-0", "a", 1)]
    assert claim["metadata"]["generateName"] == "p-extended-resources-"
    assert claim["metadata"]["annotations"] == {"resource.kubernetes.io/extended-resource-claim": "true"}
    assert pod_status(pod, {"x/gpu": "a"}, "made") == {
        "resourceClaimName": "made",
        "requestMappings": [
            {"containerName": "c", "resourceName": "x/gpu", "requestName": "container-1-request-2"},
            {"containerName": "d", "resourceName": "x/gpu", "requestName": "container-2-request-0"},
        ],
    }
