"""kube-scheduler's flags, as far as minik has them: all that matters stands in the configuration file."""

from collections.abc import Sequence
from pathlib import Path

from minik.config import StartupError
from minik.server.scheduler.configuration.load import default_settings, load_settings
from minik.server.scheduler.configuration.settings import SchedulerSettings
from minik.server.scheduler.registry import refuse_unknown

# what minik does for all its parts at once, or has no use for
_IGNORED = frozenset(
    [
        "authentication-kubeconfig",
        "authorization-kubeconfig",
        "bind-address",
        "kubeconfig",
        "leader-elect",
        "profiling",
        "secure-port",
        "v",
    ]
)


def settings_of_flags(file: str, arguments: Sequence[str]) -> SchedulerSettings:
    """`file` is --kube-scheduler-config, `arguments` are key=value of kube-scheduler's own. Raises StartupError."""
    for argument in arguments:
        key, separator, value = argument.lstrip("-").partition("=")
        if key == "config" and value:
            file = file or value
        elif not separator or key not in _IGNORED:
            raise StartupError(f"--kube-scheduler-arg: {argument!r} is not supported: use config=FILE")
    settings = load_settings(Path(file)) if file else default_settings()
    for profile in settings.profiles:
        refuse_unknown(profile)
    return settings
