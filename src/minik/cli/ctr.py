"""`minik ctr`: containerd's own tool, pointed at the node's containerd and the images Kubernetes sees."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from minik.cli.settings import agent_config_of_server
from minik.config import StartupError


def run_ctr(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by ctr. Raises StartupError when ctr or the node's containerd is missing."""
    from minik.agent.containerd import NAMESPACE
    from minik.agent.containerd_config import paths_for

    program = shutil.which("ctr", path=environment.get("PATH"))
    if program is None:
        raise StartupError("ctr is not installed: `apt-get install containerd`")
    named = environment.get("MINIK_CONFIG")
    settings = agent_config_of_server(environment, Path(named) if named else None)
    address = settings.container_runtime_endpoint.removeprefix("unix://") or str(paths_for(settings.data_dir).socket)
    if not Path(address).exists():
        raise StartupError(f"no containerd at {address}: start `minik server` first, or set MINIK_DATA_DIR")
    os.execve(program, ["ctr", "--address", address, "--namespace", NAMESPACE, *arguments], dict(environment))
