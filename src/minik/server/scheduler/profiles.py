"""Which plugins a scheduler name runs, in which order and with which weights."""

from minik.client.client import Client
from minik.client.informer import Informers
from minik.server.scheduler.framework import Enabled, Profile
from minik.server.scheduler.plugins.default_binder import DefaultBinder
from minik.server.scheduler.plugins.default_preemption import DefaultPreemption
from minik.server.scheduler.plugins.image_locality import ImageLocality
from minik.server.scheduler.plugins.node_affinity import NodeAffinity
from minik.server.scheduler.plugins.node_name import NodeName
from minik.server.scheduler.plugins.node_ports import NodePorts
from minik.server.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from minik.server.scheduler.plugins.node_resources_fit import NodeResourcesFit
from minik.server.scheduler.plugins.node_unschedulable import NodeUnschedulable
from minik.server.scheduler.plugins.priority_sort import PrioritySort
from minik.server.scheduler.plugins.scheduling_gates import SchedulingGates
from minik.server.scheduler.plugins.taint_toleration import TaintToleration
from minik.server.scheduler.plugins.volume_binding import VolumeBinding
from minik.server.scheduler.plugins.volume_restrictions import VolumeRestrictions

DEFAULT_SCHEDULER = "default-scheduler"


def default_profile(client: Client, informers: Informers) -> Profile:
    """The profile `default-scheduler`, with upstream's default weights."""
    return Profile(
        DEFAULT_SCHEDULER,
        (
            Enabled(PrioritySort()),
            Enabled(SchedulingGates()),
            Enabled(NodeUnschedulable()),
            Enabled(NodeName()),
            Enabled(TaintToleration(), weight=3),
            Enabled(NodeAffinity(), weight=2),
            Enabled(NodePorts()),
            Enabled(NodeResourcesFit()),
            Enabled(VolumeRestrictions(informers)),
            Enabled(VolumeBinding(client, informers)),
            Enabled(DefaultPreemption()),
            Enabled(NodeResourcesBalancedAllocation()),
            Enabled(ImageLocality()),
            Enabled(DefaultBinder(client)),
        ),
    )
