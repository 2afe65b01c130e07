"""Flow control of the API server: classifies requests and hands out seats.

    request -> Flow (FlowSchema, priority level, queues), found once per kind of request -> seat, queue or 429

Configuration is what FlowSchemas and PriorityLevelConfigurations say at the moment. Streams and callers in this process
take no seats, watches only until their answer begins. How many seats: work_estimate.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.flowcontrol.classification import Schema, in_order, schema_of
from minik.server.apiserver.flowcontrol.flow import Counts, Flow
from minik.server.apiserver.flowcontrol.level import Level, Settings, hand
from minik.server.apiserver.flowcontrol.work_estimate import WorkEstimate
from minik.server.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SEATS = 600  # kube-apiserver's --max-requests-inflight and --max-mutating-requests-inflight together
PATIENCE = 15.0  # seconds in a queue, a quarter of a request's time
_REMEMBERED = 4096  # kinds of requests
_EXEMPT: Obj = {"metadata": {"name": "exempt"}, "spec": {"type": "Exempt"}}

Key = tuple[object, ...]


class FlowControl:
    """Until it is configured, every request is exempt."""

    def __init__(self, seats: int = SEATS, patience: float = PATIENCE) -> None:
        """`patience`: seconds a request waits in a queue at most."""
        self._seats = seats
        self._patience = patience
        self.estimate: WorkEstimate | None = None  # without it, every request takes one seat
        self._configurations: dict[str, Settings] = {}
        self._schemas: dict[str, Schema] = {}
        self._levels: dict[str, Level] = {}
        self._order: list[Schema] = []
        self._flows: dict[Key, Flow] = {}
        self._counts: dict[tuple[str, str], Counts] = {}
        self._exempt = Level("exempt", Settings(_EXEMPT), self._lend)

    def flow(self, info: RequestInfo, user: UserInfo) -> Flow:
        """Where a request belongs."""
        where = (info.group, info.resource, info.subresource, info.namespace) if info.is_resource else info.path
        key = (user.name, user.groups, info.verb, where)
        try:
            return self._flows[key]
        except KeyError:
            pass
        except TypeError:  # groups that are no tuple
            return self._classify(info, user)
        if len(self._flows) >= _REMEMBERED:
            self._flows.clear()
        found = self._flows[key] = self._classify(info, user)
        return found

    def _classify(self, info: RequestInfo, user: UserInfo) -> Flow:
        for schema in self._order:
            if schema.matches(info, user):
                level = self._levels[schema.level]
                queues = hand(schema.name, schema.distinguisher(info, user), level.settings)
                uids = (schema.uid, level.settings.uid)
                return self._flow(schema.name, level, queues, uids, self._counted(schema, level), info, user)
        return self._flow("", self._exempt, (), ("", ""), Counts(), info, user)

    def _flow(
        self,
        schema: str,
        level: Level,
        queues: tuple[int, ...],
        uids: tuple[str, str],
        counts: Counts,
        info: RequestInfo,
        user: UserInfo,
    ) -> Flow:
        return Flow(
            schema,
            level,
            queues,
            uids,
            counts,
            info=info,
            user=user.name,
            patience=self._patience,
            estimate=self.estimate,
        )

    def _counted(self, schema: Schema, level: Level) -> Counts:
        return self._counts.setdefault((schema.name, level.name), Counts())

    # -- configuration

    def configure(self, schemas: Iterable[Obj], levels: Iterable[Obj]) -> None:
        """Take over the whole configuration. Seats that are taken stay taken."""
        self._schemas = {obj["metadata"]["name"]: schema_of(obj) for obj in schemas}
        self._configurations = {obj["metadata"]["name"]: Settings(obj) for obj in levels}
        for name in self._levels.keys() - self._configurations.keys():
            gone = self._levels.pop(name)
            gone.seats = gone.running + gone.waiting + 1  # those who wait there go ahead
            gone.hand_out()
        for name, settings in self._configurations.items():
            level = self._levels.get(name)
            if level is None:
                self._levels[name] = Level(name, settings, self._lend)
            else:
                level.settings = settings
        self._divide()
        self._order = [schema for schema in in_order(self._schemas.values()) if schema.level in self._levels]
        self._flows.clear()
        for level in self._levels.values():
            level.hand_out()

    def _divide(self) -> None:
        """Nominal seats by shares, rounded up, and how many of them others may use meanwhile."""
        shares = sum(level.settings.shares for level in self._levels.values())
        for level in self._levels.values():
            level.seats = max(1, ceil(self._seats * level.settings.shares / shares)) if shares else 1
            level.lendable = round(level.seats * level.settings.lendable_percent / 100)
            percent = level.settings.borrowable_percent
            level.borrowable = None if percent is None else round(level.seats * percent / 100)

    def _lend(self, borrower: Level, seats: int) -> bool:
        """Whether others leave seats unused that `borrower` may have. Looked at only when its own are taken."""
        borrowed = borrower.running + seats - borrower.seats
        if borrower.borrowable is not None and borrowed > borrower.borrowable:
            return False
        free, lent = 0, borrowed - max(0, borrower.running - borrower.seats)
        for level in self._levels.values():
            if level.settings.exempt:
                continue
            lent += max(0, level.running - level.seats)
            if level is not borrower and not level.waiting:
                free += min(level.lendable, max(0, level.seats - level.running))
        return lent <= free

    @property
    def levels(self) -> Mapping[str, Level]:
        return self._levels

    def level_exists(self, name: str) -> bool:
        return name in self._levels

    def collect(self) -> Iterator["Metric"]:
        from minik.server.apiserver.flowcontrol.flow_metrics import collect

        return collect(self._counts, self._levels)
