"""Webhooks are called over HTTPS behind their Service, may change or refuse, and fail open or closed."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from webhook_server import WebhookServer

from minik.api.groups import load
from minik.api.status import StatusError
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.configuration_kinds import MUTATING_WEBHOOKS as MUTATING
from minik.server.apiserver.admission.configuration_kinds import VALIDATING_WEBHOOKS as VALIDATING
from minik.server.apiserver.admission.dynamic import DynamicAdmission
from minik.server.apiserver.attributes import Attributes, Decision

SCHEME = load()
CONFIG_MAPS = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}]


async def nobody_asks(_: Attributes) -> Decision:
    raise AssertionError


class Setup:
    """A webhook server behind Service ns/hook, and the admission that calls it."""

    def __init__(self, objects: Any, server: WebhookServer) -> None:
        self.objects, self.server = objects, server
        self.dynamic = DynamicAdmission(objects, SCHEME, nobody_asks)
        self.chain = AdmissionChain(self.dynamic.plugins)

    def webhook(self, **changes: Any) -> dict[str, Any]:
        hook = {
            "name": "w.example.com",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 5,
            "clientConfig": {
                "service": {"name": "hook", "namespace": "ns", "path": "/review"},
                "caBundle": self.server.ca_bundle,
            },
            "rules": CONFIG_MAPS,
            "failurePolicy": "Fail",
        }
        return {**hook, **changes}

    def configure(self, *webhooks: dict[str, Any], kind: Any = VALIDATING, name: str = "c") -> None:
        index = next(p for p in self.dynamic.plugins if p.follows == (kind,))
        index.change(kind, {"metadata": {"name": name}, "webhooks": list(webhooks)}, None)


@pytest.fixture
async def setup(objects: Any, named: Any, tmp_path: Path) -> AsyncIterator[Setup]:
    async with WebhookServer(tmp_path) as server:
        objects.add("namespaces", named("ns", "", labels={}))
        objects.add("services", named("hook", spec={"ports": [{"port": 443, "name": "https"}]}))
        endpoints = objects.add(
            "endpointslices",
            named(
                "hook-1",
                ports=[{"name": "https", "port": server.port}],
                endpoints=[{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
            ),
        )
        endpoints["metadata"]["labels"] = {"kubernetes.io/service-name": "hook"}
        made = Setup(objects, server)
        yield made
        await made.dynamic.close()


def config_map(named: Any, name: str = "m", **data: str) -> Any:
    return {"kind": "ConfigMap", "apiVersion": "v1", **named(name), "data": data}


def json_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    patch = base64.b64encode(orjson.dumps(list(operations))).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": patch}


async def test_a_webhook_sees_the_write_and_refuses_in_its_own_words(setup: Setup, named: Any, write: Any) -> None:
    setup.configure(setup.webhook())
    setup.server.respond = lambda review: {
        "allowed": False,
        "status": {"code": 409, "reason": "Conflict", "message": "not today"},
        "warnings": ["mind the gap"],
        "auditAnnotations": {"why": "mood"},
    }
    request = write("configmaps", config_map(named, a="b"), dry_run=True, options={"kind": "CreateOptions"})
    with pytest.raises(StatusError) as caught:
        await setup.chain.validate(request)
    assert caught.value.code == 409
    assert caught.value.message == 'admission webhook "w.example.com" denied the request: not today'
    assert request.warnings == ["mind the gap"]
    assert request.annotations["w.example.com/why"] == "mood"
    asked = setup.server.reviews[0]["request"]
    assert asked["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert asked["requestResource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (asked["operation"], asked["name"], asked["namespace"], asked["dryRun"]) == ("CREATE", "m", "ns", True)
    assert asked["userInfo"] == {"username": "jane"}
    assert asked["object"]["data"] == {"a": "b"}
    assert asked["oldObject"] is None


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [(None, 400, "without explanation"), ({"reason": "Because"}, 400, ": Because"), ({"code": 200}, 400, "without")],
)
async def test_a_refusal_needs_no_reasons(
    setup: Setup, named: Any, write: Any, status: Any, code: int, text: str
) -> None:
    setup.configure(setup.webhook())
    setup.server.respond = lambda review: {"allowed": False} | ({"status": status} if status else {})
    with pytest.raises(StatusError, match=text) as caught:
        await setup.chain.validate(write("configmaps", config_map(named)))
    assert caught.value.code == code


async def test_a_patch_changes_the_object_and_earlier_webhooks_may_look_again(
    setup: Setup, named: Any, write: Any
) -> None:
    setup.configure(
        setup.webhook(name="first.example.com", reinvocationPolicy="IfNeeded"),
        setup.webhook(name="second.example.com"),
        kind=MUTATING,
    )

    def respond(review: Any) -> Any:
        data = review["request"]["object"]["data"]
        if len(setup.server.reviews) == 2:
            return json_patch({"op": "add", "path": "/data/second", "value": "1"})
        return {"allowed": True} if "second" not in data else json_patch({"op": "remove", "path": "/data/a"})

    setup.server.respond = respond
    obj = config_map(named, a="b")
    request = write("configmaps", obj)
    await setup.chain.mutate(request)
    assert request.obj is obj
    assert obj["data"] == {"second": "1"}
    assert len(setup.server.reviews) == 3  # first, second, first again


async def test_a_patch_that_does_not_apply_says_why(setup: Setup, named: Any, write: Any) -> None:
    setup.configure(setup.webhook(), kind=MUTATING)
    setup.server.respond = lambda review: json_patch({"op": "replace", "path": "/nope/x", "value": 1})
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(write("configmaps", config_map(named)))
    text = "replace operation does not apply: doc is missing path: /nope/x: missing value"
    assert (caught.value.code, caught.value.message) == (500, f"Internal error occurred: {text}")


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"uid": "other"}, 'expected response.uid="'),
        ({"patch": "W10="}, "webhook returned response.patch but not response.patchType"),
        ({"patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
    ],
)
async def test_an_answer_that_breaks_the_protocol_fails_the_call(
    setup: Setup, named: Any, write: Any, response: Any, text: str
) -> None:
    setup.configure(setup.webhook(), kind=MUTATING)
    setup.server.respond = lambda review: {"allowed": True, **response}
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(write("configmaps", config_map(named)))
    assert caught.value.code == 500
    wanted = 'Internal error occurred: failed calling webhook "w.example.com": received invalid webhook response: '
    assert caught.value.message.startswith(wanted + text)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"patch": "e30=", "patchType": "JSONPatch"}, "received undecodable patch in webhook response: json: cannot "),
        ({"patch": "W3sib3AiOiJ4In1d", "patchType": "Merge"}, 'unsupported patch type "Merge"'),
    ],
)
async def test_a_patch_that_cannot_be_read_fails_the_call(
    setup: Setup, named: Any, write: Any, response: Any, text: str
) -> None:
    setup.configure(setup.webhook(rules=[]), setup.webhook(name="x.example.com"), kind=MUTATING)
    setup.server.respond = lambda review: {"allowed": True, **response}
    request = write("configmaps", config_map(named))
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(request)
    assert caught.value.message.startswith(f'Internal error occurred: failed calling webhook "x.example.com": {text}')
    assert request.annotations == {
        "mutation.webhook.admission.k8s.io/round_0_index_1": (
            '{"configuration":"c","webhook":"x.example.com","mutated":false}'
        )
    }


async def test_a_failing_webhook_refuses_or_is_passed_over(setup: Setup, named: Any, write: Any) -> None:
    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500, text="boom")

    setup.server.answer = broken
    setup.configure(setup.webhook())
    with pytest.raises(StatusError) as caught:
        await setup.chain.validate(write("configmaps", config_map(named)))
    assert caught.value.message.endswith(
        'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding'
    )
    setup.configure(setup.webhook(failurePolicy="Ignore"))
    request = write("configmaps", config_map(named))
    await setup.chain.validate(request)
    assert request.annotations == {"failed-open.validating.webhook.admission.k8s.io/round_0_index_0": "w.example.com"}


async def test_a_slow_webhook_times_out(setup: Setup, named: Any, write: Any) -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    setup.server.answer = slow
    setup.configure(setup.webhook(timeoutSeconds=1))
    with pytest.raises(StatusError, match="context deadline exceeded") as caught:
        await setup.chain.validate(write("configmaps", config_map(named)))
    assert 'Post "https://hook.ns.svc:443/review?timeout=1s"' in caught.value.message


async def test_a_connection_that_was_closed_meanwhile_is_replaced(setup: Setup, named: Any, write: Any) -> None:
    calls: list[int] = []

    async def hang_up_once(request: web.Request) -> web.Response:
        calls.append(1)
        review = await request.json()
        if len(calls) == 1:
            assert request.transport is not None
            request.transport.abort()
        response = {"uid": review["request"]["uid"], "allowed": True}
        return web.json_response({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})

    setup.server.answer = hang_up_once
    setup.configure(setup.webhook())
    await setup.chain.validate(write("configmaps", config_map(named)))
    assert len(calls) == 2


async def test_what_cannot_be_reached_says_why(setup: Setup, named: Any, write: Any) -> None:
    request = write("configmaps", config_map(named))
    setup.configure(setup.webhook(clientConfig={"url": f"https://127.0.0.1:{setup.server.port}/x"}))
    with pytest.raises(StatusError, match="x509: certificate signed by unknown authority"):
        await setup.chain.validate(request)
    setup.objects.remove("endpointslices", "hook-1", "ns")
    setup.configure(setup.webhook())
    with pytest.raises(StatusError, match='no endpoints available for service "hook"'):
        await setup.chain.validate(request)
    setup.objects.remove("services", "hook", "ns")
    with pytest.raises(StatusError, match='timeout=5s": service "hook" not found'):
        await setup.chain.validate(request)


async def test_a_webhook_with_side_effects_is_not_asked_about_dry_runs(setup: Setup, named: Any, write: Any) -> None:
    setup.configure(setup.webhook(sideEffects="Some"))
    with pytest.raises(StatusError, match="does not support dry run") as caught:
        await setup.chain.validate(write("configmaps", config_map(named), dry_run=True))
    assert caught.value.code == 400
    await setup.chain.validate(write("configmaps", config_map(named)))


async def test_selectors_narrow_what_a_webhook_is_asked(setup: Setup, named: Any, write: Any) -> None:
    setup.configure(
        setup.webhook(objectSelector={"matchLabels": {"check": "me"}}),
        setup.webhook(name="elsewhere.example.com", namespaceSelector={"matchLabels": {"env": "prod"}}),
    )
    await setup.chain.validate(write("configmaps", config_map(named)))
    assert setup.server.reviews == []
    labelled = config_map(named)
    labelled["metadata"]["labels"] = {"check": "me"}
    await setup.chain.validate(write("configmaps", config_map(named), labelled))  # it was labelled before
    setup.objects.get(VALIDATING._replace(resource="namespaces"), "ns")["metadata"]["labels"] = {"env": "prod"}
    await setup.chain.validate(write("configmaps", config_map(named)))
    assert [review["request"]["operation"] for review in setup.server.reviews] == ["UPDATE", "CREATE"]


async def test_equivalent_versions_are_converted_for_the_webhook(setup: Setup, named: Any, write: Any) -> None:
    scalers = {"apiGroups": ["autoscaling"], "operations": ["CREATE"], "resources": ["horizontalpodautoscalers"]}
    rules = [{**scalers, "apiVersions": ["v2"]}]
    setup.configure(
        setup.webhook(rules=rules), setup.webhook(name="exact.example.com", rules=rules, matchPolicy="Exact")
    )
    scaler = named("h", spec={"targetCPUUtilizationPercentage": 50, "maxReplicas": 3, "scaleTargetRef": {}})
    scaler |= {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1"}
    await setup.chain.validate(write("horizontalpodautoscalers", scaler, group="autoscaling"))
    (review,) = setup.server.reviews
    metric = review["request"]["object"]["spec"]["metrics"][0]
    assert metric["resource"]["target"]["averageUtilization"] == 50
    assert review["request"]["object"]["apiVersion"] == "autoscaling/v2"
    assert review["request"]["resource"]["version"] == "v2"
    assert review["request"]["requestResource"]["version"] == "v1"


async def test_configurations_of_admission_are_out_of_reach(setup: Setup, named: Any, write: Any) -> None:
    everything = [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]
    setup.configure(setup.webhook(rules=everything))
    own = named("c", "")
    request = write("validatingwebhookconfigurations", None, own, group=VALIDATING.group, operation=Operation.DELETE)
    await setup.chain.validate(request)
    assert setup.server.reviews == []
