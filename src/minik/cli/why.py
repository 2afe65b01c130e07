"""`minik why pod/NAME`: asks the running scheduler why a Pod is where it is, or nowhere, and prints the answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from minik.cli.api_get import get, kubeconfig_path
from minik.config import StartupError

_PATH = "/debug/scheduler/why"


def run_why(what: str, namespace: str, output: str, kubeconfig: Path | None, environment: Mapping[str, str]) -> None:
    """`what` is `pod/NAME` or `NAME`. Raises StartupError."""
    kind, _, name = what.rpartition("/")
    if kind not in ("", "pod", "pods", "po") or not name:
        raise StartupError(f"{what!r} is no Pod: say pod/NAME")
    if output not in ("", "json"):
        raise StartupError(f"-o {output}: only json is known")
    query = urlencode({"namespace": namespace, "name": name})
    status, body = get(kubeconfig_path(kubeconfig, environment), f"{_PATH}?{query}")
    if status != 200:
        raise StartupError(_problem(status, body))
    answer = json.loads(body)
    print(json.dumps(answer, indent=4) if output == "json" else "\n".join(lines(answer)))


def _problem(status: int, body: bytes) -> str:
    try:
        message = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"this server runs no scheduler that could be asked (it answers {status})"
    return message


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The answer as text."""
    pod, node = answer["pod"], answer.get("nodeName")
    yield f"Pod {pod['namespace']}/{pod['name']}, scheduler {answer['schedulerName']}"
    if node:
        yield f"Bound to {node}. What follows explains against the present state: what would be decided now."
    else:
        yield f"Queue: {_queue(answer['queue'])}"
    if answer.get("nominatedNodeName"):
        yield f"Nominated to {answer['nominatedNodeName']}, where Pods of lower priority make room"
    if "nodes" not in answer:
        return
    for each in answer["nodes"]:
        yield ""
        yield from _node(each, answer["decision"]["nodes"], node)
    for error in answer.get("extenderErrors") or ():
        yield ""
        yield f"Extender failed: {error}"
    yield ""
    yield f"Decision: {answer['decision']['message']}"


def _queue(queue: Mapping[str, Any]) -> str:
    """The state, and what goes with it."""
    details = [f"attempts: {queue['attempts']}"] if queue.get("attempts") else []
    if "seconds" in queue:
        details.append(f"tried again in {queue['seconds']:.0f} s at the latest")
    if queue.get("events"):
        details.append(f"waits for: {', '.join(queue['events'])}")
    details += queue.get("gatedBy") or ()
    return f"{queue['state']} ({'; '.join(details)})" if details else str(queue["state"])


def _node(each: Mapping[str, Any], chosen: Sequence[str], bound: str | None) -> Iterator[str]:
    marks = [mark for mark, here in (("bound", each["name"] == bound), ("best", each["name"] in chosen)) if here]
    suffix = f" ({', '.join(marks)})" if marks else ""
    if "scores" not in each:
        yield f"Node {each['name']}{suffix}: refused"
        for refusal in each.get("refusedBy") or ():
            hint = "" if refusal["preemptionMayHelp"] else " [preemption does not help]"
            yield f"  {refusal['plugin']}: {refusal['message']}{hint}"
        return
    yield f"Node {each['name']}{suffix}: fits, total {each['total']}"
    if each["scores"]:
        yield f"  {'PLUGIN':34}{'RAW':>12}{'0..100':>8}{'WEIGHT':>8}{'SCORE':>8}"
    for score in each["scores"]:
        numbers = f"{score['raw']:>12}{score['normalized']:>8}{score['weight']:>8}{score['weighted']:>8}"
        yield f"  {score['plugin']:34}{numbers}"
