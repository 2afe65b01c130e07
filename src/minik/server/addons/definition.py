"""The kind Addon (addons.minik.io/v1): what minik knows of one manifest file.

    metadata.name       the file's name without its ending; always in kube-system
    spec.source         the file's path                spec.checksum   SHA-256 of the content that was applied
    status.objects      what came of it: apiVersion, kind, namespace, name of each object

The kind is defined when the first manifest appears: most clusters have none.
"""

from minik.api.types import GVR, Obj

GROUP, VERSION, KIND = "addons.minik.io", "v1", "Addon"
ADDONS = GVR(GROUP, VERSION, "addons")
NAMESPACE = "kube-system"
CUSTOM_RESOURCE_DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")

_STRING: Obj = {"type": "string"}
_REFERENCE: Obj = {
    "type": "object",
    "properties": {"apiVersion": _STRING, "kind": _STRING, "namespace": _STRING, "name": _STRING},
    "required": ["apiVersion", "kind", "name"],
}


def definition() -> Obj:
    """The CustomResourceDefinition."""
    spec = {"type": "object", "properties": {"source": _STRING, "checksum": _STRING}}
    status = {"type": "object", "properties": {"objects": {"type": "array", "items": _REFERENCE}}}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    columns = [
        {"name": "Source", "type": "string", "jsonPath": ".spec.source"},
        {"name": "Checksum", "type": "string", "jsonPath": ".spec.checksum"},
    ]
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{ADDONS.resource}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": KIND, "plural": ADDONS.resource, "singular": "addon"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def addon(name: str, source: str, checksum: str, objects: list[Obj]) -> Obj:
    """The Addon of a file. `objects` are references as `reference` makes them; no checksum: not applied yet."""
    return {
        "apiVersion": ADDONS.api_version,
        "kind": KIND,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"source": source, "checksum": checksum},
        "status": {"objects": objects},
    }


def reference(obj: Obj) -> Obj:
    """What identifies an object; `namespace` is left out if there is none."""
    metadata = obj["metadata"]
    namespace = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **namespace, "name": metadata["name"]}
