"""Where kinds keep what a Scale says: their replicas, how many there are, and which Pods are meant."""

from collections.abc import Callable
from dataclasses import dataclass

from minik.api.types import Obj


def _no_check(_: Obj) -> None:
    return None


def _never(_: Obj) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scaling:
    """Where a kind keeps what a Scale says. `set_replicas` changes the object it is given."""

    replicas: Callable[[Obj], int]
    set_replicas: Callable[[Obj, int], None]
    status_replicas: Callable[[Obj], int]
    selector: Callable[[Obj], str]
    path: tuple[str, ...] = ("spec", "replicas")
    check: Callable[[Obj], None] = _no_check  # raises StatusError when an object cannot be told as a Scale
    is_unset: Callable[[Obj], bool] = _never  # an object has no replicas yet; then a write must say some
    own_validation: bool = False  # the kind's own validation deals with the replicas
