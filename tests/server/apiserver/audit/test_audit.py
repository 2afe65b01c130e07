"""Auditing: policy, events, files."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from minik.api.request import Request, Response
from minik.api.scheme import Scheme
from minik.api.status import StatusError, not_found
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Decision
from minik.server.apiserver.audit.auditor import Auditor
from minik.server.apiserver.audit.log_file import LogFile
from minik.server.apiserver.audit.policy import Level, Policy, policy_of
from minik.server.apiserver.audit.trail import Trail, attempted, event
from minik.server.apiserver.audit.webhook_sink import Sending, WebhookSink, cut_down
from minik.server.apiserver.request_info import resolve

JANE = UserInfo("jane", groups=("dev", "system:authenticated"))


def policy(*rules: Obj, **more: Any) -> Policy:
    return policy_of({"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": list(rules), **more})


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({}, True),
        ({"users": ["jane"]}, True),
        ({"users": ["john"]}, False),
        ({"userGroups": ["dev"]}, True),
        ({"verbs": ["get"]}, False),
        ({"namespaces": ["ns"]}, True),
        ({"namespaces": [""]}, False),
        ({"resources": [{"group": ""}]}, True),
        ({"resources": [{"group": "apps"}]}, False),
        ({"resources": [{"group": "", "resources": ["pods"]}]}, False),
        ({"resources": [{"group": "", "resources": ["pods/log"]}]}, True),
        ({"resources": [{"group": "", "resources": ["pods/*"]}]}, True),
        ({"resources": [{"group": "", "resources": ["*/log"]}]}, True),
        ({"resources": [{"group": "", "resources": ["pods/log"], "resourceNames": ["b"]}]}, False),
        ({"resources": [{"group": "*", "resources": ["pods/log"]}]}, True),
        ({"nonResourceURLs": ["*"]}, False),
    ],
)
def test_rules_match_as_upstreams(rule: Obj, matches: bool) -> None:
    info = resolve("POST", "/api/v1/namespaces/ns/pods/a/log", {})
    verdict = policy({"level": "Metadata", **rule}).verdict(info, JANE)
    assert (verdict.level is Level.METADATA) == matches


def test_the_first_rule_that_matches_decides() -> None:
    found = policy({"level": "None", "nonResourceURLs": ["/healthz*"]}, {"level": "Request"}, omitStages=["Panic"])
    assert found.verdict(resolve("GET", "/healthz/ping", {}), JANE).level is Level.NONE
    verdict = found.verdict(resolve("GET", "/version", {}), JANE)
    assert verdict.level is Level.REQUEST
    assert verdict.omit_stages == {"Panic"}


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "Policy", "apiVersion": "audit.k8s.io/v1"},
        {"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": [{"level": "All"}]},
        *(
            {"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": [{"level": "None", **rule}]}
            for rule in (
                {"omitStages": ["x"]},
                {"nonResourceURLs": ["healthz"]},
                {"nonResourceURLs": ["/a*b"]},
                {"nonResourceURLs": ["/a"], "namespaces": ["a"]},
                {"resources": [{"group": "apps/v1"}]},
                {"resources": [{"resourceNames": ["a"]}]},
            )
        ),
    ],
)
def test_bad_policies_are_refused(document: Obj) -> None:
    with pytest.raises(ValueError, match=r"."):
        policy_of(document)


async def recorded(path: Path, rules: Policy, request: Request, answer: Response | Exception) -> list[Obj]:
    """The events of one request."""
    auditor = Auditor(rules, Scheme(), log_file=LogFile(str(path)))
    ready = asyncio.Event()
    task = asyncio.create_task(auditor.run(ready))
    await ready.wait()

    async def handle(request: Request) -> Response:
        request.audit.authenticated(JANE, resolve(request.method, request.path, request.query))
        request.audit.decided(Decision(True, "because"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    with contextlib.suppress(StatusError):
        response = await auditor.audited(request, handle)
        if response.stream is not None:
            async for _ in response.stream:
                pass
    task.cancel()
    await asyncio.wait([task])
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_an_event_says_who_did_what(tmp_path: Path) -> None:
    sent = {"metadata": {"name": "a", "managedFields": [1]}, "data": {"k": "v"}}
    request = Request(
        method="POST",
        path="/api/v1/namespaces/ns/configmaps",
        headers={"user-agent": "kubectl", "content-type": "application/json", "x-forwarded-for": "10.0.0.1"},
        body=orjson.dumps(sent),
        remote_address="10.0.0.2",
    )
    answer = Response(status=201, body=orjson.dumps({"kind": "ConfigMap", **sent}))
    rules = policy({"level": "RequestResponse", "omitStages": ["RequestReceived"], "omitManagedFields": True})
    (event,) = await recorded(tmp_path / "log", rules, request, answer)
    assert (event["kind"], event["level"], event["stage"]) == ("Event", "RequestResponse", "ResponseComplete")
    assert event["user"] == {"username": "jane", "groups": ["dev", "system:authenticated"]}
    assert event["sourceIPs"] == ["10.0.0.1", "10.0.0.2"]
    assert event["objectRef"] == {"resource": "configmaps", "namespace": "ns", "name": "a", "apiVersion": "v1"}
    assert event["responseStatus"] == {"metadata": {}, "code": 201}
    assert event["requestObject"] == {"metadata": {"name": "a"}, "data": {"k": "v"}}
    assert event["responseObject"]["metadata"] == {"name": "a"}
    assert event["annotations"]["authorization.k8s.io/decision"] == "allow"
    assert event["auditID"] == request.audit_id


async def test_metadata_holds_no_bodies(tmp_path: Path) -> None:
    request = Request(method="POST", path="/api/v1/namespaces", body=b'{"metadata":{"name":"x"}}')
    events = await recorded(tmp_path / "log", policy({"level": "Metadata"}), request, Response(body=b"{}"))
    assert [event["stage"] for event in events] == ["RequestReceived", "ResponseComplete"]
    assert not [event for event in events if "requestObject" in event or "responseObject" in event]


def test_patches_of_webhooks_are_content() -> None:
    for level, shown in (("Metadata", False), ("Request", True)):
        request = Request(method="POST", path="/api/v1/namespaces")
        trail = Trail(request, policy({"level": level}), lambda *_: None)
        trail.authenticated(JANE, resolve(request.method, request.path, request.query))
        trail.annotations["patch.webhook.admission.k8s.io/round_0_index_0"] = "{}"
        assert ("annotations" in event(trail, "ResponseComplete", datetime.now(UTC), Scheme())) is shown


async def test_refusals_of_this_process_are_recorded(tmp_path: Path) -> None:
    request = Request(method="GET", path="/api/v1/namespaces/x", local=True)
    events = await recorded(tmp_path / "log", policy({"level": "Metadata"}), request, not_found("", "namespaces", "x"))
    assert events[-1]["responseStatus"]["reason"] == "NotFound"
    assert events[-1]["responseStatus"]["code"] == 404


async def test_what_is_deleted_and_by_whom(tmp_path: Path) -> None:
    sent = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}
    headers = {"user-agent": "x" * 1100, "content-type": "application/json"}
    body = orjson.dumps(sent)
    request = Request(method="DELETE", path="/api/v1/namespaces/a/pods", headers=headers, body=body)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {"name": "a"}}
    answer = Response(body=orjson.dumps(status), content_type="application/json")
    first, last = await recorded(tmp_path / "log", policy({"level": "Request"}), request, answer)
    assert first["stageTimestamp"] == first["requestReceivedTimestamp"]
    assert last["userAgent"] == f"{'x' * 1024}...TRUNCATED"
    assert (last["verb"], last["requestObject"]) == ("deletecollection", sent)
    assert last["responseStatus"] == {"metadata": {}, "status": "Success", "details": {"name": "a"}, "code": 200}


def test_the_mode_of_constrained_impersonation_is_recorded() -> None:
    trail = Trail(Request(method="GET", path="/version"), policy({"level": "Metadata"}), lambda *_: None)
    trail.authenticated(JANE, resolve("GET", "/version", {}))
    trail.impersonated(JANE, "impersonate:user-info")
    found = event(trail, "ResponseComplete", datetime.now(UTC), Scheme())
    assert found["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}


async def test_a_watch_is_complete_when_it_ends(tmp_path: Path) -> None:
    async def chunks() -> Any:
        yield b"x"

    request = Request(method="GET", path="/api/v1/pods", query={"watch": ["1"]})
    events = await recorded(tmp_path / "log", policy({"level": "Metadata"}), request, Response(stream=chunks()))
    assert [event["stage"] for event in events] == ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    assert events[-1]["verb"] == "watch"


async def test_what_the_policy_leaves_out_is_not_recorded(tmp_path: Path) -> None:
    request = Request(method="GET", path="/version")
    assert await recorded(tmp_path / "log", policy({"level": "None"}), request, Response()) == []


async def test_the_webhook_gets_batches() -> None:
    got: asyncio.Queue[Obj] = asyncio.Queue()

    class Receiver:
        async def post(self, obj: Obj) -> None:
            got.put_nowait(obj)

        async def close(self) -> None: ...

    auditor = Auditor(policy({"level": "Metadata"}), Scheme(), webhook=Receiver(), sending=Sending(longest_wait=0.01))
    task = asyncio.create_task(auditor.run(asyncio.Event()))

    async def handle(request: Request) -> Response:
        request.audit.authenticated(JANE, resolve(request.method, request.path, request.query))
        return Response()

    await auditor.audited(Request(method="GET", path="/version"), handle)
    async with asyncio.timeout(5):
        batch = await got.get()
    task.cancel()
    await asyncio.wait([task])
    assert batch["kind"] == "EventList"
    assert [item["stage"] for item in batch["items"]] == ["RequestReceived", "ResponseComplete"]


def test_full_files_are_rotated_and_the_oldest_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.server.apiserver.audit.log_file._MB", 10)
    log = LogFile(str(tmp_path / "audit.log"), max_size=1, max_backups=2)
    log.open()
    (tmp_path / "audit-2020-01-02T03-04-05.000.log").write_bytes(b"old\n")
    log.write([b"123456\n", b"abcdef\n", b"ABCDEF\n"])
    log.close()
    assert (tmp_path / "audit.log").read_bytes() == b"ABCDEF\n"
    assert not (tmp_path / "audit-2020-01-02T03-04-05.000.log").exists()
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


class Collecting:
    """A webhook that keeps what it gets, after some refusals."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.batches: list[list[Obj]] = []

    async def post(self, obj: Obj) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("no")
        self.batches.append(obj["items"])

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("body", "largest", "cut"),
    [(10, 500, False), (1000, 500, True), (1000, 10, None)],
)
def test_large_events_are_cut_down(body: int, largest: int, cut: bool | None) -> None:
    event, size = cut_down({"auditID": "x", "requestObject": {"data": "x" * body}}, largest)
    if cut is None:
        assert event is None
        return
    assert event is not None
    assert size <= largest
    assert ("requestObject" not in event) is cut
    assert ((event.get("annotations") or {}).get("audit.k8s.io/truncated") == "true") is cut


async def test_batches_have_a_largest_size() -> None:
    receiver = Collecting()
    sink = WebhookSink(receiver, Sending(largest_event=100, largest_batch=120))
    await sink.send([{"auditID": "x" * 40} for _ in range(5)])
    assert [len(batch) for batch in receiver.batches] == [2, 2, 1]


async def test_a_batch_is_tried_again_and_in_the_end_lost() -> None:
    for refusals, batches, lost in ((4, 1, 0), (5, 0, 1)):
        receiver = Collecting(refusals)
        sink = WebhookSink(receiver, Sending(first_retry=0.0001))
        await sink.send([{"auditID": "x"}])
        assert (len(receiver.batches), sink.lost) == (batches, lost)


async def test_a_full_buffer_loses_the_newest() -> None:
    sink = WebhookSink(Collecting(), Sending(buffer=3))
    sink.offer([{}] * 5)
    assert sink.lost == 2


async def test_a_blocking_webhook_has_the_events_before_the_client_its_answer() -> None:
    receiver = Collecting()
    auditor = Auditor(policy({"level": "Metadata"}), Scheme(), webhook=receiver, sending=Sending(blocking=True))

    async def handle(request: Request) -> Response:
        request.audit.authenticated(JANE, resolve(request.method, request.path, request.query))
        return Response()

    await auditor.audited(Request(method="GET", path="/version"), handle)
    assert [item["stage"] for batch in receiver.batches for item in batch] == ["RequestReceived", "ResponseComplete"]
    names = {metric.name: metric.samples for metric in auditor.collect()}
    assert names["apiserver_audit_event"][0].value == 2
    assert names["apiserver_audit_level"][0].labels == {"level": "Metadata"}


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({}, "Authentication failed, no credentials provided"),
        ({"headers": {"authorization": "Bearer x"}}, "Authentication failed, attempted: bearer"),
        (
            {"headers": {"authorization": "Basic x"}, "client_certificate": b"x"},
            "Authentication failed, attempted: basic, x509",
        ),
    ],
)
def test_how_an_identity_was_claimed(request_: Any, text: str) -> None:
    assert attempted(Request(method="GET", path="/", **request_)) == text


async def test_those_nobody_knows_leave_one_event(tmp_path: Path) -> None:
    auditor = Auditor(
        policy({"level": "Metadata"}), Scheme(), webhook=(receiver := Collecting()), sending=Sending(True)
    )

    async def handle(request: Request) -> Response:
        request.audit.authenticated(None, resolve(request.method, request.path, request.query))
        return Response(status=401, body=b"{}")

    await auditor.audited(Request(method="GET", path="/api", headers={"authorization": "Bearer x"}), handle)
    (event,) = [item for batch in receiver.batches for item in batch]
    assert (event["stage"], event["user"]) == ("ResponseStarted", {})
    assert event["responseStatus"] == {
        "metadata": {},
        "message": "Authentication failed, attempted: bearer",
        "code": 401,
    }
