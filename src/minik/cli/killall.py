"""`minik killall`: leave nothing running, mounted or programmed of a node whose server has stopped."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minik.cli.logs import configure
from minik.cli.settings import agent_config_of_server
from minik.config import StartupError
from minik.host import resolved


def run_killall(flags: Mapping[str, Any], environment: Mapping[str, str], config_file: Path | None) -> None:
    """Raises StartupError while a server still runs on the data directory, or without root."""
    if os.geteuid() != 0:
        raise StartupError("minik killall needs root")
    configure(debug=False, verbosity=0)
    config = resolved(agent_config_of_server(environment, config_file, flags))
    from minik.agent.teardown import teardown

    with _no_server(config.data_dir / "server" / "db"):
        asyncio.run(teardown(config))


@contextlib.contextmanager
def _no_server(store: Path) -> Iterator[None]:
    """Keep servers off the data directory meanwhile. Raises StartupError when one is running."""
    from minik.store.engine import StoreOpenError
    from minik.store.lock import DirectoryLock

    if not store.exists():
        yield
        return
    try:
        lock = DirectoryLock(store)
    except StoreOpenError as error:
        raise StartupError(str(error)) from None
    try:
        yield
    finally:
        lock.release()
