"""NamespaceLifecycle: nothing is created in a namespace that is missing or going away; some namespaces stay.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle
"""

from minik.api.status import not_found
from minik.api.types import GVR
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Plugin, refuse
from minik.server.apiserver.objects import Reader

NAMESPACES = GVR("", "v1", "namespaces")
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = frozenset({"localsubjectaccessreviews"})


class NamespaceLifecycle(Plugin):
    name = "NamespaceLifecycle"
    operations = frozenset({CREATE, UPDATE, DELETE})
    resources = None

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        group, _, plural = attributes.gvr
        if plural == "namespaces" and not group:
            if attributes.operation is DELETE and not attributes.subresource and attributes.name in IMMORTAL:
                raise refuse(attributes, "this namespace may not be deleted")
            return
        if not attributes.namespace or attributes.operation is DELETE or plural in _REVIEWS:
            return
        namespace = self._objects.get(NAMESPACES, attributes.namespace)
        if namespace is None:
            raise not_found("", "namespaces", attributes.namespace)
        if attributes.operation is CREATE and (namespace.get("status") or {}).get("phase") == "Terminating":
            raise _terminating(attributes)


def _terminating(attributes: AdmissionAttributes) -> Exception:
    namespace = attributes.namespace
    error = refuse(attributes, f"unable to create new content in namespace {namespace} because it is being terminated")
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.details = {**(error.details or {}), "causes": [cause]}
    return error
