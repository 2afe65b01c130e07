"""Scales workloads by what their Pods use.

Looks every 15 seconds at autoscalers, while there are any. What metrics ask for is in autoscaler_replicas.py, how
fast it is followed in autoscaler_limits.py, where metrics come from in autoscaler_metrics.py.
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.quantity import of_milli, parse
from minik.api.selectors import parse_labels
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import HORIZONTAL_POD_AUTOSCALERS, PODS
from minik.server.controllers import autoscaler_replicas as replicas_of
from minik.server.controllers import indexes
from minik.server.controllers.autoscaler_limits import History, Moment, limited
from minik.server.controllers.autoscaler_metrics import Metrics
from minik.server.controllers.autoscaler_replicas import MetricError, Proposal, Tolerances
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting, labels_of, with_condition

SYNC_PERIOD = 15.0  # seconds, as upstream
_KEPT = 3600.0  # seconds of history; no window is longer


class Unscalable(Exception):
    """Nothing can be decided; the condition and the event say why."""

    def __init__(self, condition: str, reason: str, message: str, event: str = "", told: str = "") -> None:
        super().__init__(message)
        self.condition, self.reason, self.message = condition, reason, message
        self.event, self.told = event or reason, told or message


@dataclass(slots=True)
class _Memory:
    recommendations: list[Moment] = field(default_factory=list)
    ups: list[Moment] = field(default_factory=list)
    downs: list[Moment] = field(default_factory=list)

    def history(self, now: float) -> History:
        for moments in (self.recommendations, self.ups, self.downs):
            moments[:] = [moment for moment in moments if now - moment.at < _KEPT]
        return History(tuple(self.recommendations), tuple(self.ups), tuple(self.downs))


@dataclass(slots=True)
class _Run:
    """One look at one autoscaler."""

    hpa: Obj
    conditions: list[Obj]
    metrics: list[Obj] = field(default_factory=list)
    current: int | None = None  # replicas, once they are known


class HorizontalPodAutoscalerController(Controller):
    name = "horizontal-pod-autoscaler"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._metrics = Metrics(self._client)
        self._discover = context.discover
        self._memory: dict[str, _Memory] = {}
        self._selectors: dict[str, str] = {}  # what each autoscaler's target selects, by its key
        self._autoscalers = self.watch(context.informers.of(HORIZONTAL_POD_AUTOSCALERS), _keys)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), None)

    async def reconcile(self, key: str) -> float | None:
        hpa = self._autoscalers.get_key(key)
        if hpa is None or is_deleting(hpa):
            self._memory.pop(key, None)
            self._selectors.pop(key, None)
            return None
        run = _Run(hpa, [*((hpa.get("status") or {}).get("conditions") or ())])
        try:
            await self._scale(key, run)
        except Unscalable as problem:
            self._tell(hpa, WARNING, problem.event, problem.told)
            self._note(run, problem.condition, "False", problem.reason, problem.message)
            await self._write_status(run)
        return SYNC_PERIOD

    # -- one run

    async def _scale(self, key: str, run: _Run) -> None:
        spec, now = run.hpa["spec"], self.clock.monotonic()
        target, scale = await self._target(run)
        current = run.current = int((scale.get("spec") or {}).get("replicas", 0))
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        memory = self._memory.setdefault(key, _Memory([Moment(now, current)]))
        if current == 0 and least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._note(run, "ScalingActive", "False", "ScalingDisabled", text)
            await self._write_status(run, 0)
            return
        if current > most:
            wanted, why = most, "Current number of replicas above Spec.MaxReplicas"
        elif current < least:
            wanted, why = least, "Current number of replicas below Spec.MinReplicas"
        else:
            asked, metric = await self._ask_metrics(run, scale, current)
            why = f"{metric} above target" if asked > current else "All metrics below target"
            verdict = limited(asked, current, least, most, spec.get("behavior"), memory.history(now), now)
            memory.recommendations.append(Moment(now, asked))
            self._note(run, "AbleToScale", "True", *verdict.able)
            self._note(run, "ScalingLimited", "True" if verdict.is_limited else "False", *verdict.limited)
            wanted = verdict.replicas
        if wanted != current:
            await self._rescale(run, target, scale, wanted, why)
            moments = memory.ups if wanted > current else memory.downs
            moments.append(Moment(now, abs(wanted - current)))
        await self._write_status(run, wanted)

    async def _target(self, run: _Run) -> tuple[GVR, Obj]:
        reference, namespace = run.hpa["spec"]["scaleTargetRef"], run.hpa["metadata"]["namespace"]
        kind = (await self._discover()).kinds.get((reference.get("apiVersion", ""), reference["kind"]))
        why = f'no matches for kind "{reference["kind"]}" in version "{reference.get("apiVersion", "")}"'
        if kind is not None:
            try:
                scale = await self._client.get(kind.gvr, reference["name"], namespace, subresource="scale")
            except StatusError as error:
                why = error.message
            else:
                text = "the HPA controller was able to get the target's current scale"
                self._note(run, "AbleToScale", "True", "SucceededGetScale", text)
                return kind.gvr, scale
        text = f"the HPA controller was unable to get the target's current scale: {why}"
        raise Unscalable("AbleToScale", "FailedGetScale", text)

    async def _rescale(self, run: _Run, target: GVR, scale: Obj, wanted: int, why: str) -> None:
        changed = {**scale, "spec": {**(scale.get("spec") or {}), "replicas": wanted}}
        try:
            await self._client.update(target, changed, run.hpa["metadata"]["namespace"], subresource="scale")
        except StatusError as error:
            self._tell(run.hpa, WARNING, "FailedRescale", f"New size: {wanted}; reason: {why}; error: {error.message}")
            text = f"the HPA controller was unable to update the target scale: {error.message}"
            raise Unscalable("AbleToScale", "FailedUpdateScale", text) from error
        text = f"the HPA controller was able to update the target scale to {wanted}"
        self._note(run, "AbleToScale", "True", "SucceededRescale", text)
        self._tell(run.hpa, NORMAL, "SuccessfulRescale", f"New size: {wanted}; reason: {why}")

    # -- metrics

    async def _ask_metrics(self, run: _Run, scale: Obj, current: int) -> tuple[int, str]:
        """The most replicas any metric asks for, and its name. Metrics that fail only keep it from going down."""
        selector = (scale.get("status") or {}).get("selector", "")
        if not selector:
            text = "the HPA target's scale is missing a selector"
            raise Unscalable("ScalingActive", "InvalidSelector", text, "SelectorRequired")
        self._require_pods_of_its_own(run.hpa, selector)
        best, best_name = 0, ""
        failures: list[tuple[Obj, MetricError]] = []
        specs = run.hpa["spec"].get("metrics") or ()
        for metric in specs:
            try:
                name, proposal, status = await self._one(run.hpa, metric, scale, selector, current)
            except MetricError as error:
                failures.append((metric, error))
                continue
            run.metrics.append(status)
            if proposal.replicas > best or not best_name:
                best, best_name = proposal.replicas, name
        if failures and (len(failures) == len(specs) or best < current):
            raise self._no_metrics(run.hpa, *failures[0], f"{len(failures)} invalid out of {len(specs)}")
        text = f"the HPA was able to successfully calculate a replica count from {best_name}"
        self._note(run, "ScalingActive", "True", "ValidMetricFound", text)
        return best, best_name

    def _require_pods_of_its_own(self, hpa: Obj, selector: str) -> None:
        """Two autoscalers over the same Pods would each undo what the other did."""
        namespace = hpa["metadata"]["namespace"]
        self._selectors[object_key(hpa)] = selector
        claimants = autoscalers_of(self._selected(namespace, selector), namespace, self._selectors)
        if len(claimants) > 1:
            shown = " ".join(f"{{{name} {namespace}}}" for name in claimants)
            text = f"pods by selector {selector} are controlled by multiple HPAs: [{shown}]"
            self._tell(hpa, WARNING, "AmbiguousSelector", text)
            raise Unscalable("ScalingActive", "AmbiguousSelector", text, "FailedComputeMetricsReplicas")

    def _no_metrics(self, hpa: Obj, metric: Obj, error: MetricError, count: str) -> Unscalable:
        reason, why = f"FailedGet{metric['type']}Metric", f"failed to get {_described(metric)}: {error}"
        self._tell(hpa, WARNING, reason, why)
        return Unscalable(
            "ScalingActive",
            reason,
            f"the HPA was unable to compute the replica count: {why}",
            "FailedComputeMetricsReplicas",
            f"invalid metrics ({count}), first error is: {why}",
        )

    async def _one(self, hpa: Obj, metric: Obj, scale: Obj, selector: str, current: int) -> tuple[str, Proposal, Obj]:
        """(name for messages, proposal, entry of status.currentMetrics). Raises MetricError."""
        if metric["type"] in ("Resource", "ContainerResource"):
            return await self._resource(hpa, metric, selector, current)
        if metric["type"] == "Pods":
            return await self._custom(hpa, metric["pods"], selector, current)
        return await self._outside(hpa, metric, scale, selector, current)

    async def _resource(self, hpa: Obj, metric: Obj, selector: str, current: int) -> tuple[str, Proposal, Obj]:
        kind = metric["type"]
        source = metric[kind[0].lower() + kind[1:]]
        name, container, target = source["name"], source.get("container", ""), source["target"]
        namespace, now, limits = hpa["metadata"]["namespace"], self.clock.now(), _tolerances(hpa)
        used = await self._metrics.resource(name, namespace, selector, container)
        pods = self._selected(namespace, selector)
        value: Obj = {}
        what = f"{name} container resource" if container else f"{name} resource"
        if target.get("averageValue") is not None:
            wanted = parse(target["averageValue"]).milli
            proposal = replicas_of.by_average(current, wanted, name, pods, used, limits, now)
        else:
            percent = target["averageUtilization"]
            proposal = replicas_of.by_utilization(current, percent, name, container, pods, used, limits, now)
            value["averageUtilization"] = proposal.utilization
            what += " utilization (percentage of request)"
        value["averageValue"] = str(of_milli(proposal.average))
        field_name = kind[0].lower() + kind[1:]
        named = {"name": name, **({"container": container} if container else {}), "current": value}
        return what, proposal, {"type": kind, field_name: named}

    async def _custom(self, hpa: Obj, source: Obj, selector: str, current: int) -> tuple[str, Proposal, Obj]:
        metric, namespace = source["metric"], hpa["metadata"]["namespace"]
        used = await self._metrics.pods(metric, namespace, selector)
        pods, wanted = self._selected(namespace, selector), parse(source["target"]["averageValue"]).milli
        proposal = replicas_of.by_average(current, wanted, "", pods, used, _tolerances(hpa), self.clock.now())
        shown = {"metric": metric, "current": {"averageValue": str(of_milli(proposal.average))}}
        return f"pods metric {metric['name']}", proposal, {"type": "Pods", "pods": shown}

    async def _outside(
        self, hpa: Obj, metric: Obj, scale: Obj, selector: str, current: int
    ) -> tuple[str, Proposal, Obj]:
        """Object and External metrics: one value for all Pods."""
        kind = metric["type"].lower()
        source, namespace, limits = metric[kind], hpa["metadata"]["namespace"], _tolerances(hpa)
        if kind == "object":
            usage = await self._object_value(source, namespace)
            what = f"{source['describedObject']['kind']} metric {source['metric']['name']}"
        else:
            usage = await self._metrics.external(source["metric"], namespace)
            what = f"external metric {source['metric']['name']}"
        target = source["target"]
        if target.get("averageValue") is not None:
            running = (scale.get("status") or {}).get("replicas", 0)
            proposal = replicas_of.by_share(current, usage, parse(target["averageValue"]).milli, running, limits)
            value = {"averageValue": str(of_milli(proposal.average))}
        else:
            ready = replicas_of.ready_pods(self._selected(namespace, selector)) if current else 1
            proposal = replicas_of.by_total(current, usage, parse(target["value"]).milli, ready, limits)
            value = {"value": str(of_milli(proposal.average))}
        shown = {"metric": source["metric"], "current": value}
        if kind == "object":
            shown["describedObject"] = source["describedObject"]
        return what, proposal, {"type": metric["type"], kind: shown}

    async def _object_value(self, source: Obj, namespace: str) -> int:
        about = source["describedObject"]
        kind = (await self._discover()).kinds.get((about.get("apiVersion", ""), about["kind"]))
        if kind is None:
            raise MetricError(f'no matches for kind "{about["kind"]}" in version "{about.get("apiVersion", "")}"')
        plural = f"{kind.gvr.resource}.{kind.gvr.group}" if kind.gvr.group else kind.gvr.resource
        return await self._metrics.of_object(source["metric"], namespace, plural, about["name"])

    def _selected(self, namespace: str, selector: str) -> Sequence[Obj]:
        wanted = parse_labels(selector)
        return [pod for pod in self._pods.by_index(indexes.NAMESPACE, namespace) if wanted.matches(labels_of(pod))]

    # -- what the user sees

    def _note(self, run: _Run, type: str, status: str, reason: str, message: str) -> None:
        condition = {"type": type, "status": status, "reason": reason, "message": message}
        run.conditions = with_condition(run.conditions, condition, self.clock.now())

    def _tell(self, hpa: Obj, kind: str, reason: str, message: str) -> None:
        about = object_reference(HORIZONTAL_POD_AUTOSCALERS.api_version, "HorizontalPodAutoscaler", hpa)
        self._recorder.event(about, kind, reason, message)

    async def _write_status(self, run: _Run, wanted: int | None = None) -> None:
        old = run.hpa.get("status") or {}
        status: Obj = {**old, "conditions": run.conditions, "currentMetrics": run.metrics}
        if not run.metrics:
            del status["currentMetrics"]
        if run.current is not None:
            status["currentReplicas"] = run.current
            status["observedGeneration"] = run.hpa["metadata"].get("generation", 1)
        status["desiredReplicas"] = old.get("desiredReplicas", 0) if wanted is None else wanted
        if run.current and wanted is not None and wanted != run.current:
            status["lastScaleTime"] = format_time(self.clock.now())
        if status != old:
            namespace, _ = split_key(object_key(run.hpa))
            changed = {**run.hpa, "status": status}
            await self._client.update(HORIZONTAL_POD_AUTOSCALERS, changed, namespace, subresource="status")


def _keys(change: Change) -> Iterable[str]:
    """New autoscalers and new wishes; its own status writes must not bring the next look forward."""
    if change.old is None or change.new is None or change.old["spec"] != change.new["spec"]:
        yield object_key(change.obj)


def autoscalers_of(pods: Sequence[Obj], namespace: str, selectors: Mapping[str, str]) -> list[str]:
    """Names of the namespace's autoscalers whose targets select any of the Pods; `selectors` is by namespace/name."""
    found = []
    for key, selector in selectors.items():
        at, name = split_key(key)
        if at == namespace and any(parse_labels(selector).matches(labels_of(pod)) for pod in pods):
            found.append(name)
    return sorted(found)


def _tolerances(hpa: Obj) -> Tolerances:
    behavior = hpa["spec"].get("behavior") or {}

    def of(direction: str) -> float:
        given = (behavior.get(direction) or {}).get("tolerance")
        return replicas_of.TOLERANCE if given is None else parse(given).nanos / 1e9

    return Tolerances(of("scaleUp"), of("scaleDown"))


def _described(metric: Obj) -> str:
    """The metric as messages name it."""
    kind = metric["type"]
    source = metric[kind[0].lower() + kind[1:]]
    if kind in ("Resource", "ContainerResource"):
        is_share = source["target"].get("averageValue") is None
        return f"{source['name']} {'utilization' if is_share else 'resource metric value'}"
    return f"{'object' if kind == 'Object' else kind.lower()} metric value"
