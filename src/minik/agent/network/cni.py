"""Pod network of one node: a bridge (CNI's reference plugin) over the node's Pod CIDR.

Waits until the node has its Pod CIDR, then writes the CNI configuration that the container runtime watches for. The
masquerading of what leaves the cluster is the proxy's; the plugin does none.
Configuration: https://www.cni.dev/plugins/current/main/bridge/ and .../ipam/host-local/
"""

import asyncio
import ipaddress
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from minik.api.types import Obj
from minik.client.informer import Change, Informers
from minik.client.resources import NODES
from minik.config import AgentConfig, StartupError

log = logging.getLogger("minik.network")

CNI_VERSION = "1.0.0"
BRIDGE = "cni0"
PLUGIN_DIRECTORIES = ("/opt/cni/bin", "/usr/lib/cni")  # upstream's and Debian's
_NEEDED_PLUGINS = ("bridge", "host-local", "loopback")


def configuration(pod_cidrs: Sequence[str], state_directory: Path, *, masquerade: bool) -> Obj:
    """The CNI network configuration list. Raises ValueError for what is no CIDR."""
    ranges = [[{"subnet": str(ipaddress.ip_network(cidr))}] for cidr in pod_cidrs]
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "forceAddress": True,
        "ipMasq": masquerade,
        "ipam": {"type": "host-local", "dataDir": str(state_directory), "ranges": ranges},
    }
    return {"cniVersion": CNI_VERSION, "name": "minik", "plugins": [bridge]}


def configuration_directory(config: AgentConfig) -> Path:
    """Where the container runtime looks for network configurations."""
    return config.agent_dir / "etc" / "cni" / "net.d"


def check_plugins() -> None:
    """Raises StartupError naming the first CNI plugin that is not installed."""
    for plugin in _NEEDED_PLUGINS:
        if not any(os.access(f"{directory}/{plugin}", os.X_OK) for directory in PLUGIN_DIRECTORIES):
            raise StartupError(
                f"CNI plugin {plugin!r} not found in {' or '.join(PLUGIN_DIRECTORIES)}: "
                "`apt-get install containernetworking-plugins`"
            )


class PodNetwork:
    """Component "pod-network": ready once the runtime can give Pods addresses."""

    name = "pod-network"

    def __init__(self, config: AgentConfig, node_name: str, informers: Informers) -> None:
        self._config = config
        self._node_name = node_name
        self._informers = informers
        self._changed = asyncio.Event()

    async def run(self, ready: asyncio.Event) -> None:
        nodes = self._informers.of(NODES, field_selector=f"metadata.name={self._node_name}")
        nodes.add_handler(self._node_changed)
        try:
            while True:
                node = nodes.get(self._node_name)
                cidrs = (node["spec"].get("podCIDRs") or []) if node else []
                if cidrs:
                    await asyncio.to_thread(self._write, cidrs)
                    ready.set()
                await self._changed.wait()
                self._changed.clear()
        finally:
            nodes.remove_handler(self._node_changed)

    def _node_changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.obj["metadata"]["name"] == self._node_name and _cidrs(change.old) != _cidrs(change.new):
                self._changed.set()

    def _write(self, cidrs: Sequence[str]) -> None:
        state = self._config.agent_dir / "cni" / "networks"
        wanted = configuration(cidrs, state, masquerade=self._config.disable_kube_proxy)
        text = json.dumps(wanted, indent=2) + "\n"
        path = configuration_directory(self._config) / "10-minik.conflist"
        if path.exists() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
        log.info("Pods of this node get addresses from %s", ", ".join(cidrs))


def _cidrs(node: Obj | None) -> Sequence[str]:
    return (node["spec"].get("podCIDRs") or []) if node else []
