"""Reads a KubeSchedulerConfiguration: strictly, with upstream's defaults. What is wrong is said in one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minik.api.cel.duration import parse_duration
from minik.api.types import Obj
from minik.config import StartupError
from minik.server.scheduler.configuration import fields, plugin_arguments, plugin_sets, validation
from minik.server.scheduler.configuration.settings import (
    DEFAULT_SCHEDULER,
    ExtenderSettings,
    ProfileSettings,
    SchedulerSettings,
)

_API_VERSION, _KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"


def default_settings() -> SchedulerSettings:
    return settings_of({"apiVersion": _API_VERSION, "kind": _KIND})


def load_settings(path: Path) -> SchedulerSettings:
    """Raises StartupError."""
    from minik.api.codec import yaml_codec

    try:
        document, repeated = yaml_codec.loads(path.read_bytes())
        if repeated:
            raise ValueError(f"strict decoding error: {repeated[0]}")
        return settings_of(document)
    except OSError as error:
        raise StartupError(f"cannot read --kube-scheduler-config {path}: {error.strerror}") from None
    except ValueError as error:
        raise StartupError(f"cannot use --kube-scheduler-config {path}: {error}") from None


def settings_of(document: Any) -> SchedulerSettings:
    """Raises ValueError with everything that is wrong."""
    if not isinstance(document, dict) or document.get("kind") != _KIND:
        raise ValueError(f"it is no {_KIND}")
    if document.get("apiVersion") != _API_VERSION:
        raise ValueError(f"its apiVersion is {document.get('apiVersion') or 'missing'}, not {_API_VERSION}")
    _refuse(
        [*fields.problems(document, fields.CONFIGURATION), *_argument_problems(document)], "strict decoding error: "
    )
    complete = _with_defaults(document)
    _refuse([str(error) for error in validation.validate(complete)])
    extenders = tuple(_extender(extender) for extender in document.get("extenders") or ())
    ignored = sorted({name for extender in extenders for name in extender.ignored})
    return SchedulerSettings(
        profiles=tuple(_profile(profile, ignored) for profile in complete["profiles"]),
        percentage_of_nodes_to_score=complete["percentageOfNodesToScore"],
        initial_backoff=float(complete["podInitialBackoffSeconds"]),
        longest_backoff=float(complete["podMaxBackoffSeconds"]),
        parallelism=complete["parallelism"],
        extenders=extenders,
    )


def _refuse(problems: Sequence[str], prefix: str = "") -> None:
    if problems:
        raise ValueError(prefix + (problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"))


def _argument_problems(document: Obj) -> list[str]:
    """Of the default plugins' arguments. Others have shapes of their own."""
    found: list[str] = []
    for at, profile in enumerate(_objects(document.get("profiles"))):
        for place, given in enumerate(_objects(profile.get("pluginConfig"))):
            name, arguments, path = (
                str(given.get("name")),
                given.get("args"),
                f"profiles[{at}].pluginConfig[{place}].args",
            )
            if name not in fields.ARGUMENTS:
                continue
            found += fields.problems(arguments, fields.ARGUMENTS[name], path)
            kind = arguments.get("kind") if isinstance(arguments, dict) else None
            if kind not in (None, f"{name}Args"):
                found.append(f"{path}: args for plugin {name} were not of type {name}Args, got {kind}")
    return found


def _objects(value: Any) -> list[Obj]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _with_defaults(document: Obj) -> Obj:
    profiles = [
        {key: value for key, value in profile.items() if value is not None}
        for profile in document.get("profiles") or [{}]
    ]
    if len(profiles) == 1:
        profiles[0].setdefault("schedulerName", DEFAULT_SCHEDULER)
    for profile in profiles:
        profile["pluginConfig"] = [
            {**given, "args": plugin_arguments.with_defaults(given.get("name") or "", given.get("args") or {})}
            for given in profile.get("pluginConfig") or ()
        ]
    given = {key: value for key, value in document.items() if value is not None}
    defaults = {
        "parallelism": 16,
        "percentageOfNodesToScore": 0,
        "podInitialBackoffSeconds": 1,
        "podMaxBackoffSeconds": 10,
    }
    return {**defaults, **given, "profiles": profiles}


def _profile(profile: Obj, ignored: Sequence[str]) -> ProfileSettings:
    """`ignored` resources are looked after by extenders instead of by NodeResourcesFit."""
    plugins = plugin_sets.merged(profile.get("plugins") or {})
    arguments = {given["name"]: given["args"] for given in profile["pluginConfig"]}
    for name in plugin_sets.enabled_names(plugins):
        arguments.setdefault(name, plugin_arguments.with_defaults(name, {}))
    fit = arguments.get("NodeResourcesFit")
    if fit is not None and ignored:
        arguments["NodeResourcesFit"] = {**fit, "ignoredResources": [*(fit.get("ignoredResources") or ()), *ignored]}
    return ProfileSettings(profile["schedulerName"], plugins, arguments, profile.get("percentageOfNodesToScore"))


def _extender(given: Obj) -> ExtenderSettings:
    resources = given.get("managedResources") or ()
    return ExtenderSettings(
        url_prefix=(given.get("urlPrefix") or "").rstrip("/"),
        filter_verb=given.get("filterVerb") or "",
        prioritize_verb=given.get("prioritizeVerb") or "",
        bind_verb=given.get("bindVerb") or "",
        preempt_verb=given.get("preemptVerb") or "",
        weight=given.get("weight") or 0,
        timeout=parse_duration(given.get("httpTimeout") or "5s").total_seconds(),
        node_cache_capable=bool(given.get("nodeCacheCapable")),
        ignorable=bool(given.get("ignorable")),
        managed=frozenset(resource["name"] for resource in resources),
        ignored=frozenset(resource["name"] for resource in resources if resource.get("ignoredByScheduler")),
        enable_https=bool(given.get("enableHTTPS")),
        tls={key: value for key, value in (given.get("tlsConfig") or {}).items() if value is not None},
    )
