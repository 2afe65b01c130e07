"""The indexes that controllers share on the shared caches, so that each exists once."""

from collections.abc import Iterable, Mapping

from minik.api.types import Obj
from minik.client.informer import IndexFunction
from minik.server.controllers.objects import controller_of, controller_uid
from minik.server.volumes.pod_claims import claims_of

NAMESPACE = "namespace"
CONTROLLER = "controller"  # uid of the managing owner
ORPHANS = "orphans"  # namespace -> objects without a managing owner
NODE = "node"  # Pods by the node they are bound to
CLAIM = "claim"  # namespace/name of a PersistentVolumeClaim -> Pods that use it


def _by_namespace(obj: Obj) -> Iterable[str]:
    return (obj["metadata"].get("namespace", ""),)


def _by_controller(obj: Obj) -> Iterable[str]:
    uid = controller_uid(obj)
    return (uid,) if uid else ()


def _orphans(obj: Obj) -> Iterable[str]:
    return (obj["metadata"].get("namespace", ""),) if controller_of(obj) is None else ()


def _by_node(pod: Obj) -> Iterable[str]:
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


BY_NAMESPACE: Mapping[str, IndexFunction] = {NAMESPACE: _by_namespace}
OWNED: Mapping[str, IndexFunction] = {NAMESPACE: _by_namespace, CONTROLLER: _by_controller, ORPHANS: _orphans}
PODS: Mapping[str, IndexFunction] = {**OWNED, NODE: _by_node, CLAIM: claims_of}
