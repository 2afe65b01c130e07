"""What a node may put into its own objects: labels, mirror Pods, certificate requests.

Pure; node_restriction.py asks. https://kubernetes.io/docs/reference/access-authn-authz/node/#label-restrictions
"""

import base64
from collections.abc import Mapping

from minik.api.status import not_found
from minik.api.types import Obj
from minik.server.apiserver.pod_references import is_mirror_pod, references

_ALLOWED_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    }
)
_ALLOWED_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_SYSTEM_DOMAINS = ("kubernetes.io", "k8s.io")
_RESTRICTED_DOMAIN = "node-restriction.kubernetes.io"
_NODE_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")


def modified_labels(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}


def forbidden_labels(keys: set[str]) -> list[str]:
    """Those that a kubelet may not touch, sorted."""
    return sorted(key for key in keys if _is_forbidden(key))


def _is_forbidden(key: str) -> bool:
    domain, slash, _ = key.rpartition("/")
    if not slash or key in _ALLOWED_LABELS:
        return False
    if _below(domain, _RESTRICTED_DOMAIN):
        return True
    if any(_below(domain, allowed) for allowed in _ALLOWED_DOMAINS):
        return False
    return any(_below(domain, system) for system in _SYSTEM_DOMAINS)


def _below(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")


def mirror_pod_complaint(node: str, pod: Obj, node_object: Obj | None) -> str:
    """Why `node` may not create this Pod; "" if it may. Raises the 404 of a node that is not there."""
    if not is_mirror_pod(pod):
        return f'pod does not have "kubernetes.io/config.mirror" annotation, node "{node}" can only create mirror pods'
    if pod["spec"].get("nodeName") != node:
        return f'node "{node}" can only create pods with spec.nodeName set to itself'
    return _owner_complaint(node, pod, node_object) or _reference_complaint(node, pod)


def _owner_complaint(node: str, pod: Obj, node_object: Obj | None) -> str:
    owners = pod["metadata"].get("ownerReferences") or []
    if len(owners) > 1:
        return f'node "{node}" can only create pods with a single owner reference set to itself'
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        return f'node "{node}" can only create pods with an owner reference set to itself'
    if not owner.get("controller"):
        return f'node "{node}" can only create pods with a controller owner reference set to itself'
    if owner.get("blockOwnerDeletion"):
        return f'node "{node}" must not set blockOwnerDeletion on an owner reference'
    if node_object is None:
        raise not_found("", "nodes", node)
    uid = node_object["metadata"]["uid"]
    if owner.get("uid") != uid:
        return f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}"
    return ""


def _reference_complaint(node: str, pod: Obj) -> str:
    if pod["spec"].get("serviceAccountName"):
        return f'node "{node}" can not create pods that reference a service account'
    stranger = {**pod, "metadata": {}}  # what it would refer to were it no mirror
    kinds = {plural for plural, _ in references(stranger)}
    for plural in ("secrets", "configmaps", "persistentvolumeclaims", "resourceclaims"):
        if plural in kinds:
            return f'node "{node}" can not create pods that reference {plural}'
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "serviceAccountToken" in source:
                return f'node "{node}" can not create pods that reference service account token projections'
    return ""


def node_request_complaint(user: str, request: Obj) -> str:
    """Why this node may not ask for such a certificate; "" if it may."""
    if request["spec"].get("signerName") not in _NODE_SIGNERS:
        return ""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        decoded = x509.load_pem_x509_csr(base64.b64decode(request["spec"].get("request", "")))
    except ValueError as error:
        return f"unable to parse csr: {error}"
    names = [str(item.value) for item in decoded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return "" if names == [user] else f"can only create a node CSR with CN={user}"
