"""The Node authorizer: a kubelet may touch what belongs to its node.

https://kubernetes.io/docs/reference/access-authn-authz/node/ . Writes are narrowed further by the NodeRestriction
admission plugin.
"""

from collections.abc import Callable, Sequence

from minik.api.types import UserInfo
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authz.node_graph import NodeGraph
from minik.server.apiserver.authz.rules import Rule

NODE_PREFIX = "system:node:"
NODES_GROUP = "system:nodes"
LEASE_NAMESPACE = "kube-node-lease"

_ALLOWED = Decision(True)
_NO_OPINION = Decision(False)


def node_identity(user: UserInfo) -> tuple[str, bool]:
    """(node name, whether the user is a node). The name is "" for a member of system:nodes that does not say it."""
    if not user.name.startswith(NODE_PREFIX) or NODES_GROUP not in user.groups:
        return "", False
    return user.name.removeprefix(NODE_PREFIX), True


class NodeAuthorizer:
    """`rules` are those of the ClusterRole system:node; they allow what is not narrowed here."""

    def __init__(self, graph: NodeGraph, rules: Sequence[Rule]) -> None:
        self._graph = graph
        self._rules = rules
        self._narrowed: dict[tuple[str, str], Callable[[str, Attributes], Decision]] = {
            ("", "secrets"): self._read_in_namespace,
            ("", "configmaps"): self._read_in_namespace,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("", "serviceaccounts"): self._service_account,
            ("", "pods"): self._pod,
            ("", "nodes"): self._node,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("resource.k8s.io", "resourceslices"): self._resource_slice,
            ("coordination.k8s.io", "leases"): self._lease,
        }

    def decide(self, attributes: Attributes) -> Decision:
        node, is_node = node_identity(attributes.user)
        if not is_node:
            return _NO_OPINION
        if not node:
            return Decision(False, f'unknown node for user "{attributes.user.name}"')
        if attributes.resource_request:
            narrow = self._narrowed.get((attributes.api_group, attributes.resource))
            if narrow is not None:
                return narrow(node, attributes)
        if any(rule.allows(attributes) for rule in self._rules):
            return _ALLOWED
        return _NO_OPINION

    def _related(self, node: str, attributes: Attributes) -> Decision:
        if not attributes.name:
            return Decision(False, "No Object name found")
        if self._graph.related(node, attributes.resource, attributes.namespace, attributes.name):
            return _ALLOWED
        return Decision(False, f"no relationship found between node '{node}' and this object")

    def _get(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb != "get":
            return Decision(False, "can only get individual resources of this type")
        if attributes.subresource:
            return Decision(False, "cannot get subresource")
        return self._related(node, attributes)

    def _read_in_namespace(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "list", "watch"):
            return Decision(False, "can only read resources of this type")
        if attributes.subresource:
            return Decision(False, "cannot read subresource")
        if not attributes.namespace:
            return Decision(False, "can only read namespaced object of this type")
        return self._related(node, attributes)

    def _claim(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource != "status":
            return self._get(node, attributes)
        if attributes.verb not in ("get", "update", "patch"):
            return Decision(False, "can only get/update/patch this type")
        return self._related(node, attributes)

    def _service_account(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource != "token":
            return self._get(node, attributes)
        if attributes.verb != "create" or not attributes.name:
            return Decision(False, "can only create tokens for individual service accounts")
        return self._related(node, attributes)

    def _lease(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "create", "update", "patch", "delete"):
            return Decision(False, "can only get, create, update, patch, or delete a node lease")
        if attributes.namespace != LEASE_NAMESPACE:
            return Decision(False, f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
        if attributes.verb != "create" and attributes.name != node:
            return Decision(False, "can only access node lease with the same name as the requesting node")
        return _ALLOWED

    def _csi_node(self, node: str, attributes: Attributes) -> Decision:
        if attributes.verb not in ("get", "create", "update", "patch", "delete"):
            return Decision(False, "can only get, create, update, patch, or delete a CSINode")
        if attributes.subresource:
            return Decision(False, "cannot authorize CSINode subresources")
        if attributes.verb != "create" and attributes.name != node:
            return Decision(False, "can only access CSINode with the same name as the requesting node")
        return _ALLOWED

    def _resource_slice(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource:
            return Decision(False, "cannot authorize ResourceSlice subresources")
        if attributes.verb == "create":
            return _ALLOWED
        if attributes.verb in ("get", "update", "patch", "delete"):
            return self._related(node, attributes)
        if attributes.verb in ("list", "watch", "deletecollection"):
            if _selects(attributes, "spec.nodeName", node):
                return _ALLOWED
            return Decision(False, "can only list/watch/deletecollection resourceslices with nodeName field selector")
        return Decision(
            False,
            "only the following verbs are allowed for a ResourceSlice: "
            "get, watch, list, create, update, patch, delete, deletecollection",
        )

    def _node(self, node: str, attributes: Attributes) -> Decision:
        if attributes.subresource == "status":
            return _ALLOWED if attributes.verb in ("update", "patch") else _NO_OPINION
        if attributes.subresource:
            return _NO_OPINION
        if attributes.verb in ("create", "update", "patch"):
            return _ALLOWED
        if attributes.verb not in ("get", "list", "watch"):
            return _NO_OPINION
        if attributes.name == node or (not attributes.name and _selects(attributes, "metadata.name", node)):
            return _ALLOWED
        if not attributes.name:
            return Decision(False, f"node '{node}' cannot read all nodes, only its own Node object")
        return Decision(False, f"node '{node}' cannot read '{attributes.name}', only its own Node object")

    def _pod(self, node: str, attributes: Attributes) -> Decision:
        allowed: Sequence[str] = ()
        if attributes.subresource == "status":
            allowed = ("update", "patch")
        elif attributes.subresource == "eviction":
            allowed = ("create",)
        elif not attributes.subresource:
            if attributes.verb == "get":
                return self._get(node, attributes)
            if attributes.verb in ("list", "watch"):
                if _selects(attributes, "spec.nodeName", node):
                    return _ALLOWED
                return Decision(False, "can only list/watch pods with spec.nodeName field selector")
            allowed = ("create", "delete")
        return _ALLOWED if attributes.verb in allowed else _NO_OPINION


def _selects(attributes: Attributes, field: str, value: str) -> bool:
    """Whether the field selector demands `field` to be `value`."""
    for term in attributes.field_selector.split(","):
        name, equals, wanted = term.partition("=")
        if equals and not name.endswith("!") and name == field and wanted.removeprefix("=") == value:
            return True
    return False
