"""Where minik's own containerd lives and the config.toml it runs with (pure).

Config version 2 is understood by containerd 1.6 to 2.x, which translates it for itself.
Settings: https://github.com/containerd/containerd/blob/main/docs/cri/config.md
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path("/var/lib/minik")
_UNUSED_PLUGINS = (
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.internal.v1.restart",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
)


@dataclass(frozen=True, slots=True)
class ContainerdPaths:
    """Every path of one containerd. Sockets stay far below the 107 bytes a Unix socket's path may have."""

    root: Path  # images, snapshots, metadata
    state: Path  # sockets, running containers; on a tmpfs
    config: Path
    log: Path
    certs_dir: Path  # registry hosts.toml files
    cni_bin_dir: Path
    cni_conf_dir: Path

    @property
    def socket(self) -> Path:
        return self.state / "containerd.sock"

    @property
    def pid_file(self) -> Path:
        return self.state / "containerd.pid"

    @property
    def endpoint(self) -> str:
        return f"unix://{self.socket}"


def paths_for(data_dir: Path) -> ContainerdPaths:
    """The default data directory uses /run/minik/containerd; any other gets a state directory of its own."""
    agent = data_dir / "agent"
    state = Path("/run/minik/containerd")
    if data_dir != DEFAULT_DATA_DIR:
        digest = hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:10]
        state = Path("/run/minik") / digest / "containerd"
    return ContainerdPaths(
        root=agent / "containerd",
        state=state,
        config=agent / "etc/containerd/config.toml",
        log=agent / "containerd/containerd.log",
        certs_dir=agent / "etc/containerd/certs.d",
        cni_bin_dir=agent / "cni/bin",
        cni_conf_dir=agent / "etc/cni/net.d",
    )


def render(
    paths: ContainerdPaths, *, sandbox_image: str, snapshotter: str, systemd_cgroup: bool, restrict_oom_score: bool
) -> str:
    """The text of config.toml. `restrict_oom_score`: this process may not lower oom_score_adj (CAP_SYS_RESOURCE)."""
    disabled = ", ".join(f'"{name}"' for name in _UNUSED_PLUGINS)
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{paths.root}"
state = "{paths.state}"
disabled_plugins = [{disabled}]

[grpc]
  address = "{paths.socket}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{paths.root}/opt"

[plugins."io.containerd.monitor.v1.cgroups"]
  no_prometheus = true

[{cri}]
  sandbox_image = "{sandbox_image}"
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  stats_collect_period = 60
  restrict_oom_score_adj = {_toml(restrict_oom_score)}

[{cri}.cni]
  bin_dir = "{paths.cni_bin_dir}"
  conf_dir = "{paths.cni_conf_dir}"
  max_conf_num = 1

[{cri}.containerd]
  snapshotter = "{snapshotter}"
  default_runtime_name = "runc"
  disable_snapshot_annotations = true

[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
  SystemdCgroup = {_toml(systemd_cgroup)}

[{cri}.registry]
  config_path = "{paths.certs_dir}"
"""


def _toml(value: bool) -> str:
    return "true" if value else "false"
