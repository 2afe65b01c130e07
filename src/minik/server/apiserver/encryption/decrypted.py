"""A value of the store as it is when it is decrypted."""

from minik.store.store import KeyValue


class Decrypted(KeyValue):
    """`outdated`: it would be encrypted in another way now, so that even writing it unchanged makes sense."""

    __slots__ = ("outdated",)

    def __init__(self, stored: KeyValue, value: bytes, outdated: bool) -> None:
        super().__init__(stored.key, value, stored.create_revision, stored.mod_revision, stored.version, stored.lease)
        self.outdated = outdated


def is_outdated(kv: KeyValue) -> bool:
    return isinstance(kv, Decrypted) and kv.outdated
