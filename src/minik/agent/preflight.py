"""What a node needs of its machine, checked before anything starts."""

import shutil

from minik.agent.network.cni import check_plugins
from minik.config import AgentConfig, StartupError

_PROGRAMS = {"containerd": "containerd", "runc": "runc", "ip": "iproute2"}  # program -> Debian package


def check(config: AgentConfig) -> None:
    """Raises StartupError naming the first thing that is missing, or set wrong, and how to mend it."""
    from minik.agent.kubelet.config import settings_for

    settings_for(config)
    wanted = ["ip"] if config.container_runtime_endpoint else [*_PROGRAMS]
    for program in wanted:
        if shutil.which(program) is None:
            raise StartupError(f"{program} is not installed: `apt-get install {_PROGRAMS[program]}`")
    check_plugins()
    if not config.disable_kube_proxy:
        from minik.agent.proxy.nft import Nft

        Nft()
