"""The files the kubelet itself keeps for a Pod: /etc/hosts, termination messages, log directories and links.

All functions block shortly; call the ones on large files in a thread.
"""

import contextlib
import os
import secrets
from pathlib import Path

from minik.agent.kubelet import runtime_types as names
from minik.agent.kubelet.runtime_types import Container
from minik.api.types import Obj

MAX_MESSAGE = 4096  # bytes of a termination message
MAX_LOG_LINES, MAX_LOG_BYTES = 80, 2048


def write_etc_hosts(directory: Path, text: str) -> Path:
    """Written in place: containers have this very file mounted."""
    path = directory / "etc-hosts"
    if not path.exists() or path.read_text() != text:
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        path.write_text(text)
        path.chmod(0o644)
    return path


def make_termination_log(directory: Path, container_name: str) -> Path:
    """A fresh empty file that any user of the container may write."""
    path = directory / "containers" / container_name / secrets.token_hex(4)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    path.touch()
    path.chmod(0o666)
    return path


def termination_message(container: Container) -> str:
    """What the container left behind, by its terminationMessagePolicy; "" when nothing."""
    path = container.mounts.get(container.annotations.get(names.MESSAGE_PATH_ANNOTATION, ""))
    message = ""
    if path:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            message = file.read(MAX_MESSAGE).decode(errors="replace")
    policy = container.annotations.get(names.MESSAGE_POLICY_ANNOTATION)
    if not message and policy == "FallbackToLogsOnError" and container.exit_code != 0 and container.log_path:
        message = _log_tail(Path(container.log_path))
    return message


def _log_tail(path: Path) -> str:
    """The last lines of a CRI log, without time and stream."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 64 * 1024))
            lines = file.read().splitlines()[-MAX_LOG_LINES:]
    except OSError:
        return ""
    text = b""
    for line in lines:
        fields = line.split(b" ", 3)
        if len(fields) == 4:
            text += fields[3] + (b"" if fields[2].startswith(b"P") else b"\n")
    return text[-MAX_LOG_BYTES:].decode(errors="replace")


def link_container_log(directory: Path, pod: Obj, container_name: str, container_id: str, log: Path) -> None:
    """/var/log/containers/<pod>_<namespace>_<container>-<id>.log, where log shippers look."""
    metadata = pod["metadata"]
    directory.mkdir(parents=True, exist_ok=True)
    link = directory / f"{metadata['name']}_{metadata['namespace']}_{container_name}-{container_id}.log"
    with contextlib.suppress(FileExistsError):
        link.symlink_to(log)


def remove_container_files(directory: Path, container: Container) -> None:
    """The termination message and the log of a removed container, the log's rotated parts and its link."""
    message = container.mounts.get(container.annotations.get(names.MESSAGE_PATH_ANNOTATION, ""))
    if message and Path(message).parent.parent.name == "containers":
        Path(message).unlink(missing_ok=True)
    link = directory / f"{container.pod_name}_{container.namespace}_{container.name}-{container.id}.log"
    link.unlink(missing_ok=True)
    if container.log_path:
        log = Path(container.log_path)
        for part in [*log.parent.glob(f"{log.name}*")]:
            part.unlink(missing_ok=True)
