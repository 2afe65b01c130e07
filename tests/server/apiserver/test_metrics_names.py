"""What /metrics and /metrics/slis show, by upstream's names."""

import ssl
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from minik.api.request import Request
from minik.api.types import GVR, UserInfo
from minik.client.controller import Controller
from minik.client.request_counts import RequestCounts
from minik.client.workqueue_metrics import collect as collect_workqueues
from minik.server.apiserver import build_metrics
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.authn.authentication_counts import AuthenticationCounts, compressed
from minik.server.apiserver.authz.authorizer import Authorizer
from minik.server.apiserver.handlers.health import Health
from minik.server.apiserver.metrics import Collect, RequestMetrics, text_of
from minik.server.apiserver.registry.watch_event_counts import WatchEventCounts
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.routes import Routes
from minik.server.apiserver.tls_handshakes import HandshakeErrors

JANE = UserInfo("jane")


def samples(*collectors: Collect) -> dict[tuple[str, frozenset[str]], float]:
    """By name and label values that are not empty. The parser adds _total to the names of counters without it."""
    families = text_string_to_metric_families(text_of(collectors).decode())
    return {
        (s.name, frozenset(filter(None, s.labels.values()))): s.value for family in families for s in family.samples
    }


def key(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


def test_requests_are_counted_with_time_and_size() -> None:
    metrics = RequestMetrics()
    info = resolve("GET", "/api/v1/namespaces/ns/pods", {})
    for size in (500, 5000):
        metrics.observe(info, 200, time.perf_counter(), size)
    found = samples(metrics.collect)
    labels = ("LIST", "v1", "pods", "namespace", "apiserver")
    assert found[key("apiserver_request_total", *labels, "200")] == 2
    assert found[key("apiserver_request_duration_seconds_count", *labels)] == 2
    assert found[key("apiserver_request_sli_duration_seconds_count", *labels)] == 2
    assert found[key("apiserver_response_sizes_sum", *labels)] == 5500
    assert found[key("apiserver_response_sizes_bucket", *labels, "1000.0")] == 1


@pytest.mark.parametrize(
    ("name", "shown"), [("kubelet", "kubelet"), ("jane@example.org", "email_id"), ("system:node:a", "other")]
)
def test_user_names_are_put_together(name: str, shown: str) -> None:
    assert compressed(name) == shown


def test_senders_are_counted() -> None:
    counts = AuthenticationCounts()
    for user in (JANE, JANE, None):
        counts.add(user)
    found = samples(counts.collect)
    assert found[key("authentication_attempts_total", "success")] == 2
    assert found[key("authentication_attempts_total", "failure")] == 1
    assert found[key("authenticated_user_requests_total", "other")] == 2


async def test_decisions_are_counted() -> None:
    class Says:
        def decide(self, attributes: Attributes) -> Decision:
            return Decision(attributes.verb == "get", denied=attributes.verb == "delete")

    authorizer = Authorizer(Says())
    for verb in ("get", "get", "delete", "list"):
        await authorizer.authorize(Attributes(JANE, verb, "/x"))
    found = samples(authorizer.collect)
    assert [found[key("authorization_attempts_total", each)] for each in ("allowed", "denied", "no-opinion")] == [
        2,
        1,
        1,
    ]


def test_controllers_show_their_queues() -> None:
    class Named(Controller):
        name = "deployment"

    controller = Named()
    controller.queue.add("ns/a")
    controller.queue.add("ns/b")
    found = samples(lambda: collect_workqueues([controller, object()]))
    assert found[key("workqueue_depth", "deployment")] == 2
    assert found[key("workqueue_adds_total", "deployment")] == 2
    assert found[key("workqueue_retries_total", "deployment")] == 0


async def test_queues_tell_how_long_keys_wait_and_work_takes() -> None:
    class Named(Controller):
        name = "deployment"

    controller = Named()
    controller.queue.add("ns/a")
    controller.queue.add("ns/b")
    controller.queue.done(await controller.queue.get())
    await controller.queue.get()
    found = samples(lambda: collect_workqueues([controller]))
    assert found[key("workqueue_queue_duration_seconds_count", "deployment")] == 2
    assert found[key("workqueue_work_duration_seconds_count", "deployment")] == 1
    assert found[key("workqueue_queue_duration_seconds_bucket", "deployment", "1000.0")] == 2
    assert found[key("workqueue_unfinished_work_seconds", "deployment")] > 0
    assert found[key("workqueue_longest_running_processor_seconds", "deployment")] > 0


def test_a_chunk_for_many_watchers_counts_for_each() -> None:
    counts = WatchEventCounts()
    counts.of(GVR("apps", "v1", "deployments")).add(2, 3000, 10)
    found = samples(counts.collect)
    labels = ("apps", "v1", "deployments")
    assert found[key("apiserver_watch_events_total", *labels)] == 20
    assert found[key("apiserver_watch_events_sizes_sum", *labels)] == 30_000
    assert found[key("apiserver_watch_events_sizes_bucket", *labels, "1024.0")] == 0
    assert found[key("apiserver_watch_events_sizes_bucket", *labels, "2048.0")] == 20


def test_requests_of_clients_are_counted() -> None:
    counts = RequestCounts()
    for code in ("200", "200", "<error>"):
        counts.add(code, "localhost:6443", "GET")
    found = samples(counts.collect)
    assert found[key("rest_client_requests_total", "200", "localhost:6443", "GET")] == 2
    assert found[key("rest_client_requests_total", "<error>", "localhost:6443", "GET")] == 1


def test_counters_are_counters_whatever_their_name() -> None:
    text = text_of([AuthenticationCounts().collect, AdmissionMetrics().collect]).decode()
    for name in (
        "authentication_attempts",
        "authenticated_user_requests",
        "apiserver_admission_webhook_rejection_count",
        "apiserver_admission_webhook_fail_open_count",
    ):
        assert f"# TYPE {name} counter\n" in text


def test_handshakes_that_fail_are_counted() -> None:
    errors = HandshakeErrors()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    errors.watch(context)
    incoming = ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    incoming.write(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(ssl.SSLError):
        connection.do_handshake()
    assert samples(errors.collect)[key("apiserver_tls_handshake_errors_total")] == 1


def test_the_build_is_told() -> None:
    names = {name for name, _ in samples(build_metrics.collect)}
    assert names == {"kubernetes_build_info", "kubernetes_feature_enabled"}


async def test_health_checks_are_remembered_and_a_server_that_ends_is_not_ready() -> None:
    health, routes = Health(), Routes()
    trouble = [""]

    async def check() -> str:
        return trouble[0]

    health.add("etcd", check)
    health.install(routes)

    async def ask(path: str, **query: list[str]) -> tuple[int, str]:
        found = routes.find(path)
        assert found is not None
        answer = await found[0](Request(method="GET", path=path, query=query), JANE, found[1])
        return answer.status, answer.body.decode()

    assert await ask("/readyz") == (200, "ok")
    trouble[0] = "down"
    assert (await ask("/livez"))[0] == 500
    assert await ask("/livez", exclude=["etcd"]) == (200, "ok")
    assert await ask("/readyz/etcd") == (500, "internal server error: down\n")
    trouble[0] = ""
    health.stop()
    status, body = await ask("/readyz")
    assert status == 500
    assert body.splitlines()[-2:] == ["[-]shutdown failed: reason withheld", "readyz check failed"]
    assert await ask("/livez") == (200, "ok")
    shown = (await ask("/metrics/slis"))[1]
    assert 'kubernetes_healthchecks_total{name="etcd",status="error",type="livez"} 1.0' in shown
    assert 'kubernetes_healthcheck{name="shutdown",type="readyz"} 0.0' in shown
