"""`minik kubectl`: the machine's own kubectl with the cluster's kubeconfig."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from minik.cli.settings import server_config
from minik.config import StartupError


def run_kubectl(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by kubectl. A KUBECONFIG of the user's own wins. Raises StartupError without kubectl."""
    program = shutil.which("kubectl", path=environment.get("PATH"))
    if program is None:
        raise StartupError("kubectl is not installed: `apt-get install kubernetes-client`")
    chosen = dict(environment)
    if not chosen.get("KUBECONFIG") and not any(a.split("=")[0] in ("--kubeconfig", "--server") for a in arguments):
        chosen["KUBECONFIG"] = str(_kubeconfig(environment))
    os.execve(program, ["kubectl", *arguments], chosen)


def _kubeconfig(environment: Mapping[str, str]) -> Path:
    named = environment.get("MINIK_CONFIG")
    path = server_config({}, environment, Path(named) if named else None).write_kubeconfig
    if not path.exists():
        raise StartupError(f"no kubeconfig at {path}: start `minik server` first, or set KUBECONFIG")
    return path
