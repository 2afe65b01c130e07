"""What a plugin may lean on: handed to every plugin when it is made."""

from dataclasses import dataclass

from minik.client.client import Client
from minik.client.clock import Clock
from minik.client.informer import Informers


@dataclass(frozen=True, slots=True)
class Handle:
    """`client` speaks as system:kube-scheduler; `informers` are the scheduler's caches; `profile` is its name."""

    client: Client
    informers: Informers
    clock: Clock
    profile: str
