"""score: prefer nodes that already have the Pod's images, by size."""

from collections.abc import Sequence

from minik.server.scheduler.framework import MAX_SCORE, CycleState, Event, Snapshot, scored_key
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_SMALLEST, _LARGEST_PER_CONTAINER = 23 * 1024 * 1024, 1000 * 1024 * 1024  # bytes


_SCORED = scored_key("ImageLocality")


class ImageLocality:
    name = "ImageLocality"
    is_local = True
    events: frozenset[Event] = frozenset()

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves how many containers there are, and their images."""
        containers = [*pod.spec["containers"], *(pod.spec.get("initContainers") or ())]
        state[_SCORED] = len(containers), {_normalized(container.get("image", "")) for container in containers}

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        containers: int
        images: set[str]
        containers, images = state[_SCORED]
        if node.node is None or images.isdisjoint(node.images):
            return 0
        listed = (node.node.get("status") or {}).get("images") or ()
        present: int = sum(i.get("sizeBytes", 0) for i in listed if not images.isdisjoint(i.get("names") or ()))
        largest = _LARGEST_PER_CONTAINER * containers
        return MAX_SCORE * (min(max(present, _SMALLEST), largest) - _SMALLEST) // (largest - _SMALLEST)


def _normalized(image: str) -> str:
    """`busybox` -> `busybox:latest`, as node status lists tags."""
    return image if ":" in image.rsplit("/", 1)[-1] or "@" in image else f"{image}:latest"
