"""Hands a transaction to the kernel through libnftables: all of it happens or nothing does."""

import asyncio
from collections.abc import Sequence
from typing import Any

from minik.config import StartupError


class NftError(Exception):
    """nft refused a transaction; the message is its own, with the commands' first lines."""


class Nft:
    """One libnftables context. Blocking work runs in a thread; calls are serialised by the caller."""

    def __init__(self) -> None:
        """Raises StartupError when libnftables is missing."""
        self._context: Any = None
        try:
            from nftables import Nftables

            self._context = Nftables()
        except (ImportError, OSError) as error:
            raise StartupError(f"nftables is not usable ({error}): `apt-get install nftables`") from None

    async def apply(self, commands: Sequence[str]) -> None:
        """Run the commands as one transaction. Raises NftError; then nothing has changed."""
        await asyncio.to_thread(self.apply_now, commands)

    def apply_now(self, commands: Sequence[str]) -> None:
        """`apply` for callers outside the loop (clean-up while stopping)."""
        if not commands:
            return
        status, _, error = self._context.cmd("\n".join(commands) + "\n")
        if status != 0:
            raise NftError(f"{' '.join(error.split())[:800]} (in a transaction of {len(commands)} commands)")


def delete_table(family: str, name: str) -> list[str]:
    """Commands that remove a table, whether or not it is there."""
    return [f"add table {family} {name}", f"delete table {family} {name}"]
