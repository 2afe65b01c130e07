"""Objects of the core group as a client would send them, and the way the registry takes them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from minik.api.groups.core import (
    config_map,
    endpoints,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    replication_controller,
    resource_quota,
    secret,
    service,
)
from minik.api.scheme import Resource, Strategy

_ROOMS = (
    config_map,
    endpoints,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    replication_controller,
    resource_quota,
    secret,
    service,
)
_RESOURCES: dict[str, Resource] = {resource.kind: resource for room in _ROOMS for resource in room.RESOURCES}


class Created(dict[str, Any]):
    """An object after defaults and preparation, with the complaints about it."""

    errors: list[str]


Make = Callable[..., Created]
Change = Callable[..., list[str]]


def _strategy(kind: str, subresource: str) -> Strategy:
    resource = _RESOURCES[kind]
    if not subresource:
        return resource.strategy
    found = resource.subresource(subresource)
    assert found is not None
    assert found.strategy is not None
    return found.strategy


@pytest.fixture
def create() -> Make:
    """create(kind, obj): what the registry does on creation."""

    def run(kind: str, **obj: Any) -> Created:
        made = Created(copy.deepcopy({"metadata": {"name": "x", "namespace": "d"}, **obj}))
        strategy = _strategy(kind, "")
        strategy.default(made)
        strategy.prepare_create(made)
        made.errors = [str(error) for error in strategy.validate(made)]
        return made

    return run


@pytest.fixture
def change() -> Change:
    """change(kind, old, edit, subresource=""): complaints about an update; `old` becomes what would be stored."""

    def run(kind: str, old: dict[str, Any], edit: Callable[[dict[str, Any]], Any], subresource: str = "") -> list[str]:
        new = copy.deepcopy(dict(old))
        edit(new)
        strategy = _strategy(kind, subresource)
        strategy.default(new)
        strategy.prepare_update(new, old)
        errors = [str(error) for error in strategy.validate_update(new, old)]
        old.clear()
        old.update(new)
        return errors

    return run
