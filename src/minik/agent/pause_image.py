"""minik's own pause image: the process that holds a Pod's namespaces. Needs no registry.

Built from Debian's catatonit (`catatonit -P` pauses and reaps zombies) or, where that is missing, a static busybox.
"""

from pathlib import Path

from minik.agent.image_archive import File, build_image_archive
from minik.config import StartupError

PAUSE_IMAGE = "minik.local/pause:1"
_CATATONIT = ("/usr/bin/catatonit", "/usr/libexec/podman/catatonit", "/usr/libexec/catatonit/catatonit")
_BUSYBOX = ("/usr/bin/busybox", "/bin/busybox")
# sh as PID 1 reaps orphans; the trap lets SIGTERM end it at once
_PAUSE_SCRIPT = "trap 'exit 0' TERM INT; while :; do sleep 2147483647 & wait $!; done"


class PauseImageError(StartupError):
    """No static binary to build the pause image from."""


def build_pause_image(path: Path) -> None:
    """Write the pause image's archive to `path`. Raises PauseImageError with what to install."""
    catatonit = next((Path(p) for p in _CATATONIT if Path(p).exists()), None)
    if catatonit is not None:
        files = {"/pause": File(catatonit, 0o755)}
        build_image_archive(path, PAUSE_IMAGE, files=files, entrypoint=["/pause", "-P"], user="65535:65535")
        return
    busybox = next((Path(p) for p in _BUSYBOX if Path(p).exists()), None)
    if busybox is None:
        raise PauseImageError("no pause binary: install the package catatonit (or busybox-static)")
    files = {"/bin/busybox": File(busybox, 0o755), "/bin/sh": File(link="busybox"), "/bin/sleep": File(link="busybox")}
    entrypoint = ["/bin/sh", "-c", _PAUSE_SCRIPT]
    build_image_archive(path, PAUSE_IMAGE, files=files, entrypoint=entrypoint, user="65535:65535")
