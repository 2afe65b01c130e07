"""Makes profiles of their settings: which plugins a scheduler name runs, in which order and with which weights."""

from collections.abc import Mapping
from typing import Any

from minik.client.client import Client
from minik.client.clock import Clock, SystemClock
from minik.client.informer import Informers
from minik.config import StartupError
from minik.server.scheduler.configuration.load import default_settings
from minik.server.scheduler.configuration.plugin_sets import enabled_names, expanded
from minik.server.scheduler.configuration.settings import (
    DEFAULT_SCHEDULER,
    EXTENSION_POINTS,
    ProfileSettings,
    SchedulerSettings,
)
from minik.server.scheduler.framework import Enabled, Profile
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.permitting import WaitingPods
from minik.server.scheduler.registry import make

__all__ = ["DEFAULT_SCHEDULER", "default_profile", "make_profiles"]

# the method of a plugin that serves an extension point
METHODS = {
    "preEnqueue": "pre_enqueue",
    "queueSort": "sort_key",
    "preFilter": "pre_filter",
    "filter": "filter",
    "postFilter": "post_filter",
    "preScore": "pre_score",
    "score": "score",
    "reserve": "reserve",
    "permit": "permit",
    "preBind": "pre_bind",
    "bind": "bind",
    "postBind": "post_bind",
}


def default_profile(client: Client, informers: Informers) -> Profile:
    """The profile `default-scheduler`, with upstream's default plugins and weights."""
    return make_profiles(default_settings(), client, informers, SystemClock())[0]


def make_profiles(
    settings: SchedulerSettings, client: Client, informers: Informers, clock: Clock, waiting: WaitingPods | None = None
) -> list[Profile]:
    """Raises StartupError for plugins that are not there or not enough."""
    shared: dict[str, Any] = {}
    waiting = waiting or WaitingPods()
    percentage = settings.percentage_of_nodes_to_score
    return [
        _profile(one, Handle(client, informers, clock, one.name, waiting, shared), percentage)
        for one in settings.profiles
    ]


def _profile(settings: ProfileSettings, handle: Handle, percentage: int) -> Profile:
    plugins = {name: make(name, settings.arguments.get(name) or {}, handle) for name in enabled_names(settings.plugins)}
    points = {METHODS[point]: _at(point, settings, plugins) for point in EXTENSION_POINTS}
    where = f"initializing profiles: creating profile for scheduler name {settings.name}:"
    if len(points["sort_key"]) != 1:
        found = len(points["sort_key"])
        raise StartupError(f"{where} only one queue sort plugin required for profile, but got {found}")
    if not points["bind"]:
        raise StartupError(f"{where} at least one bind plugin is needed for profile")
    used = {id(enabled.plugin) for chosen in points.values() for enabled in chosen}
    chosen = [Enabled(each) for each in plugins.values() if id(each) in used]
    own = settings.percentage_of_nodes_to_score
    return Profile(settings.name, chosen, points, percentage if own is None else own)


def _at(point: str, settings: ProfileSettings, plugins: Mapping[str, Any]) -> list[Enabled]:
    serving = {name: hasattr(plugin, METHODS[point]) for name, plugin in plugins.items()}
    try:
        chosen = expanded(settings.plugins, point, serving)
    except ValueError as error:
        raise StartupError(f"creating profile for scheduler name {settings.name}: {error}") from None
    return [Enabled(plugins[choice.name], choice.weight or 1) for choice in chosen]
