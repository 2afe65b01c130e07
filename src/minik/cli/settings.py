"""Merges what the user said into a config: flag > environment (MINIK_*) > config file (YAML) > default.

Keys of the config file are the flag names without the leading dashes; environment names are MINIK_ plus the flag name
in capitals with underscores. Lists may be repeated flags, YAML lists or comma-separated environment values.
"""

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from minik.config import AgentConfig, ServerConfig, StartupError

DEFAULT_CONFIG_FILE = Path("/etc/minik/config.yaml")
ENVIRONMENT_PREFIX = "MINIK_"
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}
# variables that kubectl wrappers and scripts set for themselves, not settings
_NOT_SETTINGS = {"MINIK_CONFIG"}


def server_config(flags: Mapping[str, Any], environment: Mapping[str, str], config_file: Path | None) -> ServerConfig:
    """The merged settings of `minik server`. Raises StartupError for an unknown key or a value of the wrong type."""
    hints = _fields(ServerConfig) | _fields(AgentConfig)
    hints.pop("agent")
    values = _merge(hints, flags, environment, config_file)
    agent_fields = _fields(AgentConfig)
    agent = AgentConfig(**{name: value for name, value in values.items() if name in agent_fields})
    rest = {name: value for name, value in values.items() if name not in agent_fields}
    return ServerConfig(agent=agent, **rest)


def agent_config_of_server(
    environment: Mapping[str, str], config_file: Path | None, flags: Mapping[str, Any] = types.MappingProxyType({})
) -> AgentConfig:
    """The node's settings of the server on this machine, for commands with few flags of their own."""
    return server_config(flags, environment, config_file).agent


def _fields(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in dataclasses.fields(cls)}


def _merge(
    hints: Mapping[str, Any], flags: Mapping[str, Any], environment: Mapping[str, str], config_file: Path | None
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in read_config_file(config_file).items():
        name = str(key).lstrip("-").replace("-", "_")
        if name not in hints:
            raise StartupError(
                f"unknown key {key!r} in {config_file or DEFAULT_CONFIG_FILE}: see `minik server --help`"
            )
        merged[name] = _convert(hints[name], value, f"{key} in {config_file or DEFAULT_CONFIG_FILE}")
    for variable, text in environment.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in _NOT_SETTINGS and name in hints:
            merged[name] = _convert(hints[name], text, f"environment variable {variable}")
    for name, value in flags.items():
        if value is not None and value != []:
            merged[name] = _convert(hints[name], value, f"--{name.replace('_', '-')}")
    return merged


def read_config_file(path: Path | None) -> dict[str, Any]:
    """The config file's mapping; {} when no file was named and the default one does not exist."""
    import yaml

    chosen = path or DEFAULT_CONFIG_FILE
    try:
        text = chosen.read_text()
    except FileNotFoundError:
        if path is None:
            return {}
        raise StartupError(f"config file {path} does not exist: correct --config or create it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"cannot read config file {chosen}: {error}") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise StartupError(f"config file {chosen} is not YAML: {problem}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise StartupError(f"config file {chosen} must be a mapping of flag names to values")
    return content


def _convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the field's type. Raises StartupError naming `where` it came from."""
    if isinstance(hint, types.GenericAlias):  # tuple[str, ...]
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise StartupError(f"{where}: expected a list, got {value!r}")
        if where == "--disable":
            items = [name for item in items for name in str(item).split(",")]
        return tuple(str(item) for item in items)
    if hint is bool:
        text = str(value).lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise StartupError(f"{where}: expected true or false, got {value!r}")
    if hint is int:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise StartupError(f"{where}: expected a number, got {value!r}") from None
    if isinstance(value, (dict, list)):
        raise StartupError(f"{where}: expected one value, got {value!r}")
    return Path(str(value)) if hint is Path else str(value)
