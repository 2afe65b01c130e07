"""Where extenders come into a scheduling cycle, one after the other, in the order they are configured.

An ignorable extender that fails is passed over; another one's failure ends the cycle.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from minik.server.scheduler.extenders import Extender, ExtenderError
from minik.server.scheduler.framework import Diagnosis, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.preemption import Preemption, Victims, cheapest

log = logging.getLogger("minik.scheduler")


async def filter(
    extenders: Sequence[Extender], pod: PodInfo, fitting: list[NodeInfo], diagnosis: Diagnosis
) -> tuple[list[NodeInfo], Diagnosis]:
    """Those of the fitting nodes that all extenders let pass, and why not the others. Raises ExtenderError."""
    refusals: dict[str, Refusal] = {}
    for extender in extenders:
        if not fitting or not extender.settings.filter_verb or not extender.is_interested(pod):
            continue
        try:
            verdict = await extender.filter(pod, fitting)
        except ExtenderError as error:
            _pass_over(extender, error)
            continue
        fitting = [*verdict.passed]
        refusals.update(verdict.refusals)
    if not refusals:
        return fitting, diagnosis
    return fitting, replace(diagnosis, refusals={**diagnosis.refusals, **refusals})


async def scores(extenders: Sequence[Extender], pod: PodInfo, fitting: Sequence[NodeInfo]) -> Mapping[str, int]:
    """What all extenders together add, by node. One that fails adds nothing, as upstream."""
    totals: dict[str, int] = {}
    for extender in extenders:
        if not extender.settings.prioritize_verb or not extender.is_interested(pod):
            continue
        try:
            found = await extender.prioritize(pod, fitting)
        except ExtenderError as error:
            log.warning("%s", error)
            continue
        for name, score in found.items():
            totals[name] = totals.get(name, 0) + score
    return totals


async def preemption(extenders: Sequence[Extender], pod: PodInfo, found: Preemption) -> Preemption:
    """The preemption that the extenders leave possible. Raises ExtenderError."""
    candidates: Mapping[str, Victims] = found.candidates
    asked = [e for e in extenders if e.settings.preempt_verb and e.is_interested(pod)]
    for extender in asked:
        try:
            candidates = await extender.preempt(pod, candidates)
        except ExtenderError as error:
            _pass_over(extender, error)
        if not candidates:
            return Preemption(message=" preemption: no candidate node for preemption passed the extenders")
    if not asked:
        return found
    node = cheapest(candidates)
    return Preemption(node, candidates[node].pods, candidates=candidates)


def binder(extenders: Sequence[Extender], pod: PodInfo) -> Extender | None:
    """The extender that binds this Pod itself."""
    return next((e for e in extenders if e.settings.bind_verb and e.is_interested(pod)), None)


def _pass_over(extender: Extender, error: ExtenderError) -> None:
    if not extender.is_ignorable:
        raise error
    log.info("Skipping extender as it returned error and has ignorable flag set: %s", error)
