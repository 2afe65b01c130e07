"""What a plugin computes for each node and keeps until the node changes: work per change instead of per Pod and node.

    NodeMemo.of(key, compute, snapshot) -> {node name: compute(node)}, without what is falsy

The cache notes which node changed (ChangeLog); everything is computed anew only when nodes come, go, or get other
labels or taints.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from minik.server.scheduler.framework import Snapshot
from minik.server.scheduler.node_info import NodeInfo

Value = TypeVar("Value")
_MOST = 128  # keys


@dataclass(slots=True)
class _Memo:
    values: dict[str, Any]
    version: int
    topology: int


class NodeMemo:
    """Belongs to one plugin, which makes sure that `key` says everything `compute` depends on besides the node."""

    def __init__(self) -> None:
        self._memos: dict[Hashable, _Memo] = {}

    def of(self, key: Hashable, compute: Callable[[NodeInfo], Value], snapshot: Snapshot) -> Mapping[str, Value]:
        """Shared and read-only."""
        log = snapshot.log
        if log is None:
            return {name: found for name, node in snapshot.nodes.items() if (found := compute(node))}
        memo = self._memos.get(key)
        changed: Sequence[str] | None = None
        if memo is not None and memo.topology == log.topology:
            changed = log.since(memo.version)
        if memo is None or changed is None:
            values = {name: found for name in snapshot.nodes if (found := compute(snapshot.original(name)))}
            if len(self._memos) >= _MOST:
                del self._memos[next(iter(self._memos))]
            memo = self._memos[key] = _Memo(values, log.version, log.topology)
        elif changed:
            for name in set(changed):
                now = compute(snapshot.original(name)) if name in snapshot.nodes else None
                if now:
                    memo.values[name] = now
                else:
                    memo.values.pop(name, None)
            memo.version = log.version
        return self._overlaid(memo.values, compute, snapshot)

    def _overlaid(
        self, values: dict[str, Value], compute: Callable[[NodeInfo], Value], snapshot: Snapshot
    ) -> Mapping[str, Value]:
        """With the nodes that this snapshot shows otherwise than they are."""
        if not snapshot.originals:
            return values
        copy = dict(values)
        for name in snapshot.originals:
            found = compute(snapshot.nodes[name])
            if found:
                copy[name] = found
            else:
                copy.pop(name, None)
        return copy
