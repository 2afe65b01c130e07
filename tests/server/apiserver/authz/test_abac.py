"""Policies in a file decide who may do what."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from minik.api.types import UserInfo
from minik.config import AgentConfig, ServerConfig, StartupError
from minik.server.apiserver.attributes import Attributes
from minik.server.apiserver.authz.abac import load
from minik.server.apiserver.authz.configuration import chain_of_flags

JANE = UserInfo("jane", groups=("dev", "system:authenticated"))
NOBODY = UserInfo("system:anonymous", groups=("system:unauthenticated",))


def _policy(**spec: Any) -> str:
    document = {"apiVersion": "abac.authorization.kubernetes.io/v1beta1", "kind": "Policy", "spec": spec}
    return orjson.dumps(document).decode()


def _pods(verb: str, user: UserInfo = JANE, namespace: str = "ns", group: str = "") -> Attributes:
    return Attributes(user, verb, "", True, namespace, group, "v1", "pods")


def _path(path: str, user: UserInfo = JANE) -> Attributes:
    return Attributes(user, "get", path)


EVERYTHING = {"namespace": "*", "resource": "*", "apiGroup": "*"}


@pytest.mark.parametrize(
    ("line", "asked", "allowed"),
    [
        (_policy(user="jane", **EVERYTHING), _pods("delete"), True),
        (_policy(user="john", **EVERYTHING), _pods("delete"), False),
        (_policy(group="dev", **EVERYTHING), _pods("list"), True),
        (_policy(user="jane", group="ops", **EVERYTHING), _pods("list"), False),
        (_policy(user="*", **EVERYTHING), _pods("list"), True),
        (_policy(user="*", **EVERYTHING), _pods("list", NOBODY), False),
        (_policy(**EVERYTHING), _pods("list"), False),
        (_policy(user="jane", readonly=True, **EVERYTHING), _pods("watch"), True),
        (_policy(user="jane", readonly=True, **EVERYTHING), _pods("create"), False),
        (_policy(user="jane", namespace="ns", resource="pods"), _pods("get"), True),
        (_policy(user="jane", namespace="ns", resource="pods"), _pods("get", namespace="other"), False),
        (_policy(user="jane", namespace="ns", resource="pods"), _pods("get", group="metrics.k8s.io"), False),
        (_policy(user="jane", **EVERYTHING), _path("/healthz"), False),
        (_policy(user="jane", nonResourcePath="/healthz*"), _path("/healthz/ping"), True),
        (_policy(user="jane", nonResourcePath="/healthz"), _path("/healthz/ping"), False),
        ('{"user": "jane"}', _path("/version"), True),
        ('{"user": "jane", "resource": "pods"}', _pods("delete", group="any"), True),
        ('{"readonly": true}', _pods("get"), True),
        ('{"readonly": true}', _pods("get", NOBODY), False),
    ],
)
def test_policies(tmp_path: Path, line: str, asked: Attributes, allowed: bool) -> None:
    file = tmp_path / "policies.jsonl"
    file.write_text(f"# who may what\n\n{line}\n")
    decision = load(file).decide(asked)
    assert decision.allowed is allowed
    assert decision.reason == ("" if allowed else "No policy matched.")


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "policies.jsonl"
    file.write_text(f'{_policy(user="jane")}\n{{"kind": "Role"}}\n')
    with pytest.raises(ValueError, match=r"line 2: \{\"kind\": \"Role\"\}: it is no Policy"):
        load(file)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"authorization_mode": ("ABAC",)}, "--authorization-mode ABAC needs --authorization-policy-file"),
        ({"authorization_policy_file": "x"}, "--authorization-policy-file needs --authorization-mode ABAC"),
        ({"authorization_mode": ("ABAC",), "authorization_policy_file": "/none"}, "cannot use authorization policies"),
    ],
)
def test_mode_and_file_belong_together(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(StartupError, match=text):
        chain_of_flags(ServerConfig(agent=AgentConfig(), **settings), {})
