"""What a KubeSchedulerConfiguration comes to, as plain data.

https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from minik.api.types import Obj

DEFAULT_SCHEDULER = "default-scheduler"
EVERY = "*"  # in `disabled`: all default plugins of the extension point

# names as the configuration has them; plugins' methods are called the same in snake case
EXTENSION_POINTS = (
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
)
MULTI_POINT = "multiPoint"


@dataclass(frozen=True, slots=True)
class Choice:
    """An enabled plugin. `weight` 0: none was given, which counts as 1."""

    name: str
    weight: int = 0


@dataclass(frozen=True, slots=True)
class PluginSet:
    """What is enabled and disabled at one extension point."""

    enabled: tuple[Choice, ...] = ()
    disabled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """One scheduler name. `plugins` has a set by extension point, the defaults merged in; `arguments` are complete."""

    name: str
    plugins: Mapping[str, PluginSet]
    arguments: Mapping[str, Obj]
    percentage_of_nodes_to_score: int | None = None


@dataclass(frozen=True, slots=True)
class ExtenderSettings:
    """A scheduler extender: a web server that filters, scores, binds or preempts besides the plugins.

    `url_prefix` and a verb make an address; "" for a verb means that it is not served. `timeout` is in seconds.
    `managed` resources: only Pods that ask for one are sent (none: all are); `ignored` ones NodeResourcesFit leaves
    to the extender.
    """

    url_prefix: str
    filter_verb: str = ""
    prioritize_verb: str = ""
    bind_verb: str = ""
    preempt_verb: str = ""
    weight: int = 0
    timeout: float = 5.0
    node_cache_capable: bool = False
    ignorable: bool = False
    managed: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    enable_https: bool = False
    tls: Obj = field(default_factory=dict)  # ExtenderTLSConfig


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """Everything the scheduler is told. Backoffs are in seconds; percentage 0 means that the scheduler decides."""

    profiles: tuple[ProfileSettings, ...]
    percentage_of_nodes_to_score: int = 0
    initial_backoff: float = 1.0
    longest_backoff: float = 10.0
    parallelism: int = 16
    extenders: tuple[ExtenderSettings, ...] = ()
