"""The kubelet's settings: AgentConfig plus upstream kubelet flags given as --kubelet-arg key=value.

Names and defaults: https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minik.agent.containerd_config import DEFAULT_DATA_DIR
from minik.agent.kubelet import quantities
from minik.config import AgentConfig, StartupError

DEFAULT_EVICTION_HARD = {
    "memory.available": "100Mi",
    "nodefs.available": "10%",
    "nodefs.inodesFree": "5%",
    "imagefs.available": "15%",
    "imagefs.inodesFree": "5%",
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeletSettings:
    """Durations in seconds, sizes in bytes."""

    root_dir: Path
    pod_logs_dir: Path
    container_logs_dir: Path
    node_labels: Mapping[str, str] = field(default_factory=dict)
    register_with_taints: Sequence[Mapping[str, str]] = ()
    register_node: bool = True
    address: str = "0.0.0.0"
    port: int = 10250
    max_pods: int = 110
    pods_per_core: int = 0
    kube_reserved: Mapping[str, str] = field(default_factory=dict)
    system_reserved: Mapping[str, str] = field(default_factory=dict)
    eviction_hard: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_EVICTION_HARD))
    node_status_report_frequency: float = 300.0
    node_status_update_frequency: float = 10.0
    node_lease_duration: int = 40
    cgroup_root: str = "/"
    cpu_cfs_quota: bool = True
    pod_pids_limit: int = -1
    resolv_conf: str = ""
    serialize_image_pulls: bool = False
    max_parallel_image_pulls: int = 0  # 0: no limit
    image_gc_high_threshold: int = 85
    image_gc_low_threshold: int = 80
    minimum_image_ttl: float = 120.0
    container_log_max_size: int = 10 << 20
    container_log_max_files: int = 5
    allowed_unsafe_sysctls: Sequence[str] = ()
    seccomp_default: bool = False
    pod_manifest_path: str = ""
    max_container_backoff: float = 300.0
    shutdown_grace_period: float = 0.0
    provider_id: str = ""


def settings_for(config: AgentConfig) -> KubeletSettings:
    """Raises StartupError for a flag whose value cannot be read; unknown flags are only warned about."""
    default = config.data_dir == DEFAULT_DATA_DIR
    base = config.agent_dir
    try:
        taints = [_taint(text) for text in config.node_taint]
    except ValueError as error:
        raise StartupError(f"{error}: use key=value:NoSchedule (--node-taint)") from error
    values: dict[str, Any] = {
        "root_dir": Path("/var/lib/kubelet") if default else base / "kubelet",
        "pod_logs_dir": Path("/var/log/pods") if default else base / "log/pods",
        "container_logs_dir": Path("/var/log/containers") if default else base / "log/containers",
        "node_labels": _pairs(",".join(config.node_label)),
        "register_with_taints": taints,
    }
    for argument in config.kubelet_arg:
        name, text = _flag(argument)
        convert = _FLAGS.get(name)
        if convert is None:
            continue
        try:
            converted = convert(text)
        except (ValueError, KeyError) as error:
            raise StartupError(f"invalid value {text!r} for kubelet flag --{name}: {error}") from error
        field_name = name.replace("-", "_")
        if field_name in ("node_labels", "eviction_hard") and values.get(field_name):
            converted = {**values[field_name], **converted}
        values[field_name] = converted
    return KubeletSettings(**values)


def unknown_flags(config: AgentConfig) -> list[str]:
    """Names of the kubelet flags that have no effect here."""
    return [name for name, _ in map(_flag, config.kubelet_arg) if name not in _FLAGS]


def _flag(argument: str) -> tuple[str, str]:
    name, _, text = argument.removeprefix("--").partition("=")
    return name, text


def duration(text: str) -> float:
    """Go's duration syntax ("1m30s") in seconds. Raises ValueError."""
    if text == "0":
        return 0.0
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"invalid duration {text!r}")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _pairs(text: str, separator: str = "=") -> dict[str, str]:
    pairs = (item.partition(separator) for item in text.split(",") if item.strip())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _taint(text: str) -> dict[str, str]:
    """key=value:Effect or key:Effect."""
    key_value, _, effect = text.rpartition(":")
    key, _, value = key_value.partition("=")
    if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise ValueError(f"invalid taint {text!r}")
    return {"key": key, "value": value, "effect": effect} if value else {"key": key, "effect": effect}


def _bool(text: str) -> bool:
    if text.lower() not in ("", "true", "false", "1", "0", "t", "f"):
        raise ValueError("not a boolean")
    return text.lower() in ("", "true", "1", "t")


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


_FLAGS: Mapping[str, Any] = {
    "root-dir": Path,
    "pod-logs-dir": Path,
    "node-labels": _pairs,
    "register-with-taints": lambda text: [_taint(item) for item in _list(text)],
    "register-node": _bool,
    "address": str,
    "port": int,
    "max-pods": int,
    "pods-per-core": int,
    "kube-reserved": _pairs,
    "system-reserved": _pairs,
    "eviction-hard": lambda text: _pairs(text, "<"),
    "node-status-report-frequency": duration,
    "node-status-update-frequency": duration,
    "node-lease-duration": int,
    "cgroup-root": str,
    "cpu-cfs-quota": _bool,
    "pod-pids-limit": int,
    "resolv-conf": str,
    "serialize-image-pulls": _bool,
    "max-parallel-image-pulls": int,
    "image-gc-high-threshold": int,
    "image-gc-low-threshold": int,
    "minimum-image-ttl": duration,
    "container-log-max-size": lambda text: quantities.value(text),
    "container-log-max-files": int,
    "allowed-unsafe-sysctls": _list,
    "seccomp-default": _bool,
    "pod-manifest-path": str,
    "max-container-backoff": duration,
    "shutdown-grace-period": duration,
    "provider-id": str,
}
