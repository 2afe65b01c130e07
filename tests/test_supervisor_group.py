import asyncio
from collections.abc import Sequence

from minik.supervisor import Component, Group, Supervisor


class Part:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self._log = log

    async def run(self, ready: asyncio.Event) -> None:
        self._log.append(f"{self.name} starts")
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._log.append(f"{self.name} stops")


async def test_a_group_is_made_in_its_turn_and_stops_in_reverse() -> None:
    log: list[str] = []

    def make() -> Sequence[Component]:
        log.append("made")
        return [Part("b", log), Part("c", log)]

    supervisor = Supervisor([Part("a", log), Group("group", "json.tool", make), Part("d", log)])
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(5):
        await supervisor.started.wait()
    assert log == ["a starts", "made", "b starts", "c starts", "d starts"]
    log.clear()
    running.cancel()
    await asyncio.wait([running])
    assert log == ["d stops", "c stops", "b stops", "a stops"]
