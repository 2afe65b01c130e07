"""What one metric of an autoscaler says: asks the metrics APIs, and has autoscaler_replicas.py calculate.

Names and texts: computeReplicasForMetric in kubernetes/pkg/controller/podautoscaler/horizontal.go.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from minik.api.quantity import of_milli, parse
from minik.api.types import Obj
from minik.client.clock import Clock
from minik.server.controllers import autoscaler_replicas as replicas_of
from minik.server.controllers.autoscaler_metrics import Metrics, written
from minik.server.controllers.autoscaler_replicas import MetricError, Proposal, Tolerances
from minik.server.controllers.discovery import Discovery


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose metrics are asked for: an autoscaler, the Pods of its target and how many there are."""

    hpa: Obj
    selector: str
    pods: Sequence[Obj]
    replicas: int
    status_replicas: int

    @property
    def namespace(self) -> str:
        return str(self.hpa["metadata"]["namespace"])


@dataclass(frozen=True, slots=True)
class Answer:
    """`name` is for messages, `status` an entry of status.currentMetrics."""

    name: str
    proposal: Proposal
    status: Obj


class Proposals:
    def __init__(self, metrics: Metrics, discover: Callable[[], Awaitable[Discovery]], clock: Clock) -> None:
        self._metrics, self._discover, self._clock = metrics, discover, clock

    async def ask(self, metric: Obj, subject: Subject) -> Answer:
        """Raises MetricError, whose text is that of the condition."""
        if metric["type"] in ("Resource", "ContainerResource"):
            try:
                return await self._resource(metric, subject)
            except MetricError as error:
                source = _source(metric)
                what = "utilization" if source["target"].get("averageValue") is None else "usage"
                raise MetricError(f"failed to get {source['name']} {what}: {error}") from error
        if metric["type"] == "Pods":
            return await self._custom(metric["pods"], subject)
        return await self._outside(metric, subject)

    async def _resource(self, metric: Obj, subject: Subject) -> Answer:
        kind, source = metric["type"], _source(metric)
        name, container, target = source["name"], source.get("container", ""), source["target"]
        current, now, limits = subject.replicas, self._clock.now(), _tolerances(subject.hpa)
        used = await self._metrics.resource(name, subject.namespace, subject.selector, container)
        value: Obj = {}
        if target.get("averageValue") is not None:
            what, wanted = f"{name} resource", parse(target["averageValue"]).milli
            proposal = replicas_of.by_average(current, wanted, name, subject.pods, used, limits, now)
        else:
            what = f"{name} {'container ' if container else ''}resource utilization (percentage of request)"
            percent = target["averageUtilization"]
            proposal = replicas_of.by_utilization(current, percent, name, container, subject.pods, used, limits, now)
            value["averageUtilization"] = proposal.utilization
        value["averageValue"] = str(of_milli(proposal.average))
        named = {"name": name, **({"container": container} if container else {}), "current": value}
        return Answer(what, proposal, {"type": kind, _field(kind): named})

    async def _custom(self, source: Obj, subject: Subject) -> Answer:
        metric, limits = source["metric"], _tolerances(subject.hpa)
        used = await self._metrics.pods(metric, subject.namespace, subject.selector)
        wanted = parse(source["target"]["averageValue"]).milli
        proposal = replicas_of.by_average(subject.replicas, wanted, "", subject.pods, used, limits, self._clock.now())
        shown = {"metric": metric, "current": {"averageValue": str(of_milli(proposal.average))}}
        return Answer(f"pods metric {metric['name']}", proposal, {"type": "Pods", "pods": shown})

    async def _outside(self, metric: Obj, subject: Subject) -> Answer:
        """Object and External metrics: one value for all Pods."""
        kind, source, limits = _field(metric["type"]), _source(metric), _tolerances(subject.hpa)
        identity, target = source["metric"], source["target"]
        name = f"external metric {identity['name']}({written(identity.get('selector'))})"
        if kind == "object":
            usage = await self._object_value(source, subject.namespace)
        else:
            usage = await self._metrics.external(identity, subject.namespace)
        if target.get("averageValue") is not None:
            wanted = parse(target["averageValue"]).milli
            proposal = replicas_of.by_share(subject.replicas, usage, wanted, subject.status_replicas, limits)
            value = {"averageValue": str(of_milli(proposal.average))}
        else:
            wanted = parse(target["value"]).milli
            proposal = replicas_of.by_total(subject.replicas, usage, wanted, subject.pods, limits)
            value = {"value": str(of_milli(proposal.average))}
            if kind == "object":
                name = f"{source['describedObject']['kind']} metric {identity['name']}"
        shown = {"metric": identity, "current": value}
        if kind == "object":
            shown["describedObject"] = source["describedObject"]
        return Answer(name, proposal, {"type": metric["type"], kind: shown})

    async def _object_value(self, source: Obj, namespace: str) -> int:
        about = source["describedObject"]
        kind = (await self._discover()).kinds.get((about.get("apiVersion", ""), about["kind"]))
        if kind is None:
            raise MetricError(f'no matches for kind "{about["kind"]}" in version "{about.get("apiVersion", "")}"')
        plural = f"{kind.gvr.resource}.{kind.gvr.group}" if kind.gvr.group else kind.gvr.resource
        return await self._metrics.of_object(source["metric"], namespace, plural, about)


def in_whole(metric: Obj, error: MetricError) -> str:
    """The error as the autoscaler's Event has it."""
    kind, source = metric["type"], _source(metric)
    if kind == "Resource":
        return f"failed to get {source['name']} resource metric value: {error}"
    if kind == "ContainerResource":
        return f"failed to get {source['container']} container metric value: {error}"
    name = source["metric"]["name"]
    if kind == "External":
        return f"failed to get {name} external metric value: failed to get {name} external metric: {error}"
    if kind == "Object" and source["target"].get("averageValue") is not None:
        return f"failed to get object metric value: failed to get {name} object metric: {error}"
    return f"failed to get {kind.lower()} metric value: {error}"


def _field(kind: str) -> str:
    return kind[0].lower() + kind[1:]


def _source(metric: Obj) -> Obj:
    source: Obj = metric[_field(metric["type"])]
    return source


def _tolerances(hpa: Obj) -> Tolerances:
    behavior = hpa["spec"].get("behavior") or {}

    def of(direction: str) -> float:
        given = (behavior.get(direction) or {}).get("tolerance")
        return replicas_of.TOLERANCE if given is None else parse(given).nanos / 1e9

    return Tolerances(of("scaleUp"), of("scaleDown"))
