"""Rules written for the version that is stored, used by other versions of the same kind."""

from collections.abc import Callable
from typing import Any

import orjson

from minik.api.types import Obj


def converting(to_storage: Callable[[Obj], Obj], function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """`function`, which takes objects as they are stored, for objects of the other version.

    The objects given stay as they are; other arguments are passed on.
    """

    def call(*args: Any) -> list[Any]:
        return function(*(to_storage(orjson.loads(orjson.dumps(a))) if isinstance(a, dict) else a for a in args))

    return call
