"""Takes a node's Pods and runtime away: what `minik killall` does and tests end with.

Containers, shims, containerd, mounts, cgroups, network devices and rules go; data on disk stays.
"""

import asyncio
import logging

from minik.agent import mounts
from minik.agent.containerd import Containerd
from minik.agent.dns.server import remove_address
from minik.agent.kubelet.cgroups import Cgroups
from minik.agent.kubelet.config import settings_for
from minik.agent.network.cni import BRIDGE
from minik.agent.proxy.proxy import remove_rules
from minik.config import AgentConfig, StartupError

log = logging.getLogger("minik.teardown")


async def teardown(config: AgentConfig) -> None:
    """Undo everything minik did to the machine while running Pods. The server must have stopped."""
    settings = settings_for(config)
    await Containerd(config).stop_everything()
    for directory in (settings.root_dir, config.agent_dir):
        for path in mounts.unmount_below(directory):
            log.warning("could not unmount %s", path)
    await asyncio.to_thread(Cgroups(settings.cgroup_root).remove_all)
    if not config.disable_kube_proxy:
        try:
            await asyncio.to_thread(remove_rules)
        except StartupError as error:
            log.warning("Service rules stay: %s", error)
    await remove_address(config.cluster_dns)
    await _delete_bridge()


async def _delete_bridge() -> None:
    process = await asyncio.create_subprocess_exec(
        "ip", "link", "delete", BRIDGE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    await process.wait()  # fails when there is none, which is as well
