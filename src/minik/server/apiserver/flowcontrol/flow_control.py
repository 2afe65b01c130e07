"""Flow control of the API server: classifies requests and hands out seats.

    request -> Flow (FlowSchema, priority level, queues), found once per kind of request -> seat, queue or 429

Configuration is what FlowSchemas and PriorityLevelConfigurations say at the moment. Long-running requests and callers
in this process take no seats. Every request takes one seat, as upstream's do unless they list thousands of objects.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil
from typing import TYPE_CHECKING

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.flowcontrol.classification import Schema, in_order, schema_of
from minik.server.apiserver.flowcontrol.level import Level, Rejected, Settings, hand
from minik.server.apiserver.request_info import RequestInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SEATS = 600  # kube-apiserver's --max-requests-inflight and --max-mutating-requests-inflight together
PATIENCE = 15.0  # seconds in a queue, a quarter of a request's time
_REMEMBERED = 4096  # kinds of requests
_EXEMPT: Obj = {"metadata": {"name": "exempt"}, "spec": {"type": "Exempt"}}

Key = tuple[object, ...]


class Flow:
    """Where requests of one kind belong. `uids` go into the answer's headers: FlowSchema's, priority level's."""

    __slots__ = ("counts", "level", "queues", "schema", "uids")

    def __init__(self, schema: str, level: Level, queues: tuple[int, ...], uids: tuple[str, str], counts: "Counts"):
        self.schema = schema
        self.level = level
        self.queues = queues
        self.uids = uids
        self.counts = counts

    async def enter(self) -> None:
        """Take a seat; give it back with `level.leave()`. Raises Rejected."""
        self.counts.dispatched += 1
        if not self.level.enter():
            try:
                await self.level.wait(self.queues, PATIENCE)
            except Rejected as rejected:
                self.counts.dispatched -= 1
                self.counts.rejected[rejected.reason] = self.counts.rejected.get(rejected.reason, 0) + 1
                raise
            except BaseException:
                self.counts.dispatched -= 1
                raise


class Counts:
    """What happened to the requests of one FlowSchema."""

    __slots__ = ("dispatched", "rejected")

    def __init__(self) -> None:
        self.dispatched = 0
        self.rejected: dict[str, int] = {}


class FlowControl:
    """Until it is configured, every request is exempt."""

    def __init__(self, seats: int = SEATS) -> None:
        self._seats = seats
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
                return Flow(schema.name, level, queues, (schema.uid, level.settings.uid), self._counted(schema, level))
        return Flow("", self._exempt, (), ("", ""), Counts())

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

    def _lend(self, borrower: Level) -> bool:
        """Whether others leave a seat unused that `borrower` may have. Looked at only when its own are taken."""
        free = lent = 0
        for level in self._levels.values():
            if level.settings.exempt:
                continue
            lent += max(0, level.running - level.seats)
            if level is not borrower and not level.waiting:
                free += min(level.lendable, max(0, level.seats - level.running))
        return lent < free

    def level_exists(self, name: str) -> bool:
        return name in self._levels

    # -- metrics

    def collect(self) -> Iterator["Metric"]:
        """apiserver_flowcontrol_*, for prometheus_client."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        prefix = "apiserver_flowcontrol_"
        flows = ("priority_level", "flow_schema")
        dispatched = CounterMetricFamily(
            f"{prefix}dispatched_requests_total",
            "Number of requests executed by API Priority and Fairness.",
            labels=flows,
        )
        rejected = CounterMetricFamily(
            f"{prefix}rejected_requests_total",
            "Number of requests rejected by API Priority and Fairness.",
            labels=(*flows, "reason"),
        )
        for (schema, level), counts in self._counts.items():
            dispatched.add_metric((level, schema), counts.dispatched)
            for reason, count in counts.rejected.items():
                rejected.add_metric((level, schema, reason), count)
        yield dispatched
        yield rejected
        gauges: Mapping[str, tuple[str, dict[str, int]]] = {
            "current_executing_seats": ("Seats occupied.", {n: level.running for n, level in self._levels.items()}),
            "current_inqueue_seats": ("Seats waited for.", {n: level.waiting for n, level in self._levels.items()}),
            "nominal_limit_seats": ("Nominal number of seats.", {n: level.seats for n, level in self._levels.items()}),
        }
        for name, (text, values) in gauges.items():
            gauge = GaugeMetricFamily(prefix + name, text, labels=("priority_level",))
            for level_name, value in values.items():
                gauge.add_metric((level_name,), value)
            yield gauge
