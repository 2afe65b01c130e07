"""The way of a request: who may pass, and what becomes of errors."""

import asyncio
from collections.abc import Mapping

import orjson
import pytest

from minik.api.request import Request, Response
from minik.api.scheme import Scheme
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.pipeline import Pipeline
from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.storage import Storage
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.routes import Routes, text

MASTER = UserInfo("root", groups=("system:masters",))
JANE = UserInfo("jane", groups=("system:authenticated",))


class Asked:
    """An authorizer that answers as told and keeps the questions."""

    def __init__(self, allowed: bool, reason: str = "") -> None:
        self.decision = Decision(allowed, reason)
        self.questions: list[Attributes] = []

    async def __call__(self, attributes: Attributes) -> Decision:
        self.questions.append(attributes)
        return self.decision


def pipeline(
    user: UserInfo | None = JANE, authorize: Asked | None = None, flow_control: FlowControl | None = None
) -> Pipeline:
    async def authenticate(_: Request) -> UserInfo | None:
        return user

    async def impersonate(wanted: UserInfo, _: Attributes) -> tuple[UserInfo, str]:
        return wanted, ""

    async def fine(_request: Request, user: UserInfo, _below: str) -> Response:
        return text(200, user.name)

    async def broken(_request: Request, _user: UserInfo, _below: str) -> Response:
        raise RuntimeError("out of cheese")

    async def slow(_request: Request, _user: UserInfo, _below: str) -> Response:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody answers this")

    routes = Routes()
    routes.add("/slow", slow)
    routes.add("/fine", fine)
    routes.add("/broken", broken)
    registry = Registry(storage=Storage(None), scheme=Scheme(), admission=None)  # type: ignore[arg-type]
    return Pipeline(
        Dispatcher(registry),
        routes,
        authenticate=authenticate,
        impersonate=impersonate,
        authorize=authorize or Asked(True),
        flow_control=flow_control,
    )


def get(path: str, headers: Mapping[str, str] | None = None) -> Request:
    return Request(method="GET", path=path, headers=headers or {})


async def test_nobody_is_unauthorized() -> None:
    response = await pipeline(None).handle(get("/fine"))
    assert (response.status, orjson.loads(response.body)["reason"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/fine", 'forbidden: User "jane" cannot get path "/fine"'),
        (
            "/api/v1/namespaces/a/pods/p/log",
            'pods "p" is forbidden: User "jane" cannot get resource "pods/log" in API group "" in the namespace "a"',
        ),
        (
            "/apis/apps/v1/deployments",
            'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" '
            "at the cluster scope",
        ),
    ],
)
async def test_refusals_say_who_may_not_do_what(path: str, message: str) -> None:
    response = await pipeline(authorize=Asked(False)).handle(get(path))
    assert (response.status, orjson.loads(response.body)["message"]) == (403, message)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_authorizers_reason_is_told() -> None:
    response = await pipeline(authorize=Asked(False, "it is Sunday")).handle(get("/fine"))
    assert orjson.loads(response.body)["message"].endswith('path "/fine": it is Sunday')


async def test_masters_are_not_asked_about() -> None:
    asked = Asked(False)
    assert (await pipeline(MASTER, asked).handle(get("/fine"))).status == 200
    assert asked.questions == []


async def test_a_list_of_one_name_is_about_that_object() -> None:
    asked = Asked(True)
    query = {"fieldSelector": ["metadata.name=p,status.phase=Running"]}
    await pipeline(authorize=asked).handle(Request(method="GET", path="/api/v1/namespaces/a/pods", query=query))
    question = asked.questions[0]
    assert (question.verb, question.name, question.field_selector) == ("list", "p", query["fieldSelector"][0])


async def test_impersonated_users_go_on_as_who_they_want_to_be() -> None:
    response = await pipeline(MASTER).handle(get("/fine", {"impersonate-user": "bob"}))
    assert response.body == b"bob"


async def test_a_crash_is_a_500_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    response = await pipeline().handle(get("/broken"))
    answer = orjson.loads(response.body)
    assert (response.status, answer["reason"]) == (500, "InternalError")
    assert answer["message"] == "Internal error occurred: out of cheese"
    assert "GET /broken failed" in caplog.text


async def test_local_callers_get_errors_raised() -> None:
    request = Request(method="GET", path="/api/v1/namespaces/a/gadgets/x", user=MASTER, local=True)
    with pytest.raises(StatusError) as raised:
        await pipeline().handle(request)
    assert raised.value.code == 404


async def test_an_oversized_body_is_refused() -> None:
    request = Request(method="POST", path="/api/v1/namespaces/a/pods", body=b"x" * (3 * 1024 * 1024 + 1))
    response = await pipeline().handle(request)
    answer = orjson.loads(response.body)
    assert (response.status, answer["message"]) == (413, "Request entity too large: limit is 3145728")


async def test_a_request_may_take_as_long_as_it_says() -> None:
    response = await pipeline().handle(Request(method="GET", path="/slow", query={"timeout": ["5ms"]}))
    status = orjson.loads(response.body)
    assert (response.status, status["reason"]) == (504, "Timeout")
    assert status["message"] == "Timeout: request did not complete within the allotted timeout"
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_a_timeout_that_is_none_is_refused() -> None:
    response = await pipeline().handle(Request(method="GET", path="/fine", query={"timeout": ["soon"]}))
    status = orjson.loads(response.body)
    assert status["message"] == 'invalid timeout specified in the request URL - time: invalid duration "soon"'


async def test_who_goes_away_is_not_told_of_deadlines() -> None:
    request = asyncio.create_task(pipeline().handle(Request(method="GET", path="/slow")))
    await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request


async def test_too_many_requests_are_turned_away() -> None:
    control = FlowControl()
    spec = {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
    rule = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    subject = {"kind": "User", "user": {"name": "*"}}
    schema_spec = {
        "priorityLevelConfiguration": {"name": "l"},
        "rules": [{"subjects": [subject], "nonResourceRules": [rule]}],
    }
    control.configure(
        [{"metadata": {"name": "s", "uid": "us"}, "spec": schema_spec}],
        [{"metadata": {"name": "l", "uid": "ul"}, "spec": spec}],
    )
    server = pipeline(flow_control=control)
    level = control.flow(resolve("GET", "/fine", {}), JANE).level
    level.seats = 1
    slow = asyncio.create_task(server.handle(Request(method="GET", path="/slow")))
    await asyncio.sleep(0)
    refused = Request(method="GET", path="/fine")
    response = await server.handle(refused)
    assert (response.status, response.body) == (429, b"Too many requests, please try again later.\n")
    assert response.headers["Retry-After"] == "1"
    assert refused.flow == ("us", "ul")
    slow.cancel()
    await asyncio.wait([slow])
    assert (await server.handle(Request(method="GET", path="/fine"))).status == 200
