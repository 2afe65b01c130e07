"""PodTopologyLabels: a Pod learns the zone and region of the node it is bound to.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#podtopologylabels
"""

from minik.api.types import GVR
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, Plugin
from minik.server.apiserver.objects import Reader

NODES = GVR("", "v1", "nodes")
_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels(Plugin):
    """On a Binding the labels go into its metadata, from where the binding handler takes them."""

    name = "PodTopologyLabels"
    operations = frozenset({CREATE})
    resources = frozenset({("", "pods")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.obj
        if obj is None or attributes.subresource not in ("", "binding"):
            return
        if attributes.subresource == "binding":
            target = obj.get("target") or {}
            node_name = target.get("name", "") if target.get("kind", "Node") in ("Node", "") else ""
        else:
            node_name = (obj.get("spec") or {}).get("nodeName", "")
        node = self._objects.get(NODES, node_name) if node_name else None
        labels = (node or {"metadata": {}})["metadata"].get("labels") or {}
        found = {key: labels[key] for key in _LABELS if key in labels}
        if found:
            metadata = obj.setdefault("metadata", {})
            metadata["labels"] = {**(metadata.get("labels") or {}), **found}
