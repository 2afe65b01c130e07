#!/usr/bin/env python3
"""Builds the sample image minik.local/httpd:1 from the machine's static busybox: `sample_image.py ARCHIVE.tar`.

It serves its Pod's name on port 80, so that one sees which Pod answered, and has busybox's tools for looking around.
"""

import subprocess
import sys
from pathlib import Path

from minik.agent.image_archive import File, build_image_archive

NAME = "minik.local/httpd:1"
BUSYBOX = Path("/bin/busybox")
SERVE = b"""#!/bin/sh
# Serves this Pod's name. As process 1 it must forward the signal that ends the Pod.
hostname >/www/index.html
httpd -f -v -p "${PORT:-80}" -h /www &
server=$!
trap 'kill $server; exit 0' TERM INT
wait $server
"""


def build(archive: Path) -> None:
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    files = {f"/bin/{applet}": File(link="/bin/busybox") for applet in applets if applet != "busybox"}
    files["/bin/busybox"] = File(BUSYBOX, mode=0o755)
    files["/bin/serve"] = File(SERVE, mode=0o755)
    files["/www"] = File(directory=True, mode=0o755)
    files["/tmp"] = File(directory=True, mode=0o1777)
    files["/etc/passwd"] = File(b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    files["/etc/group"] = File(b"root:x:0:\nnogroup:x:65534:\n")
    build_image_archive(
        archive, NAME, files=files, command=["/bin/serve"], env=["PATH=/bin"], working_dir="/", exposed_ports=["80/tcp"]
    )


if __name__ == "__main__":
    build(Path(sys.argv[1]))
