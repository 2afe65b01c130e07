import asyncio
import logging
from collections.abc import Iterable

import pytest
from fake_client import FakeClient, FakeClock, until

from minik.api.status import OPTIMISTIC_LOCK, conflict
from minik.client.controller import Controller, own_key
from minik.client.expectations import TIMEOUT, Expectations
from minik.client.informer import Change, Informers
from minik.client.resources import PODS


class Recording(Controller):
    name = "recording"

    def __init__(self, informers: Informers, outcomes: list) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._outcomes = outcomes
        self._pods = self.watch(informers.of(PODS), self._keys)

    def _keys(self, change: Change) -> Iterable[str]:
        assert change.new is None or change.new in self._pods.list()
        return own_key(change)

    async def reconcile(self, key: str) -> float | None:
        self.seen.append(key)
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
async def running():
    client = FakeClient()
    informers = Informers(client)
    tasks = [asyncio.create_task(informers.run(asyncio.Event()))]

    def start(outcomes: list) -> tuple[FakeClient, Recording]:
        controller = Recording(informers, outcomes)
        tasks.append(asyncio.create_task(controller.run(asyncio.Event())))
        return client, controller

    yield start
    for task in tasks:
        task.cancel()


async def test_change_is_reconciled(running):
    client, controller = running([])
    client.add(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
    await until(lambda: controller.seen == ["ns/a"])


async def test_what_is_there_before_it_starts_is_reconciled(running):
    client, controller = running([])
    client.add(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
    await until(lambda: controller.seen == ["ns/a"])
    _, late = running([])
    await until(lambda: late.seen == ["ns/a"])


async def test_conflict_is_retried_quietly(running, caplog):
    client, controller = running([conflict("", "pods", "a", OPTIMISTIC_LOCK)])
    with caplog.at_level(logging.WARNING):
        client.add(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
        await until(lambda: len(controller.seen) == 2)
    assert caplog.records == []
    assert controller.failed == 1


async def test_bug_is_logged_with_traceback_and_retried(running, caplog):
    client, controller = running([KeyError("x")])
    client.add(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
    await until(lambda: len(controller.seen) == 2)
    assert caplog.records[0].exc_info


async def test_returned_delay_brings_the_key_back(running):
    client, controller = running([0.01])
    client.add(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
    await until(lambda: len(controller.seen) == 2)


def test_expectations_hold_until_seen_or_timed_out():
    clock = FakeClock()
    expectations = Expectations(clock)
    assert expectations.satisfied("k")
    expectations.expect("k", creations=1, deletions=["u1"])
    assert not expectations.satisfied("k")
    expectations.creation_observed("k")
    assert not expectations.satisfied("k")
    expectations.deletion_observed("k", "other")
    assert not expectations.satisfied("k")
    expectations.deletion_observed("k", "u1")
    assert expectations.satisfied("k")
    expectations.expect("k", creations=1)
    clock.advance(TIMEOUT + 1)
    assert expectations.satisfied("k")
