"""Which nodes changed, in order, for those who keep what they computed of them."""

from collections.abc import Sequence

_LONGEST = 8192


class ChangeLog:
    """`version` counts changes of any kind, `topology` those of the set of nodes, their labels and their taints."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._forgotten = 0
        self.topology = 0

    @property
    def version(self) -> int:
        return self._forgotten + len(self._names)

    def note(self, name: str) -> None:
        self._names.append(name)
        if len(self._names) > _LONGEST:
            half = len(self._names) // 2
            del self._names[:half]
            self._forgotten += half

    def since(self, version: int) -> Sequence[str] | None:
        """The nodes that changed after `version`, maybe repeatedly. None: too long ago to tell."""
        if version < self._forgotten:
            return None
        return self._names[version - self._forgotten :]
