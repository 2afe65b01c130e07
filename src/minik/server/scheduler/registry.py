"""The plugins there are, by name, and how each is made: minik's own, and others' found by their entry points.

A plugin module is imported when a profile first needs it. Others' plugins are callables
`(arguments: dict, handle: Handle) -> plugin` under the entry point group `minik.scheduler_plugins`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from minik.api.types import Obj
from minik.config import StartupError
from minik.server.scheduler.configuration.plugin_sets import enabled_names
from minik.server.scheduler.configuration.settings import ProfileSettings
from minik.server.scheduler.handle import Handle

ENTRY_POINTS = "minik.scheduler_plugins"
Factory = Callable[[Obj, Handle], Any]
_MISSING = f'scheduler plugin "{{}}" does not exist: no entry point of {ENTRY_POINTS} has that name'

# name -> module, and what the class is made with
_PLAIN, _ARGUMENTS, _HANDLE, _INFORMERS, _CLIENT = "plain", "arguments", "arguments and handle", "informers", "client"
_PLUGINS: Mapping[str, tuple[str, str]] = {
    "DefaultBinder": ("default_binder", _CLIENT),
    "DefaultPreemption": ("default_preemption", _HANDLE),
    "DynamicResources": ("dynamic_resources", _HANDLE),
    "ImageLocality": ("image_locality", _PLAIN),
    "InterPodAffinity": ("inter_pod_affinity", _HANDLE),
    "NodeAffinity": ("node_affinity", _ARGUMENTS),
    "NodeDeclaredFeatures": ("node_declared_features", _PLAIN),
    "NodeName": ("node_name", _PLAIN),
    "NodePorts": ("node_ports", _PLAIN),
    "NodeResourcesBalancedAllocation": ("node_resources_balanced_allocation", _ARGUMENTS),
    "NodeResourcesFit": ("node_resources_fit", _ARGUMENTS),
    "NodeUnschedulable": ("node_unschedulable", _PLAIN),
    "NodeVolumeLimits": ("node_volume_limits", _INFORMERS),
    "PodTopologySpread": ("pod_topology_spread", _HANDLE),
    "PrioritySort": ("priority_sort", _PLAIN),
    "SchedulingGates": ("scheduling_gates", _PLAIN),
    "TaintToleration": ("taint_toleration", _PLAIN),
    "VolumeBinding": ("volume_binding", _HANDLE),
    "VolumeRestrictions": ("volume_restrictions", _INFORMERS),
    "VolumeZone": ("volume_zone", _INFORMERS),
}


def refuse_unknown(profile: ProfileSettings) -> None:
    """Raises StartupError for a plugin that is neither minik's nor installed."""
    for name in enabled_names(profile.plugins):
        if name not in _PLUGINS and not _entry_points(name):
            raise StartupError(f"{_MISSING.format(name)} (profile {profile.name})")


def make(name: str, arguments: Obj, handle: Handle) -> Any:
    """A new plugin. Raises StartupError for a name that nobody knows, and for what cannot be loaded or made."""
    if name in _PLUGINS:
        return _make_own(name, arguments, handle)
    found = _entry_points(name)
    if not found:
        raise StartupError(_MISSING.format(name))
    try:
        factory: Factory = found[0].load()
        return factory(arguments, handle)
    except Exception as error:
        raise StartupError(f'scheduler plugin "{name}" ({found[0].value}) cannot be made: {error!r}') from error


def _make_own(name: str, arguments: Obj, handle: Handle) -> Any:
    module, wants = _PLUGINS[name]
    plugin = getattr(import_module(f"minik.server.scheduler.plugins.{module}"), name)
    given: Mapping[str, tuple[Any, ...]] = {
        _PLAIN: (),
        _ARGUMENTS: (arguments,),
        _HANDLE: (arguments, handle),
        _INFORMERS: (handle.informers,),
        _CLIENT: (handle.client,),
    }
    return plugin(*given[wants])


def _entry_points(name: str) -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group=ENTRY_POINTS, name=name))
