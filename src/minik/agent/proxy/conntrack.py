"""Forgets UDP flows whose backend is gone, which the kernel would otherwise keep sending there.

TCP needs none of this: a new connection is a new flow. Uses the conntrack program when it is installed.
"""

import asyncio
import logging
import shutil
from collections.abc import Iterable
from typing import NamedTuple

log = logging.getLogger("minik.proxy")

TIMEOUT = 10.0  # seconds for one run of conntrack


class Flow(NamedTuple):
    """UDP flows to a Service address that were sent to one backend. `address` "" means any (node ports)."""

    address: str
    port: int
    backend: str


async def forget(flows: Iterable[Flow]) -> None:
    """Delete these flows. Never raises; what cannot be deleted is logged."""
    program = shutil.which("conntrack")
    if program is None:
        return
    for flow in flows:
        arguments = ["-D", "-p", "udp", "--orig-port-dst", str(flow.port), "--dst-nat", flow.backend]
        if flow.address:
            arguments += ["--orig-dst", flow.address]
        await _run(program, arguments)


async def _run(program: str, arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            _, error = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        log.warning("conntrack did not finish within %.0f s", TIMEOUT)
        return
    # exit code 1 with "0 flow entries" means there was nothing to delete
    if process.returncode not in (0, 1):
        log.warning("conntrack %s: %s", " ".join(arguments), error.decode(errors="replace").strip())
