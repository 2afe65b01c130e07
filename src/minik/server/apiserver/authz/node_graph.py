"""Which objects belong to which node: those that the Pods bound to it refer to.

Fed by changes of Pods (objects.py). What hangs on claims and volumes is looked up when asked, since it is asked seldom.
"""

from collections import Counter
from collections.abc import Iterator

from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.pod_references import persistent_volume_secrets, references

PODS = GVR("", "v1", "pods")
CLAIMS = GVR("", "v1", "persistentvolumeclaims")
VOLUMES = GVR("", "v1", "persistentvolumes")
ATTACHMENTS = GVR("storage.k8s.io", "v1", "volumeattachments")
SLICES = GVR("resource.k8s.io", "v1", "resourceslices")

Key = tuple[str, str, str]
"""(plural resource, namespace, name)"""


class NodeGraph:
    """Answers whether a node has to do with an object."""

    def __init__(self, objects: Reader) -> None:
        self._objects = objects
        self.reset()

    def reset(self) -> None:
        self._references: dict[str, Counter[Key]] = {}  # node -> what its Pods refer to, counted
        self._pods: dict[tuple[str, str], tuple[str, tuple[Key, ...]]] = {}  # Pod -> (node, what it refers to)

    def change(self, _: GVR, new: Obj | None, old: Obj | None) -> None:
        """Take in one change of a Pod."""
        metadata = (new or old or {})["metadata"]
        pod = (metadata["namespace"], metadata["name"])
        node, keys = _bound(new) if new is not None else ("", ())
        known = self._pods.get(pod)
        if known == (node, keys):
            return
        if known is not None:
            del self._pods[pod]
            counted = self._references[known[0]]
            counted.subtract(known[1])
            self._references[known[0]] = +counted  # drops what is no longer referred to
        if node:
            self._pods[pod] = (node, keys)
            self._references.setdefault(node, Counter()).update(keys)

    def related(self, node: str, plural: str, namespace: str, name: str) -> bool:
        """Whether `node` may know this object because of a Pod bound to it."""
        if (plural, namespace, name) in self._references.get(node, ()):
            return True
        if plural == "secrets":
            return any((namespace, name) in persistent_volume_secrets(pv) for pv in self._volumes(node))
        if plural == "persistentvolumes":
            return any(pv["metadata"]["name"] == name for pv in self._volumes(node))
        if plural == "volumeattachments":
            attachment = self._objects.get(ATTACHMENTS, name)
            return attachment is not None and attachment.get("spec", {}).get("nodeName") == node
        if plural == "resourceslices":
            resource_slice = self._objects.get(SLICES, name)
            return resource_slice is not None and resource_slice.get("spec", {}).get("nodeName") == node
        return False

    def _volumes(self, node: str) -> Iterator[Obj]:
        for plural, namespace, name in self._references.get(node, ()):
            if plural != "persistentvolumeclaims":
                continue
            claim = self._objects.get(CLAIMS, name, namespace)
            volume_name = (claim or {}).get("spec", {}).get("volumeName", "")
            volume = self._objects.get(VOLUMES, volume_name) if volume_name else None
            if volume is not None:
                yield volume


def _bound(pod: Obj) -> tuple[str, tuple[Key, ...]]:
    namespace = pod["metadata"]["namespace"]
    node = pod.get("spec", {}).get("nodeName", "")
    if not node:
        return "", ()
    keys = {(plural, namespace, name) for plural, name in references(pod) if name}
    keys.add(("pods", namespace, pod["metadata"]["name"]))
    return node, tuple(sorted(keys))
