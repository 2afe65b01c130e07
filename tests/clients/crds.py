"""Custom kinds for the tests of clients."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.cluster import eventually
from harness.wire import Wire

_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(kind: str, group: str, spec: Any, **names: Any) -> dict[str, Any]:
    """A namespaced kind with status and scale; `spec` is the schema of .spec."""
    singular = kind.lower()
    free: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}, "scale": scale},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "description": f"A {kind}.",
                "properties": {"spec": spec, "status": free},
            }
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{singular}s.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": f"{singular}s", "singular": singular, "kind": kind, **names},
            "versions": [version],
        },
    }


SIZED: Any = {
    "type": "object",
    "description": "What is wanted.",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "description": "How big it is."},
        "replicas": {"type": "integer"},
        "color": {"type": "string", "enum": ["red", "green"]},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
    },
}


@contextmanager
def served(wire: Wire, crd: dict[str, Any]) -> Iterator[None]:
    """The kind is there inside."""
    name, group, plural = crd["metadata"]["name"], crd["spec"]["group"], crd["spec"]["names"]["plural"]
    made = wire.request("POST", _PATH, json.dumps(crd).encode())
    assert made.status == 201, made.body
    try:
        eventually(lambda: wire.request("GET", f"/apis/{group}/v1/{plural}").status == 200, what=f"serving {plural}")
        yield
    finally:
        wire.request("DELETE", f"{_PATH}/{name}")
