"""Parts of an object beside what they were before the update: what did not change is not refused (ratcheting).

A part can be matched as long as the schema says how: fields and values by name, items of map lists by their keys.
Items of other lists have no old ones. Upstream: apiserver's cel/common CorrelatedObject.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from minik.api.crd.list_types import correlated_item
from minik.api.types import Obj


@dataclass(slots=True)
class Correlated:
    """A value, the old one and the schema of both."""

    value: Any
    old: Any
    schema: Obj
    _unchanged: bool | None = None

    def key(self, name: str) -> "Correlated | None":
        if not isinstance(self.value, dict) or not isinstance(self.old, dict):
            return None
        part = (self.schema.get("properties") or {}).get(name, self.schema.get("additionalProperties"))
        if name not in self.value or name not in self.old or not isinstance(part, dict):
            return None
        return Correlated(self.value[name], self.old[name], part)

    def index(self, index: int) -> "Correlated | None":
        if not isinstance(self.value, list) or not isinstance(self.old, list):
            return None
        items, item = self.schema.get("items"), self.value[index]
        before = correlated_item(self.schema, item, self.old)
        return Correlated(item, before, items) if before is not None and isinstance(items, dict) else None

    def unchanged(self) -> bool:
        """Whether both are the same. What the schema does not know counts as changed, as upstream has it."""
        if self._unchanged is None:
            self._unchanged = self._compare()
        return self._unchanged

    def _compare(self) -> bool:
        value, old = self.value, self.old
        if isinstance(value, dict):
            if not isinstance(old, dict) or len(value) != len(old):
                return False
            return all(part is not None and part.unchanged() for part in map(self.key, value))
        if isinstance(value, list) and self.schema.get("x-kubernetes-list-type") == "map":
            if not isinstance(old, list) or len(value) != len(old):
                return False
            return all(part is not None and part.unchanged() for part in map(self.index, range(len(value))))
        return bool(value == old) and _written(value) == _written(old)  # 1 is not 1.0


def _written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
