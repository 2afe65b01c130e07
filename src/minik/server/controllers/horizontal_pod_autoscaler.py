"""Scales workloads by what their Pods use.

Looks every 15 seconds at autoscalers, while there are any. What metrics say is in autoscaler_proposals.py, how fast
it is followed in autoscaler_limits.py.
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from minik.api.selectors import parse_labels
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.clock import format_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import HORIZONTAL_POD_AUTOSCALERS, PODS
from minik.server.controllers import indexes
from minik.server.controllers.autoscaler_limits import History, Moment, limited
from minik.server.controllers.autoscaler_measures import AutoscalerMetrics
from minik.server.controllers.autoscaler_metrics import Metrics
from minik.server.controllers.autoscaler_proposals import Proposals, Subject, in_whole
from minik.server.controllers.autoscaler_replicas import MetricError
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.discovery import Discovery
from minik.server.controllers.objects import is_deleting, labels_of, with_condition

SYNC_PERIOD = 15.0  # seconds, as upstream
_NO_SCALE = "the HPA controller was unable to get the target's current scale: "
_NOT_COMPUTED = "FailedComputeMetricsReplicas"
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
    change: int = 0  # of replicas


class HorizontalPodAutoscalerController(Controller):
    name = "horizontal-pod-autoscaler"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._discover = context.discover
        self._proposals = Proposals(Metrics(self._client), context.discover, self.clock)
        self._metrics = AutoscalerMetrics()
        self.measures = self._metrics.measures
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
        started, error = time.perf_counter(), "none"
        try:
            await self._scale(key, run)
        except StatusError:
            error = "internal"
            raise
        except Unscalable as problem:
            error = "internal"
            self._tell(hpa, WARNING, problem.event, problem.told)
            self._note(run, problem.condition, "False", problem.reason, problem.message)
            await self._write_status(run)
        finally:
            self._metrics.reconciled(run.change, error, time.perf_counter() - started)
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
            run.change = wanted - current
            moments = memory.ups if wanted > current else memory.downs
            moments.append(Moment(now, abs(wanted - current)))
        await self._write_status(run, wanted)

    async def _target(self, run: _Run) -> tuple[GVR, Obj]:
        reference, namespace = run.hpa["spec"]["scaleTargetRef"], run.hpa["metadata"]["namespace"]
        group, kind = reference.get("apiVersion", "").rpartition("/")[0], reference["kind"]
        resource = _of_kind(await self._discover(), group, kind)
        if resource is None:
            named = f'kind "{kind}" in group "{group}"'
            text = f"unable to determine resource for scale target reference: no matches for {named}"
            raise Unscalable("AbleToScale", "FailedGetScale", _NO_SCALE + text, told=text)
        try:
            scale = await self._client.get(resource, reference["name"], namespace, subresource="scale")
        except StatusError as error:
            raise Unscalable("AbleToScale", "FailedGetScale", _NO_SCALE + error.message, told=error.message) from error
        text = "the HPA controller was able to get the target's current scale"
        self._note(run, "AbleToScale", "True", "SucceededGetScale", text)
        return resource, scale

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
        status = scale.get("status") or {}
        selector = status.get("selector", "")
        pods = self._pods_of_its_own(run.hpa, selector)
        subject = Subject(run.hpa, selector, pods, current, status.get("replicas", 0))
        best, best_name = 0, ""
        failures: list[tuple[Obj, MetricError]] = []
        specs = run.hpa["spec"].get("metrics") or ()
        for metric in specs:
            started = time.perf_counter()
            try:
                answer = await self._proposals.ask(metric, subject)
            except MetricError as error:
                self._metrics.computed(metric["type"], 0, "internal", time.perf_counter() - started)
                self._tell(run.hpa, WARNING, f"FailedGet{metric['type']}Metric", str(error))
                failures.append((metric, error))
                continue
            change = answer.proposal.replicas - current
            self._metrics.computed(metric["type"], change, "none", time.perf_counter() - started)
            run.metrics.append(answer.status)
            if best == 0 or answer.proposal.replicas > best:
                best, best_name = answer.proposal.replicas, answer.name
        if failures and (len(failures) == len(specs) or best < current):
            metric, first = failures[0]
            count = f"{len(failures)} invalid out of {len(specs)}"
            raise Unscalable(
                "ScalingActive",
                f"FailedGet{metric['type']}Metric",
                f"the HPA was unable to compute the replica count: {first}",
                _NOT_COMPUTED,
                f"invalid metrics ({count}), first error is: {in_whole(metric, first)}",
            )
        text = f"the HPA was able to successfully calculate a replica count from {best_name}"
        self._note(run, "ScalingActive", "True", "ValidMetricFound", text)
        return best, best_name

    def _pods_of_its_own(self, hpa: Obj, selector: str) -> Sequence[Obj]:
        """The target's Pods. Two autoscalers over the same Pods would each undo what the other did."""
        namespace, text = hpa["metadata"]["namespace"], "selector is required"
        if not selector:
            self._tell(hpa, WARNING, "SelectorRequired", text)
            missing = "the HPA target's scale is missing a selector"
            raise Unscalable("ScalingActive", "InvalidSelector", missing, _NOT_COMPUTED, text)
        try:
            pods = self._selected(namespace, selector)
        except StatusError as error:
            text = f"couldn't convert selector into a corresponding internal selector object: {error.message}"
            self._tell(hpa, WARNING, "InvalidSelector", text)
            raise Unscalable("ScalingActive", "InvalidSelector", text, _NOT_COMPUTED) from error
        self._selectors[object_key(hpa)] = selector
        claimants = autoscalers_of(pods, namespace, self._selectors)
        if len(claimants) > 1:
            shown = " ".join(f"{{{name} {namespace}}}" for name in claimants)
            text = f"pods by selector {selector} are controlled by multiple HPAs: [{shown}]"
            self._tell(hpa, WARNING, "AmbiguousSelector", text)
            raise Unscalable("ScalingActive", "AmbiguousSelector", text, _NOT_COMPUTED)
        return pods

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


def _of_kind(discovery: Discovery, group: str, kind: str) -> GVR | None:
    """The resource of a kind in any version, as a target's scale is the same in all."""
    found = (each.gvr for each in discovery.resources if each.gvr.group == group and each.kind == kind)
    return next(found, None)
