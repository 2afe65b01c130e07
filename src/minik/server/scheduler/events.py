"""What happens in the cluster that may make a refused Pod fit, and who knows whether it does (queueing hints).

    what the watches say -> Happening -> the queue asks the hints of the plugins that refused a Pod -> backoff or active

Upstream: https://github.com/kubernetes/enhancements/tree/master/keps/sig-scheduling/4247-queueinghint
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from minik.api.types import Obj

if TYPE_CHECKING:
    from minik.server.scheduler.node_info import PodInfo

log = logging.getLogger("minik.scheduler")


class Event(Enum):
    """The values are upstream's names, as its metrics have them."""

    NODE_ADDED = "NodeAdd"
    NODE_GONE = "NodeDelete"
    NODE_ALLOCATABLE = "NodeUpdateNodeAllocatable"
    NODE_LABELS = "NodeUpdateNodeLabel"
    NODE_TAINTS = "NodeUpdateNodeTaint"
    NODE_FEATURES = "NodeUpdateNodeDeclaredFeature"
    POD_ASSIGNED = "AssignedPodAdd"
    POD_LABELS = "AssignedPodUpdatePodLabel"
    POD_SCALED_DOWN = "AssignedPodUpdatePodScaleDown"
    POD_GONE = "AssignedPodDelete"
    POD_CHANGED = "UnscheduledPodUpdate"  # the waiting Pod itself
    VOLUME = "PersistentVolumeAddUpdate"
    VOLUME_CLAIM = "PersistentVolumeClaimAddUpdate"
    STORAGE_CLASS = "StorageClassAddUpdate"
    CSI_NODE = "CSINodeAddUpdate"
    CSI_DRIVER = "CSIDriverAddUpdate"
    CSI_CAPACITY = "CSIStorageCapacityAddUpdate"
    ATTACHMENT_GONE = "VolumeAttachmentDelete"
    CLAIM = "ResourceClaimAddUpdate"
    SLICE = "ResourceSliceAddUpdate"
    DEVICE_CLASS = "DeviceClassAddUpdate"
    DEVICE_TAINTS = "DeviceTaintRuleChange"
    STORAGE = "StorageChange"  # of anything else that a plugin's `informers` follow


class Happening(NamedTuple):
    """One event, with the object it is about before and after; `old` None: it came, `new` None: it went."""

    event: Event
    old: Obj | None = None
    new: Obj | None = None

    @property
    def obj(self) -> Obj:
        return self.new or self.old or {}


Hint = Callable[["PodInfo", Happening], bool]
"""Whether the Pod may fit now. `hint` of a plugin."""

Wakers = Mapping[Event, Sequence[Hint] | None]
"""The events that may wake a Pod; None: in any case, otherwise when one of the hints says so."""

ALWAYS: Wakers = dict.fromkeys(Event)


def cause(pod: "PodInfo", wakers: Wakers, happenings: Sequence[Happening]) -> Happening | None:
    """The first of them that wakes the Pod. A hint that fails counts as a yes."""
    for one in happenings:
        hints = wakers.get(one.event, ())
        if hints is None or any(_says_yes(hint, pod, one) for hint in hints):
            return one
    return None


def _says_yes(hint: Hint, pod: "PodInfo", what: Happening) -> bool:
    try:
        return hint(pod, what)
    except Exception:
        log.exception("the queueing hint for %s and %s failed", pod.key, what.event.value)
        return True
