"""`minik server`: puts the parts of a whole cluster together and runs them until told to stop.

store -> identities and default objects -> API server -> controllers, scheduler
      -> containerd (meanwhile) -> kubelet, network, proxy, DNS of this node
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from minik import KUBERNETES_VERSION, __version__, memory
from minik.cli.logs import configure
from minik.cli.stopping import Stopping
from minik.cli.values import check_server
from minik.config import ServerConfig, StartupError
from minik.host import resolved
from minik.supervisor import Background, Component, Group, Supervisor

if TYPE_CHECKING:
    from minik.server.server import Server

log = logging.getLogger("minik")


def run_server(config: ServerConfig) -> None:
    """Run until SIGTERM or SIGINT. Raises StartupError with one line when it cannot start."""
    memory.starting()
    configure(debug=config.agent.debug, verbosity=config.agent.v)
    agent = replace(resolved(config.agent), disable_cluster_dns="coredns" in config.disable)
    config = replace(config, agent=agent)
    _check(config)
    os.umask(0o022)
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # subprocesses are started by exec; grpc would warn at each
    _import_aiohttp()
    import uvloop

    from minik.server.certificates import CertificateError
    from minik.store.engine import StoreOpenError

    try:
        uvloop.run(_until_stopped(config))
    except* (StoreOpenError, CertificateError) as errors:
        raise StartupError(str(errors.exceptions[0])) from None
    except* StartupError as errors:
        raise StartupError(str(errors.exceptions[0])) from None


def _import_aiohttp() -> None:
    """aiohttp reads all public CAs when it is imported, for clients that minik has none of: 40 ms and 2 MB."""
    before = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(before, os.devnull))
    import aiohttp  # noqa: F401

    for name, value in before.items():
        del os.environ[name]
        if value is not None:
            os.environ[name] = value


def _check(config: ServerConfig) -> None:
    """What would otherwise fail later and less clearly."""
    check_server(config)
    if not config.disable_agent:
        if os.geteuid() != 0:
            raise StartupError("minik server needs root to run Pods: use sudo, or --disable-agent for an API alone")
        from minik.agent.preflight import check

        check(config.agent)
    try:
        config.server_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.scandir(config.server_dir).close()
    except OSError as error:
        raise StartupError(
            f"cannot use data directory {config.data_dir}: {error.strerror}: mend it or choose another with --data-dir"
        ) from None
    _check_port(config.bind_address, config.https_listen_port)


def _check_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise StartupError(
                f"cannot listen on {address} port {port}: {error.strerror}: "
                "stop what uses it or choose another with --https-listen-port"
            ) from None


async def _until_stopped(config: ServerConfig) -> None:
    from minik.api.go_duration import parse_duration

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    stopping = Stopping(task, parse_duration(config.shutdown_delay_duration))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.ask)
    with contextlib.suppress(asyncio.CancelledError):
        await _serve(config, stopping)
    log.info("minik has stopped")


async def _serve(config: ServerConfig, stopping: Stopping) -> None:
    from minik.server.server import open_server

    log.info("minik %s (Kubernetes %s, Python %s) starts", __version__, KUBERNETES_VERSION, sys.version.split()[0])
    async with open_server(config) as server:
        stopping.announce = server.api.health.stop
        components = list(server.components)
        if not config.disable_agent:
            components = _with_node(config, server, components)
        supervisor = Supervisor(components)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run())
            tasks.create_task(server.store_failed())
            await supervisor.started.wait()
            memory.started()
            log.info("minik is up; kubeconfig: %s", config.write_kubeconfig)


def _with_node(config: ServerConfig, server: "Server", components: Sequence[Component]) -> list[Component]:
    """A node needs containerd, which takes a while to start, before the rest; its other parts come after the API."""
    from minik.agent.containerd import Containerd

    containerd = Containerd(config.agent)

    def make_node() -> Sequence[Component]:
        from minik.agent.agent import Agent, NodeCredentials

        serving, client_ca = server.node_credentials()
        credentials = NodeCredentials(serving.certificate, serving.key, client_ca)
        agent = Agent(config.agent, server.node_client(), server.proxy_client(), credentials, containerd.endpoint)
        return agent.components

    return [Background(containerd), *components, Group("node", "minik.agent.agent", make_node)]
