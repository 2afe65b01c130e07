"""What this machine calls itself: the node's name and address when nobody said otherwise."""

import dataclasses
import re
import socket

from minik.config import AgentConfig, StartupError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ANYWHERE = ("192.0.2.1", 9)  # a documentation address: connecting a UDP socket sends nothing


def resolved(config: AgentConfig) -> AgentConfig:
    """`config` with node_name and node_ip filled in. Raises StartupError for a name no Node can have."""
    name = config.node_name or socket.gethostname().lower()
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise StartupError(f"{name!r} cannot be the name of a node: use letters, digits, '-' and '.' (--node-name)")
    return dataclasses.replace(config, node_name=name, node_ip=config.node_ip or default_address())


def default_address() -> str:
    """The address this machine uses towards its default route; 127.0.0.1 without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
