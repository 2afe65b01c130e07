"""Scheduler extenders: web servers that filter, score, preempt and bind besides the plugins.

Requests and answers are those of k8s.io/kube-scheduler/extender/v1, whose field names Go writes with capitals and
reads with any. https://github.com/kubernetes/design-proposals-archive/blob/main/scheduling/scheduler_extender.md
"""

import base64
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson

from minik.api.types import Obj
from minik.server.scheduler.configuration.settings import ExtenderSettings
from minik.server.scheduler.framework import MAX_SCORE, Code, Refusal
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.preemption import Victims

_MAX_SCORE = 10  # of an extender
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class ExtenderError(Exception):
    """An extender could not be asked, or says that it failed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who passed an extender's filter, and why the others did not."""

    passed: Sequence[NodeInfo]
    refusals: Mapping[str, Refusal]


class Extender:
    """One extender. Connections are kept open; `close` it."""

    def __init__(self, settings: ExtenderSettings) -> None:
        self.settings = settings
        self.name = settings.url_prefix
        self._session: Any = None
        self._tls: ssl.SSLContext | bool | None = None

    @property
    def is_ignorable(self) -> bool:
        return self.settings.ignorable

    def is_interested(self, pod: PodInfo) -> bool:
        """Whether the Pod is this extender's business: it asks for a resource the extender manages."""
        if not self.settings.managed:
            return True
        containers = [*pod.spec["containers"], *(pod.spec.get("initContainers") or ())]
        resources = (container.get("resources") or {} for container in containers)
        return any(
            name in self.settings.managed
            for asked in resources
            for kind in ("requests", "limits")
            for name in asked.get(kind) or ()
        )

    async def filter(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Verdict:
        """Raises ExtenderError."""
        answer = await self._post(self.settings.filter_verb, self._arguments(pod, nodes))
        if answer.get("error"):
            raise ExtenderError(f"extender {self.name}: {answer['error']}")
        refusals = {
            node: Refusal((reason,), code, self.name)
            for key, code in (("failednodes", Code.UNSCHEDULABLE), ("failedandunresolvablenodes", Code.UNRESOLVABLE))
            for node, reason in (answer.get(key) or {}).items()
        }
        names = answer.get("nodenames") if self.settings.node_cache_capable else None
        if names is None:
            listed = answer.get("nodes") or {}
            names = [node["metadata"]["name"] for node in listed.get("items") or ()]
        kept = set(names)
        return Verdict([node for node in nodes if node.name in kept], refusals)

    async def prioritize(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, int]:
        """Weighted scores by node name. Raises ExtenderError."""
        answer = await self._post(self.settings.prioritize_verb, self._arguments(pod, nodes))
        factor = self.settings.weight * MAX_SCORE // _MAX_SCORE
        hosts = [_lowered(entry) for entry in answer.get("", [])]
        return {entry["host"]: int(entry.get("score", 0)) * factor for entry in hosts}

    async def bind(self, pod: PodInfo, node_name: str) -> None:
        """Raises ExtenderError."""
        wanted = {"PodName": pod.name, "PodNamespace": pod.namespace, "PodUID": pod.uid, "Node": node_name}
        answer = await self._post(self.settings.bind_verb, wanted)
        if answer.get("error"):
            raise ExtenderError(f"extender {self.name}: {answer['error']}")

    async def preempt(self, pod: PodInfo, candidates: Mapping[str, Victims]) -> dict[str, Victims]:
        """The candidates the extender agrees to, with what it leaves of their victims. Raises ExtenderError."""
        wanted: Obj = {"Pod": pod.obj}
        if self.settings.node_cache_capable:
            wanted["NodeNameToMetaVictims"] = {name: _uids(victims) for name, victims in candidates.items()}
        else:
            wanted["NodeNameToVictims"] = {name: _pods(victims) for name, victims in candidates.items()}
        answer = await self._post(self.settings.preempt_verb, wanted)
        kept: dict[str, Victims] = {}
        for name, agreed in (answer.get("nodenametometavictims") or {}).items():
            if name not in candidates:
                raise ExtenderError(f"extender {self.name}: node {name} was no candidate")
            entry = _lowered(agreed or {})
            uids = {_lowered(pod)["uid"] for pod in entry.get("pods") or ()}
            left = tuple(pod for pod in candidates[name].pods if pod.uid in uids)
            kept[name] = Victims(left, int(entry.get("numpdbviolations") or 0))
        return kept

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _arguments(self, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Obj:
        if self.settings.node_cache_capable:
            return {"Pod": pod.obj, "Nodes": None, "NodeNames": [node.name for node in nodes]}
        return {"Pod": pod.obj, "Nodes": {"metadata": {}, "items": [node.node for node in nodes]}, "NodeNames": None}

    async def _post(self, verb: str, body: Obj) -> Obj:
        """The answer with keys in lower case; a list is under ""."""
        import aiohttp  # only who has extenders needs a client

        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self.settings.timeout or None)
            self._session = aiohttp.ClientSession(headers=_HEADERS, timeout=timeout)
            self._tls = tls_of(self.settings)
        url = f"{self.settings.url_prefix}/{verb}"
        options: Obj = {} if self._tls is None else {"ssl": self._tls}
        if self.settings.tls.get("serverName"):
            options["server_hostname"] = self.settings.tls["serverName"]
        try:
            async with self._session.post(url, data=orjson.dumps(body), **options) as answer:
                if answer.status != 200:
                    raise ExtenderError(f"failed {verb} with extender at URL {url}, code {answer.status}")
                found = orjson.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError, orjson.JSONDecodeError) as error:
            raise ExtenderError(f'Post "{url}": {error or "context deadline exceeded"}') from None
        return {"": found} if isinstance(found, list) else _lowered(found or {})


def _lowered(entry: Mapping[str, Any]) -> Obj:
    return {key.lower(): value for key, value in entry.items()}


def _pods(victims: Victims) -> Obj:
    return {"Pods": [pod.obj for pod in victims.pods], "NumPDBViolations": victims.violations}


def _uids(victims: Victims) -> Obj:
    return {"Pods": [{"UID": pod.uid} for pod in victims.pods], "NumPDBViolations": victims.violations}


def tls_of(settings: ExtenderSettings) -> ssl.SSLContext | None:
    """How an extender's server is checked and what it is shown; None for plain HTTP. Raises ExtenderError.

    With enableHTTPS and no CA the server is not checked, as upstream does it.
    """
    given = settings.tls
    if not settings.url_prefix.startswith("https://") and not settings.enable_https:
        return None
    try:
        authority = base64.b64decode(given["caData"]).decode() if given.get("caData") else None
        context = ssl.create_default_context(cafile=given.get("caFile"), cadata=authority)
        trusts = given.get("caFile") or authority
        if given.get("insecure") or (settings.enable_https and not trusts):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with ExitStack() as files:
            certificate, key = (
                given.get(f"{kind}File") or _as_file(given.get(f"{kind}Data"), files) for kind in ("cert", "key")
            )
            if certificate and key:
                context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ExtenderError(f"extender {settings.url_prefix}: tlsConfig: {error}") from None
    return context


def _as_file(data: str | None, files: ExitStack) -> str:
    """OpenSSL reads a client's certificate from files only."""
    if not data:
        return ""
    file = files.enter_context(tempfile.NamedTemporaryFile())  # noqa: SIM115
    file.write(base64.b64decode(data))
    file.flush()
    return file.name
