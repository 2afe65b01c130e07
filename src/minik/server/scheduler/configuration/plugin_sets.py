"""Which plugins are enabled where: upstream's default set, with what a profile says merged into it. Pure.

https://kubernetes.io/docs/reference/scheduling/config/#multipoint
"""

from collections.abc import Mapping
from typing import Any

from minik.api.types import Obj
from minik.server.scheduler.configuration.settings import EVERY, EXTENSION_POINTS, MULTI_POINT, Choice, PluginSet

DEFAULT_PLUGINS = (
    Choice("SchedulingGates"),
    Choice("PrioritySort"),
    Choice("NodeUnschedulable"),
    Choice("NodeName"),
    Choice("TaintToleration", 3),
    Choice("NodeAffinity", 2),
    Choice("NodePorts"),
    Choice("NodeResourcesFit", 1),
    Choice("VolumeRestrictions"),
    Choice("NodeVolumeLimits"),
    Choice("VolumeBinding"),
    Choice("VolumeZone"),
    Choice("PodTopologySpread", 2),
    Choice("InterPodAffinity", 2),
    Choice("DynamicResources"),  # frees idle claims before DefaultPreemption evicts anybody
    Choice("DefaultPreemption"),
    Choice("NodeResourcesBalancedAllocation", 1),
    Choice("ImageLocality", 1),
    Choice("DefaultBinder"),
    Choice("NodeDeclaredFeatures"),
)


def merged(plugins: Obj) -> dict[str, PluginSet]:
    """The sets of a profile by extension point and `multiPoint`; only the latter has defaults."""
    defaults = {MULTI_POINT: DEFAULT_PLUGINS}
    return {
        point: _merge(defaults.get(point, ()), plugins.get(point) or {}) for point in (MULTI_POINT, *EXTENSION_POINTS)
    }


def _merge(defaults: tuple[Choice, ...], given: Mapping[str, Any]) -> PluginSet:
    """Defaults keep their place, with the weight that was given; further plugins come after them."""
    disabled = frozenset(plugin["name"] for plugin in given.get("disabled") or ())
    choices = [Choice(plugin["name"], plugin.get("weight") or 0) for plugin in given.get("enabled") or ()]
    mine = {choice.name: choice for choice in choices}
    kept = [] if EVERY in disabled else [choice for choice in defaults if choice.name not in disabled]
    replaced = {choice.name for choice in kept if choice.name in mine}
    added = [choice for choice in choices if choice.name not in replaced]
    return PluginSet((*(mine.get(choice.name, choice) for choice in kept), *added), disabled)


def enabled_names(plugins: Mapping[str, PluginSet]) -> list[str]:
    """Every plugin a profile needs, each once, in order of first mention."""
    return list(dict.fromkeys(choice.name for chosen in plugins.values() for choice in chosen.enabled))


def expanded(plugins: Mapping[str, PluginSet], point: str, serving: Mapping[str, bool]) -> list[Choice]:
    """The plugins of one extension point in the order they run in.

    First come those that repeat a multiPoint one here (with what is said here), then the rest of multiPoint, then
    those named here only. `serving` says which plugins have the extension point. Raises ValueError.
    """
    here, everywhere = plugins[point], plugins[MULTI_POINT]
    for choice in here.enabled:
        if not serving[choice.name]:
            raise ValueError(f'plugin "{choice.name}" does not extend {point} plugin')
    _refuse_repeated(here.enabled, point)
    _refuse_repeated(everywhere.enabled, MULTI_POINT)
    if EVERY in here.disabled:
        return list(here.enabled)
    common = {choice.name for choice in everywhere.enabled}
    named = {choice.name for choice in here.enabled}
    first = [choice for choice in here.enabled if choice.name in common]
    last = [choice for choice in here.enabled if choice.name not in common]
    middle = [
        choice
        for choice in everywhere.enabled
        if serving[choice.name] and choice.name not in named and choice.name not in here.disabled
    ]
    return [*first, *middle, *last]


def _refuse_repeated(choices: tuple[Choice, ...], point: str) -> None:
    seen: set[str] = set()
    for choice in choices:
        if choice.name in seen:
            raise ValueError(f'plugin "{choice.name}" already registered as "{point}"')
        seen.add(choice.name)
