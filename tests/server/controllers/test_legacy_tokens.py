"""Never-expiring service account tokens: their use is noted, and unused ones go."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from fake_client import until

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.objects import Obj, Objects
from minik.client.resources import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from minik.server.controllers.legacy_token_cleaner import LegacyTokenCleaner

DAY = 86400.0
TRACKING = "kube-apiserver-legacy-service-account-token-tracking"
LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
TYPE = "kubernetes.io/service-account-token"
SOON = {"within": 10.0, "every": 0.02}


def secret(name: str = "s-token", *, created: str = "2024-01-02T00:00:00Z", **labels: str) -> Obj:
    annotations = {"kubernetes.io/service-account.name": "s", "kubernetes.io/service-account.uid": "uid-s"}
    metadata = {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "creationTimestamp": created,
        "annotations": annotations,
    }
    return {"metadata": metadata | {"labels": labels}, "type": TYPE}


def start(cluster: Any, *secrets: Obj, since: str = "2023-01-01", listed: bool = True) -> Any:
    """On 2026-01-02."""
    names = [{"name": each["metadata"]["name"]} for each in secrets] if listed else []
    cluster.client.add(
        SERVICE_ACCOUNTS, {"metadata": {"name": "s", "namespace": "ns", "uid": "uid-s"}, "secrets": names}
    )
    metadata = {"name": TRACKING, "namespace": "kube-system"}
    cluster.client.add(CONFIG_MAPS, {"metadata": metadata, "data": {"since": since}})
    for each in secrets:
        cluster.client.add(SECRETS, each)
    return cluster.start(LegacyTokenCleaner)


def labels(cluster: Any, name: str = "s-token") -> Obj:
    found: Obj = cluster.client.find(SECRETS, name, "ns")["metadata"].get("labels", {})
    return found


async def test_unused_token_is_marked_and_deleted_a_year_later(cluster: Any) -> None:
    start(cluster, secret())
    await until(lambda: labels(cluster) == {INVALID_SINCE: "2026-01-02"})
    cluster.clock.advance(365 * DAY)
    await until(lambda: cluster.clock.now().year == 2027)
    assert cluster.client.find(SECRETS, "s-token", "ns")
    cluster.clock.advance(2 * DAY)
    await until(lambda: cluster.client.find(SECRETS, "s-token", "ns") is None)


@pytest.mark.parametrize(
    ("kept", "more"),
    [
        (secret(created="2025-06-01T00:00:00Z"), {}),
        (secret(**{LAST_USED: "2025-06-01"}), {}),
        (secret(**{LAST_USED: "lately"}), {}),
        (secret(), {"since": "2025-01-02"}),  # not noted for a whole year yet
        (secret(), {"listed": False}),  # made by hand
    ],
    ids=["young", "used", "unreadable", "untracked", "by-hand"],
)
async def test_other_tokens_stay(cluster: Any, kept: Obj, more: Obj) -> None:
    before = dict(kept["metadata"]["labels"])
    cleaner = start(cluster, kept, **more)
    await until(lambda: cleaner.reconciled)
    assert labels(cluster) == before


async def test_token_that_a_pod_mounts_stays(cluster: Any) -> None:
    spec = {"containers": [{"name": "c"}], "volumes": [{"name": "t", "secret": {"secretName": "mounted"}}]}
    cluster.client.add(PODS, {"metadata": {"name": "p", "namespace": "ns", "uid": "p"}, "spec": spec})
    start(cluster, secret("mounted"), secret("other"))
    await until(lambda: labels(cluster, "other"))
    assert labels(cluster, "mounted") == {}


async def test_nobody_looks_while_there_are_no_such_tokens(cluster: Any) -> None:
    cleaner = start(cluster)
    cluster.clock.advance(10 * DAY)
    assert cleaner.reconciled == 0


# -- their use, in a whole server


@pytest.fixture
def token(objects: Objects) -> str:
    """Of the Secret t, for the default account."""
    annotations = {"kubernetes.io/service-account.name": "default"}
    objects.create("secrets", "t", {"type": TYPE}, annotations=annotations)

    def filled() -> str:
        data = objects.get("secrets", "t").get("data") or {}
        return base64.b64decode(data.get("token", "")).decode()

    found: str = eventually(filled, **SOON)
    return found


def test_use_of_a_token_is_noted_by_the_day(fake_cluster: ApiServer, objects: Objects, token: str) -> None:
    assert status(fake_cluster, token) == "200"
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    eventually(lambda: objects.get("secrets", "t")["metadata"].get("labels") == {LAST_USED: today}, **SOON)
    version = objects.get("secrets", "t")["metadata"]["resourceVersion"]
    assert status(fake_cluster, token) == "200"
    metrics = fake_cluster.kubectl("get", "--raw", "/metrics")
    assert "serviceaccount_legacy_manual_token_uses_total" in metrics
    assert objects.get("secrets", "t")["metadata"]["resourceVersion"] == version


def test_marked_token_is_refused_until_the_mark_goes(fake_cluster: ApiServer, objects: Objects, token: str) -> None:
    objects.patch("secrets", "t", {"metadata": {"labels": {INVALID_SINCE: "2026-01-02"}}})
    assert status(fake_cluster, token) == "401"
    review = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}}
    answer = objects.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
    assert (
        f"the token in secret {objects.namespace}/t for service account {objects.namespace}/default has been marked "
        "invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
        f"'{INVALID_SINCE}' label from the secret to temporarily allow use of this token"
    ) in answer["status"]["error"]
    objects.patch("secrets", "t", {"metadata": {"labels": {INVALID_SINCE: None}}})
    assert status(fake_cluster, token) == "200"


def status(server: ApiServer, token: str) -> str:
    """Of a request with this token alone."""
    return server.run(
        "curl",
        "-sk",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        f"Authorization: Bearer {token}",
        f"{server.url}/api",
    ).stdout
