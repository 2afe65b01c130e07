"""Puts the scheduler together: its caches, its events, its profiles."""

from collections.abc import Sequence

from minik.client.client import Client
from minik.client.clock import SystemClock
from minik.client.events import EventBroadcaster
from minik.client.informer import Informers
from minik.server.apiserver.metrics import Metrics
from minik.server.apiserver.routes import Routes
from minik.server.scheduler import why
from minik.server.scheduler.configuration.load import default_settings
from minik.server.scheduler.configuration.settings import SchedulerSettings
from minik.server.scheduler.extenders import Extender
from minik.server.scheduler.permitting import WaitingPods
from minik.server.scheduler.profiles import make_profiles
from minik.server.scheduler.scheduler import Scheduler
from minik.supervisor import Component


def scheduler_components(
    client: Client, settings: SchedulerSettings | None, routes: Routes, metrics: Metrics
) -> list[Component]:
    """In starting order. `client` speaks as system:kube-scheduler. Raises StartupError for plugins that are wrong.

    The scheduler explains itself under `routes`, and what it counts is among `metrics`.
    """
    settings = settings or default_settings()
    clock = SystemClock()
    informers = Informers(client)
    events = EventBroadcaster(client)
    waiting = WaitingPods()
    profiles = make_profiles(settings, client, informers, clock, waiting)
    scheduler = Scheduler(
        client,
        informers,
        events.recorder,
        profiles=profiles,
        extenders=extenders_of(settings),
        initial_backoff=settings.initial_backoff,
        longest_backoff=settings.longest_backoff,
        clock=clock,
        waiting=waiting,
    )
    routes.add(why.PATH, why.handler(scheduler, informers))
    metrics.add(lambda: iter(scheduler.collect()))
    return [informers, events, scheduler]


def extenders_of(settings: SchedulerSettings) -> Sequence[Extender]:
    """Few clusters have any."""
    return [Extender(each) for each in settings.extenders]
