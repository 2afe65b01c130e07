"""The node agent: runs the Pods that are bound to this node and reports them and the node.

    Pods of this node (informer) --+
    runtime events ----------------+--> one PodWorker per Pod --> CRI, statuses
    ConfigMaps, Secrets (watched) -+
    every 10 s: lease, node status if changed, log sizes      every 5 min: look at everything again

State is kept nowhere but in the API and in the runtime: after a restart running Pods are found by their labels and
go on undisturbed. https://kubernetes.io/docs/concepts/architecture/#kubelet
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from minik.agent.containerd_config import paths_for
from minik.agent.kubelet import admission, cgroups, etc_files, orphans, runtime_config, runtime_events
from minik.agent.kubelet.backoff import Backoff
from minik.agent.kubelet.config import KubeletSettings, settings_for, unknown_flags
from minik.agent.kubelet.downward import NodeFacts
from minik.agent.kubelet.handlers import Handlers
from minik.agent.kubelet.housekeeping import Housekeeping
from minik.agent.kubelet.images import Images
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.node_events import NodeEvents
from minik.agent.kubelet.node_reporter import NodeReporter
from minik.agent.kubelet.object_cache import ObjectCache
from minik.agent.kubelet.pod_worker import Phase, PodWorker
from minik.agent.kubelet.quantities import milli, qos_class, value
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import Container, CRIError
from minik.agent.kubelet.static_pods import MIRROR, StaticPods
from minik.agent.kubelet.status import EVICTED
from minik.agent.kubelet.status_manager import StatusManager
from minik.agent.kubelet.tokens import TokenCache
from minik.agent.pause_image import PAUSE_IMAGE
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.events import EventRecorder
from minik.client.informer import Change, Informers
from minik.client.resources import NODES, PODS, SERVICES
from minik.config import AgentConfig

log = logging.getLogger("minik.kubelet")

CONNECT_PAUSE = 0.05  # seconds between attempts to reach the runtime


class Kubelet:
    """A component. `config` is resolved (host.py); `client` and `informers` act as system:node:<name>."""

    name = "kubelet"

    def __init__(
        self,
        config: AgentConfig,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        runtime_endpoint: str,
    ) -> None:
        self.settings: KubeletSettings = settings_for(config)
        for name in unknown_flags(config):
            log.warning("kubelet flag --%s is not known to minik and has no effect", name)
        self.runtime = Runtime(runtime_endpoint)
        self.node_name = config.node_name
        self.node_ips = [ip.strip() for ip in config.node_ip.split(",") if ip.strip()]
        self._config = config
        self._client = client
        self._recorder = recorder
        self._ends = runtime_events.RecentEnds()
        selector = f"spec.nodeName={self.node_name}"
        self._pods = informers.of(PODS, field_selector=selector)
        self._services = informers.of(SERVICES)
        self._nodes = informers.of(NODES, field_selector=f"metadata.name={self.node_name}")
        self._workers: dict[str, PodWorker] = {}
        self._weighing: asyncio.Handle | None = None
        self._adopted: Collection[str] = ()
        self._static = self._make_static()

    # -- for the HTTPS server

    def pod(self, namespace: str, name: str, uid: str = "") -> Obj | None:
        """A Pod on this node."""
        found = self._pods.get(name, namespace)
        return found if found is not None and uid in ("", found["metadata"]["uid"]) else None

    def pods(self) -> Sequence[Obj]:
        return self._pods.list()

    def worker(self, uid: str) -> PodWorker | None:
        """Also by the uid of a static Pod's mirror."""
        return self._workers.get(uid) or self._workers.get(self._static.owner_of(uid))

    def container(self, uid: str, name: str, *, previous: bool = False) -> Container | None:
        """The newest attempt of a container, or the one before."""
        worker = self.worker(uid)
        attempts = worker.state.attempts(name) if worker is not None else []
        index = 1 if previous else 0
        return attempts[index] if len(attempts) > index else None

    def sandbox_id(self, uid: str) -> str:
        """ "" when the Pod has no sandbox."""
        worker = self.worker(uid)
        sandbox = worker.state.sandbox if worker is not None else None
        return sandbox.id if sandbox is not None else ""

    def log_path(self, uid: str, container: str, *, previous: bool = False) -> Path | None:
        """The CRI log of a container's newest attempt, or of the one before; None when there is none."""
        found = self.container(uid, container, previous=previous)
        return Path(found.log_path) if found is not None and found.log_path else None

    # -- running

    async def run(self, ready: asyncio.Event) -> None:
        self._workers.clear()
        self._static = self._make_static()
        handlers = Handlers()
        try:
            async with self.runtime, asyncio.TaskGroup() as group:
                await self._wait_for_runtime()
                await self._run(group, handlers, ready)
        finally:
            with contextlib.suppress(ValueError):
                self._pods.remove_handler(self._pods_changed)
                self._nodes.remove_handler(self._node_changed)
            await handlers.close()

    async def _wait_for_runtime(self) -> None:
        """Until the runtime answers; minik's own also has to have been given the pause image."""
        own = self.runtime.endpoint == paths_for(self._config.data_dir).endpoint
        said = False
        while True:
            try:
                version = await self.runtime.version()
                if not own or await self.runtime.image(PAUSE_IMAGE) is not None:
                    log.info("container runtime %s %s", version.name, version.version)
                    return
            except CRIError as error:
                if not said:
                    log.info("waiting for the container runtime at %s: %s", self.runtime.endpoint, error.message)
                    said = True
            await asyncio.sleep(CONNECT_PAUSE)

    async def _run(self, group: asyncio.TaskGroup, handlers: Handlers, ready: asyncio.Event) -> None:
        settings = self.settings
        housekeeping = Housekeeping(self.runtime, settings)
        events = NodeEvents(self._recorder, self.node_name)
        reporter = NodeReporter(
            self._client,
            self.runtime,
            settings,
            self.node_name,
            self.node_ips,
            lambda: housekeeping.pressure,
            self._became_ready,
            events,
        )
        self._reporter = reporter
        self._context = self._make_context(group, handlers, reporter)
        await asyncio.to_thread(self._prepare_host, reporter)
        events.starting()
        await reporter.register()
        events.allocatable_enforced()
        group.create_task(reporter.run_lease(), name="node lease")
        group.create_task(reporter.run_status(), name="node status")
        for informer in (self._pods, self._services, self._nodes):
            await informer.wait_synced()
        adopted = await orphans.running_pods(self.runtime)
        self._adopted = adopted
        self._pods.add_handler(self._pods_changed)
        self._nodes.add_handler(self._node_changed)
        if settings.pod_manifest_path:
            await self._static.load()
            group.create_task(self._static.run(), name="static pods")
        for orphan in await orphans.find(self._context, adopted, self._workers.keys()):
            self._start(orphan, adopted=True).removed()
        group.create_task(self._follow_runtime(), name="runtime events")
        group.create_task(housekeeping.run(self._workers, self._evict, reporter.look_again), name="housekeeping")
        ready.set()
        await asyncio.Event().wait()

    def _make_static(self) -> StaticPods:
        return StaticPods(
            Path(self.settings.pod_manifest_path or "/nonexistent"),
            self.node_name,
            self._client,
            lambda pod: self._start(pod, adopted=pod["metadata"]["uid"] in self._adopted),
            lambda: self._nodes.get(self.node_name) or self._reporter.node,
        )

    def _make_context(self, group: asyncio.TaskGroup, handlers: Handlers, reporter: NodeReporter) -> NodeContext:
        settings, config = self.settings, self._config
        groups = cgroups.Cgroups(settings.cgroup_root)
        parallel = 1 if settings.serialize_image_pulls else settings.max_parallel_image_pulls
        return NodeContext(
            settings=settings,
            client=self._client,
            runtime=self.runtime,
            images=Images(self.runtime, parallel=parallel, pulled=reporter.images_changed),
            handlers=handlers,
            objects=ObjectCache(self._client, group, self._object_changed),
            tokens=TokenCache(self._client),
            cgroups=groups,
            statuses=StatusManager(self._client, group, self._static.mirror),
            recorder=self._recorder,
            backoff=Backoff(maximum=settings.max_container_backoff),
            ends=self._ends,
            host=runtime_config.HostSettings(
                seccomp_root=settings.root_dir / "seccomp",
                seccomp_default=settings.seccomp_default,
                cpu_cfs_quota=settings.cpu_cfs_quota,
                memory_capacity=reporter.machine.memory,
                cgroup_v2=groups.v2,
            ),
            host_dns=etc_files.host_dns(settings.resolv_conf),
            cluster_dns=[server.strip() for server in config.cluster_dns.split(",") if server.strip()],
            cluster_domain=config.cluster_domain,
            group=group,
            node=self._node_facts,
            services=self._services.list,
            handlers_of_runtime=lambda: reporter.handlers,
            network_problem=lambda: reporter.problem,
            resize_refusal=self._resize_refusal,
            room=self._retry_resizes,
        )

    def _prepare_host(self, reporter: NodeReporter) -> None:
        self.settings.root_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
        (self.settings.root_dir / "pods").mkdir(exist_ok=True, mode=0o750)
        self.settings.pod_logs_dir.mkdir(parents=True, exist_ok=True)
        reserved = sum(
            value(part.get("memory", 0)) for part in (self.settings.kube_reserved, self.settings.system_reserved)
        )
        self._context.cgroups.prepare_node(reporter.machine.memory - reserved, self._allocatable_milli(reporter))

    def _allocatable_milli(self, reporter: NodeReporter) -> int:
        settings = self.settings
        taken = sum(milli(part.get("cpu", 0)) for part in (settings.kube_reserved, settings.system_reserved))
        return reporter.machine.cpus * 1000 - taken

    def _node_facts(self) -> NodeFacts:
        status = (self._nodes.get(self.node_name) or self._reporter.node).get("status") or {}
        return NodeFacts(self.node_name, self.node_ips, status.get("allocatable") or {})

    # -- Pods

    def _node_changed(self, changes: Sequence[Change]) -> None:
        if changes and (node := changes[-1].new) is not None:
            self._reporter.seen(node)
            self._retry_resizes()

    def _pods_changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            old, new = change.old, change.new
            if MIRROR in (change.obj["metadata"].get("annotations") or {}):
                self._static.mirror_changed(change.obj, deleted=new is None)
                continue
            if old is not None and (new is None or new["metadata"]["uid"] != old["metadata"]["uid"]):
                worker = self._workers.get(old["metadata"]["uid"])
                if worker is not None:
                    worker.removed()
            if new is None:
                continue
            worker = self._workers.get(new["metadata"]["uid"])
            if worker is not None:
                worker.update(new)
                if _is_over(new):
                    self._retry_resizes()
            else:
                self._start(new, adopted=new["metadata"]["uid"] in self._adopted)

    def _start(self, pod: Obj, *, adopted: bool) -> PodWorker:
        worker = PodWorker(self._context, pod, adopted=adopted)
        if not adopted and not _is_over(pod):
            refusal = self._refusal(pod)
            if refusal is not None:
                worker.evict(*refusal)
        self._workers[worker.uid] = worker
        task = self._context.group.create_task(worker.run(), name=f"pod {pod['metadata']['name']}")
        task.add_done_callback(lambda _: self._ended(worker))
        self._weigh_burstable()
        return worker

    def _ended(self, worker: PodWorker) -> None:
        self._workers.pop(worker.uid, None)
        self._weigh_burstable()
        self._retry_resizes()

    def _weigh_burstable(self) -> None:
        """Tell the kernel what the burstable Pods asked for together, once the present events are dealt with."""
        if self._weighing is None:
            self._weighing = asyncio.get_running_loop().call_soon(self._weigh_burstable_now)

    def _weigh_burstable_now(self) -> None:
        self._weighing = None
        pods = [w.pod for w in self._workers.values() if qos_class(w.pod) == "Burstable" and not _is_over(w.pod)]
        doing = asyncio.to_thread(self._context.cgroups.set_burstable_shares, pods)
        self._context.group.create_task(doing, name="cpu shares")

    def _others(self, pod: Obj) -> list[Obj]:
        """The Pods that have their share of this node."""
        uid, workers = pod["metadata"]["uid"], self._workers.values()
        return [w.pod for w in workers if w.uid != uid and not _is_over(w.pod) and not w.refused]

    def _resize_refusal(self, pod: Obj) -> tuple[str, str] | None:
        return admission.resize_refusal(pod, self._others(pod), self._node_facts().allocatable or {})

    def _retry_resizes(self) -> None:
        for worker in self._workers.values():
            worker.resize.retry()

    def _refusal(self, pod: Obj) -> tuple[str, str] | None:
        others = self._others(pod)
        node = self._nodes.get(self.node_name) or self._reporter.node
        capacity = (node.get("status") or {}).get("allocatable") or {}
        return admission.check(
            pod, node, others, allocatable=capacity, allowed_sysctls=self.settings.allowed_unsafe_sysctls
        )

    def _became_ready(self) -> None:
        """Runtime and network can take Pods now: those that wait for it need not wait longer."""
        for worker in self._workers.values():
            worker.retry()

    def _evict(self, uid: str, message: str, disrupted: bool) -> None:
        worker = self._workers.get(uid)
        if worker is not None and worker.phase is Phase.ACTIVE:
            worker.evict(EVICTED, message, disrupted=disrupted)

    def _object_changed(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.refresh_volumes()

    # -- runtime events

    async def _follow_runtime(self) -> None:
        async for event in runtime_events.watch(self.runtime):
            if event.topic == "relist":
                for worker in self._workers.values():
                    worker.runtime_changed()
                self._reporter.look_again()
                continue
            if event.exec_id or event.topic == "/tasks/exit":
                continue  # the runtime tells of it once it has cleaned up: /tasks/delete
            if event.topic == "/tasks/delete":
                self._ends.add(event.container_id)
            for worker in self._workers.values():
                if worker.owns(event.container_id):
                    worker.runtime_changed()
                    break


def _is_over(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
