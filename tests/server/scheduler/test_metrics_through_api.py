"""scheduler_* in /metrics, under kube-scheduler's names and labels."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from harness.cluster import eventually
from harness.scheduling import Ground, on_nodes, pod, priority_class

FIRST = "fake-0000"
FOO = "scheduling.k8s.io/metered"
PROFILE = {"profile": "default-scheduler"}


class Samples:
    """What /metrics said of the scheduler at one time."""

    def __init__(self, ground: Ground) -> None:
        text = ground.wire.request("GET", "/metrics").body.decode()
        self.types: dict[str, str] = {}
        self._values: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in text_string_to_metric_families(text):
            if family.name.startswith("scheduler_"):
                self.types[family.name] = family.type
                for sample in family.samples:
                    self._values[sample.name, frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        return self._values.get((f"scheduler_{name}", frozenset((labels or {}).items())), 0.0)


def test_names_and_types(ground: Ground) -> None:
    ground.create(pod("any"))
    ground.node_of("any")
    assert Samples(ground).types == {
        "scheduler_schedule_attempts": "counter",
        "scheduler_preemption_attempts": "counter",
        "scheduler_scheduling_attempt_duration_seconds": "histogram",
        "scheduler_scheduling_algorithm_duration_seconds": "histogram",
        "scheduler_pod_scheduling_sli_duration_seconds": "histogram",
        "scheduler_pod_scheduling_attempts": "histogram",
        "scheduler_preemption_victims": "histogram",
        "scheduler_framework_extension_point_duration_seconds": "histogram",
        "scheduler_permit_wait_duration_seconds": "histogram",
        "scheduler_queue_incoming_pods": "counter",
        "scheduler_pending_pods": "gauge",
        "scheduler_unschedulable_pods": "gauge",
        "scheduler_cache_size": "gauge",
    }


def test_what_happens_to_pods_is_counted(ground: Ground) -> None:
    before = Samples(ground)
    with ground.offering(FOO, {FIRST: "1"}), ground.leaving(priority_class("metered", 10)):
        ground.run(pod("low", requests={FOO: "1"}))
        ground.create(pod("stuck", requests={FOO: "1"}), pod("gated", schedulingGates=[{"name": "example.com/g"}]))
        ground.refusal("stuck")

        def grown(name: str, **labels: str) -> float:
            return Samples(ground).value(name, labels) - before.value(name, labels)

        eventually(lambda: grown("schedule_attempts_total", result="unschedulable", **PROFILE) >= 1)
        assert grown("schedule_attempts_total", result="scheduled", **PROFILE) == 1
        assert grown("scheduling_attempt_duration_seconds_count", result="scheduled", **PROFILE) == 1
        assert grown("pod_scheduling_sli_duration_seconds_count", attempts="1") == 1
        assert grown("pod_scheduling_attempts_bucket", le="1") == 1
        assert grown("queue_incoming_pods_total", queue="active", event="PodAdd") == 2
        assert grown("queue_incoming_pods_total", queue="gated", event="PodAdd") == 1
        bind = {"extension_point": "Bind", "status": "Success", **PROFILE}
        assert grown("framework_extension_point_duration_seconds_count", **bind) == 1
        now = Samples(ground)
        for queue in ("unschedulable", "gated"):
            assert now.value("pending_pods", {"queue": queue}) == 1
        assert now.value("unschedulable_pods", {"plugin": "NodeResourcesFit", **PROFILE}) == 1
        assert now.value("unschedulable_pods", {"plugin": "SchedulingGates", **PROFILE}) == 1
        assert now.value("cache_size", {"type": "nodes"}) == 3
        assert now.value("cache_size", {"type": "pods"}) >= 1
        here = on_nodes("metadata.name", FIRST, field=True)
        ground.run(pod("high", requests={FOO: "1"}, priorityClassName="metered", affinity=here))
        assert grown("preemption_victims_count") == 1
        assert grown("preemption_attempts_total") >= 2
        ground.delete("Pod", "high", "stuck", "gated")
        eventually(lambda: Samples(ground).value("pending_pods", {"queue": "gated"}) == 0, every=0.03)
