"""A value of the store as it is when it is decrypted."""

from minik.store.store import KeyValue


class Decrypted(KeyValue):
    """`outdated`: it would be encrypted in another way now, so that even writing it unchanged makes sense.

    `by` is what decrypted it; another configuration may think otherwise.
    """

    __slots__ = ("by", "outdated")

    def __init__(self, stored: KeyValue, value: bytes, outdated: bool, by: object) -> None:
        super().__init__(stored.key, value, stored.create_revision, stored.mod_revision, stored.version, stored.lease)
        self.outdated = outdated
        self.by = by


def is_outdated(kv: KeyValue) -> bool:
    return isinstance(kv, Decrypted) and kv.outdated
