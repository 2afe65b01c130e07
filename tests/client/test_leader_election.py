import asyncio

from fake_client import FakeClient, until

from minik.client.leader_election import LeaderElected, LeaderElector, Timing, claim
from minik.client.resources import LEASES

FAST = Timing(lease_duration=5, renew_deadline=0.02, retry_period=0.001)


class Work:
    name = "work"

    def __init__(self) -> None:
        self.running = 0

    async def run(self, ready: asyncio.Event) -> None:
        self.running += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.running -= 1


async def test_second_candidate_waits_until_the_first_is_silent():
    client = FakeClient()
    first = LeaderElector(client, "kcm", "a", timing=FAST, clock=client.clock)
    second = LeaderElector(client, "kcm", "b", timing=FAST, clock=client.clock)
    await asyncio.wait_for(first.acquire(), 1)
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    client.clock.advance(6)
    await asyncio.wait_for(waiting, 1)
    spec = client.find(LEASES, "kcm", "kube-system")["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("b", 1)


async def test_released_lease_is_free_at_once():
    client = FakeClient()
    first = LeaderElector(client, "kcm", "a", timing=FAST, clock=client.clock)
    second = LeaderElector(client, "kcm", "b", timing=FAST, clock=client.clock)
    await first.acquire()
    await first.release()
    await asyncio.wait_for(second.acquire(), 1)


async def test_component_stops_when_renewing_fails_and_runs_again_after():
    client = FakeClient()
    work = Work()
    elected = LeaderElected("x", LeaderElector(client, "x", "a", timing=FAST, clock=client.clock), lambda: work)
    task = asyncio.create_task(elected.run(asyncio.Event()))
    await until(lambda: work.running)
    client.fail = lambda verb, resource, name: ConnectionError("down")
    await until(lambda: not work.running)
    client.fail = lambda verb, resource, name: None
    await until(lambda: work.running)
    task.cancel()
    await asyncio.wait([task])
    assert not work.running
    assert client.find(LEASES, "x", "kube-system")["spec"]["holderIdentity"] == ""


def test_renewal_keeps_acquire_time_and_transitions():
    first = claim(None, "a", "n", "ns", "t1", Timing())
    renewed = claim(first, "a", "n", "ns", "t2", Timing())
    assert renewed["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": "t1",
        "renewTime": "t2",
        "leaseTransitions": 0,
    }
