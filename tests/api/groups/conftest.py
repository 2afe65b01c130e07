"""Objects of any built-in kind as a client would send them, and the way the registry takes them."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from minik.api import groups
from minik.api.schema import decode
from minik.api.scheme import Resource, Scheme, Strategy


@cache
def _scheme() -> Scheme:
    return groups.load()


def _resource(kind: str, api_version: str) -> Resource:
    group, _, version = api_version.rpartition("/")
    found = _scheme().by_kind(group, version, kind)
    assert found is not None
    return found


class Written(dict[str, Any]):
    """An object after defaults and preparation, with the complaints and warnings about it."""

    errors: list[str]
    warnings: list[str]


@pytest.fixture
def resource() -> Callable[[str, str], Resource]:
    return _resource


@pytest.fixture
def post() -> Callable[..., Written]:
    """post(api_version, kind, **fields): what the registry does on creation."""

    def run(api_version: str, kind: str, **fields: Any) -> Written:
        found = _resource(kind, api_version)
        metadata = {"name": "x", "uid": "u", **fields.pop("metadata", {})}
        sent = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
        made = Written(decode.prune(copy.deepcopy(sent), decode.shape_of(found)))
        found.strategy.default(made)
        found.strategy.prepare_create(made)
        made.errors = [str(error) for error in found.strategy.validate(made)]
        made.warnings = found.strategy.warn(made, None)
        return made

    return run


@pytest.fixture
def put() -> Callable[..., Written]:
    """put(old, edit, subresource=""): what the registry does on an update."""

    def run(old: Written, edit: Callable[[dict[str, Any]], Any], subresource: str = "") -> Written:
        found = _resource(old["kind"], old["apiVersion"])
        strategy: Strategy | None = found.strategy
        if subresource:
            door = found.subresource(subresource)
            assert door is not None
            strategy = door.strategy
        assert strategy is not None
        new = Written(copy.deepcopy(dict(old)))
        edit(new)
        strategy.default(new)
        strategy.prepare_update(new, old)
        new.errors = [str(error) for error in strategy.validate_update(new, old)]
        return new

    return run
