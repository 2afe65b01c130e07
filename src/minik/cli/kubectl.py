"""`minik kubectl`: the machine's own kubectl with the cluster's kubeconfig."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from minik.cli.settings import read_config_file
from minik.config import ServerConfig, StartupError


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
    named = environment.get("MINIK_WRITE_KUBECONFIG")
    if named:
        return Path(named)
    settings = environment.get("MINIK_CONFIG")
    written = read_config_file(Path(settings) if settings else None).get("write-kubeconfig")
    default = next(f.default for f in ServerConfig.__dataclass_fields__.values() if f.name == "write_kubeconfig")
    path = Path(written) if written else Path(str(default))
    if not path.exists():
        raise StartupError(f"no kubeconfig at {path}: start `minik server` first, or set KUBECONFIG")
    return path
