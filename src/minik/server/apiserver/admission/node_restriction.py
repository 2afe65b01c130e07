"""NodeRestriction: a kubelet writes only its own Node, its own Pods' status, and what goes with them.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction . The Node authorizer
(authz/node.py) has already said what it may touch at all.
"""

from collections.abc import Awaitable, Callable

from minik.api.status import not_found
from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.node_restriction_rules import (
    forbidden_labels,
    mirror_pod_complaint,
    modified_labels,
    node_request_complaint,
)
from minik.server.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Plugin, refuse
from minik.server.apiserver.admission.token_audiences import pod_audiences
from minik.server.apiserver.attributes import Attributes, Authorize
from minik.server.apiserver.authz.node import LEASE_NAMESPACE, NODES_GROUP, node_identity
from minik.server.apiserver.objects import Reader

PODS = GVR("", "v1", "pods")
NODES = GVR("", "v1", "nodes")

_Check = Callable[[str, AdmissionAttributes], Awaitable[None]]


class NodeRestriction(Plugin):
    name = "NodeRestriction"
    operations = frozenset({CREATE, UPDATE, DELETE})
    resources = frozenset(
        {
            ("", "pods"),
            ("", "nodes"),
            ("", "persistentvolumeclaims"),
            ("", "serviceaccounts"),
            ("coordination.k8s.io", "leases"),
            ("storage.k8s.io", "csinodes"),
            ("resource.k8s.io", "resourceslices"),
            ("certificates.k8s.io", "certificatesigningrequests"),
        }
    )

    def __init__(self, objects: Reader, authorize: Authorize) -> None:
        self._objects = objects
        self._authorize = authorize
        self._checks: dict[str, _Check] = {
            "pods": self._pods,
            "nodes": self._nodes,
            "persistentvolumeclaims": self._claim_status,
            "serviceaccounts": self._token,
            "leases": self._lease,
            "csinodes": self._csi_node,
            "resourceslices": self._resource_slice,
            "certificatesigningrequests": self._certificate_request,
        }

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if NODES_GROUP not in attributes.user.groups:
            return
        node, is_node = node_identity(attributes.user)
        if not is_node:
            return
        if not node:
            raise refuse(attributes, f'could not determine node from user "{attributes.user.name}"')
        await self._checks[attributes.gvr.resource](node, attributes)

    async def _pods(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.subresource == "status":
            self._pod_status(node, attributes)
        elif attributes.subresource == "eviction":
            self._own_pod(node, attributes, f"node {node} can only evict pods")
        elif attributes.subresource:
            raise refuse(
                attributes,
                f"unexpected pod subresource \"{attributes.subresource}\", only 'status' and 'eviction' are allowed",
            )
        elif attributes.operation is CREATE and attributes.obj is not None:
            complaint = mirror_pod_complaint(node, attributes.obj, self._objects.get(NODES, node))
            if complaint:
                raise refuse(attributes, complaint)
        elif attributes.operation is DELETE:
            self._own_pod(node, attributes, f'node "{node}" can only delete pods')
        else:
            raise refuse(
                attributes,
                f'unexpected operation "{attributes.operation.value}", node "{node}" can only create and delete '
                "mirror pods",
            )

    def _own_pod(self, node: str, attributes: AdmissionAttributes, refusal: str) -> None:
        pod = self._objects.get(PODS, attributes.name, attributes.namespace)
        if pod is None:
            raise not_found("", "pods", attributes.name)
        if pod["spec"].get("nodeName") != node:
            raise refuse(attributes, f"{refusal} with spec.nodeName set to itself")

    def _pod_status(self, node: str, attributes: AdmissionAttributes) -> None:
        new, old = attributes.obj, attributes.old_obj
        if attributes.operation is not UPDATE or new is None or old is None:
            raise refuse(attributes, f'unexpected operation "{attributes.operation.value}"')
        if old["spec"].get("nodeName") != node:
            raise refuse(
                attributes, f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
            )
        if (new["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {}):
            raise refuse(attributes, f'node "{node}" cannot update labels through pod status')
        field = "resourceClaimStatuses"
        if (new.get("status") or {}).get(field) != (old.get("status") or {}).get(field):
            raise refuse(attributes, f'node "{node}" cannot update resource claim statuses')

    async def _nodes(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.name != node:
            raise refuse(attributes, f'node "{node}" is not allowed to modify node "{attributes.name}"')
        new, old = attributes.obj, attributes.old_obj
        if new is None:
            return
        labels = new["metadata"].get("labels") or {}
        if old is None:
            if bad := forbidden_labels(modified_labels(labels, {})):
                raise refuse(attributes, f'node "{node}" is not allowed to set the following labels: {", ".join(bad)}')
            return
        if ((new.get("spec") or {}).get("taints") or []) != ((old.get("spec") or {}).get("taints") or []):
            raise refuse(attributes, f'node "{node}" is not allowed to modify taints')
        if bad := forbidden_labels(modified_labels(labels, old["metadata"].get("labels") or {})):
            raise refuse(attributes, f"is not allowed to modify labels: {', '.join(bad)}")
        if new["metadata"].get("ownerReferences") != old["metadata"].get("ownerReferences"):
            raise refuse(attributes, f'node "{node}" is not allowed to modify ownerReferences')

    async def _claim_status(self, node: str, attributes: AdmissionAttributes) -> None:
        new, old = attributes.obj, attributes.old_obj
        if attributes.subresource != "status":
            raise refuse(attributes, "may only update PVC status")
        if attributes.operation is not UPDATE or new is None or old is None:
            raise refuse(attributes, f'unexpected operation "{attributes.operation.value}"')
        if _claim_identity(new) != _claim_identity(old):
            raise refuse(
                attributes,
                f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions',
            )

    async def _token(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.operation is not CREATE or attributes.subresource != "token" or attributes.obj is None:
            return
        bound = (attributes.obj.get("spec") or {}).get("boundObjectRef") or {}
        if bound.get("kind") != "Pod" or bound.get("apiVersion") != "v1" or not bound.get("name"):
            raise refuse(attributes, "node requested token not bound to a pod")
        if not bound.get("uid"):
            raise refuse(attributes, "node requested token with a pod binding without a uid")
        pod = self._objects.get(PODS, bound["name"], attributes.namespace)
        if pod is None:
            raise not_found("", "pods", bound["name"])
        if pod["metadata"]["uid"] != bound["uid"]:
            raise refuse(
                attributes,
                f"the UID in the bound object reference ({bound['uid']}) does not match the UID in record. The object "
                "might have been deleted and then recreated",
            )
        if pod["spec"].get("nodeName") != node:
            raise refuse(attributes, "node requested token bound to a pod scheduled on a different node")
        await self._audience(attributes, pod)

    async def _audience(self, attributes: AdmissionAttributes, pod: Obj) -> None:
        """A node asks for tokens that its Pod's volumes are for, or that it may ask for of its own."""
        audiences = ((attributes.obj or {}).get("spec") or {}).get("audiences") or []
        if len(audiences) > 1:
            raise refuse(attributes, "node may only request 0 or 1 audiences")
        audience = audiences[0] if audiences else ""
        if audience in pod_audiences(pod, self._objects):
            return
        question = Attributes(
            user=attributes.user,
            verb="request-serviceaccounts-token-audience",
            resource_request=True,
            namespace=attributes.namespace,
            resource=audience,
            name=attributes.name,
        )
        if not (await self._authorize(question)).allowed:
            raise refuse(
                attributes,
                f'audience "{audience}" not found in pod spec volume, {attributes.user.name} is not authorized to '
                "request tokens for this audience",
            )

    async def _lease(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.namespace != LEASE_NAMESPACE:
            raise refuse(attributes, f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
        if attributes.name != node:
            raise refuse(attributes, "can only access node lease with the same name as the requesting node")

    async def _csi_node(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.name != node:
            raise refuse(attributes, "can only access CSINode with the same name as the requesting node")

    async def _resource_slice(self, node: str, attributes: AdmissionAttributes) -> None:
        shown = attributes.old_obj if attributes.operation is DELETE else attributes.obj
        if shown is not None and (shown.get("spec") or {}).get("nodeName") != node:
            raise refuse(
                attributes, "can only create/delete ResourceSlice with the same NodeName as the requesting node"
            )

    async def _certificate_request(self, node: str, attributes: AdmissionAttributes) -> None:
        if attributes.operation is CREATE and attributes.obj is not None and not attributes.subresource:
            complaint = node_request_complaint(attributes.user.name, attributes.obj)
            if complaint:
                raise refuse(attributes, complaint)


def _claim_identity(claim: Obj) -> Obj:
    """Everything of a claim but what a kubelet reports after resizing."""
    status = {k: v for k, v in (claim.get("status") or {}).items() if k not in _REPORTED}
    metadata = {k: v for k, v in claim["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return {"metadata": metadata, "spec": claim.get("spec"), "status": status}


_REPORTED = frozenset(
    {
        "capacity",
        "conditions",
        "allocatedResources",
        "allocatedResourceStatuses",
        "currentVolumeAttributesClassName",
        "modifyVolumeStatus",
    }
)
