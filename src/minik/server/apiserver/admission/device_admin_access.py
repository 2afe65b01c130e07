"""Access to devices for administration is for namespaces that are labelled so.

Upstream checks this in the registries of claims and templates, with their validation.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#admin-access
"""

from minik.api.types import GVR, Obj
from minik.api.validation import forbidden, invalid
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from minik.server.apiserver.objects import Reader

_GROUP = "resource.k8s.io"
_NAMESPACES = GVR("", "v1", "namespaces")
_LABEL = "resource.kubernetes.io/admin-access"


class DeviceAdminAccess(Plugin):
    name = "DeviceAdminAccess"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({(_GROUP, "resourceclaims"), (_GROUP, "resourceclaimtemplates")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.obj
        if obj is None or attributes.subresource:
            return
        spec = obj["spec"] if attributes.gvr.resource == "resourceclaims" else obj["spec"].get("spec") or {}
        index = _wants_administration(spec)
        if index is None:
            return
        namespace = self._objects.get(_NAMESPACES, attributes.namespace) or {"metadata": {}}
        if (namespace["metadata"].get("labels") or {}).get(_LABEL) != "true":
            text = f"admin access to devices requires the `{_LABEL}: true` label on the containing namespace"
            error = forbidden(f"spec.devices.requests[{index}].adminAccess", text)
            raise invalid(_GROUP, attributes.resource.kind, obj["metadata"].get("name", ""), [error])


def _wants_administration(spec: Obj) -> int | None:
    """The first request for it; in v1beta1 a request holds its fields itself."""
    for index, request in enumerate((spec.get("devices") or {}).get("requests") or ()):
        if (request.get("exactly") or request).get("adminAccess"):
            return index
    return None
