"""Scale, binding, eviction: the doors to an object that speak another kind."""

from typing import Any

import pytest

PODS = "/api/v1/namespaces/default/pods"
RCS = "/api/v1/namespaces/default/replicationcontrollers"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


async def controller(api: Any) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    spec = {"replicas": 0, "selector": {"a": "b"}, "template": template}
    status, answer = await api("POST", RCS, {"metadata": {"name": "r"}, "spec": spec})
    assert status == 201, answer


async def test_scale_reads_and_writes_the_replicas(api: Any) -> None:
    await controller(api)
    _, scale = await api("GET", f"{RCS}/r/scale")
    assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {}, {"replicas": 0, "selector": "a=b"})
    status, scale = await api("PUT", f"{RCS}/r/scale", {"metadata": {"name": "r"}, "spec": {"replicas": 3}})
    assert (status, scale["spec"]) == (200, {"replicas": 3})
    _, scale = await api.patch(f"{RCS}/r/scale", {"spec": {"replicas": 2}})
    assert scale["spec"] == {"replicas": 2}
    assert (await api("GET", f"{RCS}/r"))[1]["spec"]["replicas"] == 2


async def test_scale_refuses_nonsense_and_old_versions(api: Any) -> None:
    await controller(api)
    status, answer = await api("PUT", f"{RCS}/r/scale", {"metadata": {"name": "r"}, "spec": {"replicas": -1}})
    assert (status, answer["details"]["kind"]) == (422, "Scale")
    old = {"metadata": {"name": "r", "resourceVersion": "1"}, "spec": {"replicas": 1}}
    assert (await api("PUT", f"{RCS}/r/scale", old))[0] == 409


async def test_a_scale_is_refused_in_its_own_name(api: Any) -> None:
    await controller(api)
    status, answer = await api.patch(f"{RCS}/nope/scale", {"spec": {"replicas": 1}})
    assert (status, answer["message"]) == (404, 'replicationcontrollers/scale "nope" not found')
    status, answer = await api("GET", f"{RCS}/nope/scale")
    assert (status, answer["message"]) == (404, 'replicationcontrollers/scale.autoscaling "nope" not found')
    status, answer = await api("GET", "/apis/apps/v1/namespaces/default/deployments/nope/scale")
    assert (status, answer["message"]) == (404, 'deployments.apps "nope" not found')
    status, answer = await api.patch(f"{RCS}/r/scale", {"metadata": {"uid": "other"}})
    assert (status, answer["details"]["kind"]) == (409, "replicationcontrollers/scale")
    assert "Precondition failed: UID in precondition: other, UID in object meta: " in answer["message"]
    status, answer = await api.patch(f"{RCS}/r/scale", {"metadata": {"labels": {"a b": "c"}}, "spec": {"replicas": -1}})
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    assert (status, fields) == (422, ["metadata.labels", "spec.replicas"])


async def test_a_scale_as_a_table(api: Any) -> None:
    await controller(api)
    await api.patch(f"{RCS}/r/scale", {"spec": {"replicas": 3}})
    _, table = await api("GET", f"{RCS}/r/scale", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert table["rows"][0]["cells"][:3] == ["r", 3, 0]


def binding(node: str = "n", **metadata: str) -> Any:
    return {"metadata": {"name": "p", **metadata}, "target": {"kind": "Node", "name": node}}


async def test_a_binding_assigns_the_node_once(api: Any) -> None:
    await api.pod("p")
    status, answer = await api("POST", f"{PODS}/p/binding", binding())
    assert (status, answer["status"]) == (201, "Success")
    _, pod = await api("GET", f"{PODS}/p")
    assert pod["spec"]["nodeName"] == "n"
    assert [c["type"] for c in pod["status"]["conditions"] if c["status"] == "True"] == ["PodScheduled"]
    status, answer = await api("POST", f"{PODS}/p/binding", binding("other"))
    assert status == 409
    assert answer["message"].endswith('pod p is already assigned to node "n"')


async def test_what_is_posted_to_a_pod_bears_its_name(api: Any) -> None:
    await api("POST", PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}})
    for kind, body in (("Binding", {"target": {"name": "n"}}), ("Eviction", {})):
        for metadata in ({}, {"name": "q"}):
            path = f"{PODS}/p/{kind.lower()}"
            status, answer = await api("POST", path, {**body, "metadata": metadata})
            assert (status, answer["message"]) == (400, f"name in URL does not match name in {kind} object")
    status, answer = await api("POST", f"{PODS.rpartition('/')[0]}/bindings", {"target": {"name": "n"}})
    assert (status, answer["message"]) == (400, "Name parameter required.")


async def test_bad_bindings(api: Any) -> None:
    await api.pod("p")
    bad = {"metadata": {"name": "p"}, "target": {"kind": "Odd", "name": ""}}
    status, answer = await api("POST", f"{PODS}/p/binding", bad)
    assert status == 500
    assert answer["message"] == (
        '[target.kind: Unsupported value: "Odd": supported values: "Node", "<empty>", target.name: Required value]'
    )
    assert (await api("POST", f"{PODS}/p/binding", binding(uid="other")))[0] == 409
    assert (await api("POST", f"{PODS}/q/binding", {**binding(), "metadata": {"name": "q"}}))[0] == 404


async def running_pod(api: Any) -> None:
    await api.pod("p", nodeName="n")
    await api.patch(PODS + "/p", {"metadata": {"labels": {"set": "s"}}})
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert (await api.patch(f"{PODS}/p/status", {"status": ready}))[0] == 200


async def budget(api: Any, name: str, allowed: int, **status_fields: Any) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"set": "s"}}}
    status, made = await api("POST", BUDGETS, {"metadata": {"name": name}, "spec": spec})
    assert status == 201, made
    observed = {
        "observedGeneration": made["metadata"].get("generation", 0),
        "currentHealthy": 1 + allowed,
        "desiredHealthy": 1,
        "expectedPods": 1 + allowed,
        "disruptionsAllowed": allowed,
        **status_fields,
    }
    status, answer = await api.patch(f"{BUDGETS}/{name}/status", {"status": observed})
    assert status == 200, answer


async def test_an_eviction_takes_one_disruption_from_the_budget(api: Any) -> None:
    await running_pod(api)
    await budget(api, "b", 1)
    status, answer = await api("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}})
    assert (status, answer["status"]) == (201, "Success")
    _, left = await api("GET", f"{BUDGETS}/b")
    assert left["status"]["disruptionsAllowed"] == 0
    assert list(left["status"]["disruptedPods"]) == ["p"]
    assert (await api("GET", f"{PODS}/p"))[1]["metadata"]["deletionTimestamp"]


async def test_an_eviction_may_be_of_the_old_version(api: Any) -> None:
    await running_pod(api)
    old = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "p"}}
    status, answer = await api("POST", f"{PODS}/p/eviction", {**old, "apiVersion": "policy/v1beta2"})
    assert (status, "no kind" in answer["message"]) == (400, True)
    assert (await api("POST", f"{PODS}/p/eviction", old))[0] == 201
    assert (await api("GET", f"{PODS}/p"))[1]["metadata"]["deletionTimestamp"]


async def test_an_exhausted_budget_blocks_an_eviction(api: Any) -> None:
    await running_pod(api)
    await budget(api, "b", 0)
    status, answer = await api("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}})
    assert (status, answer["reason"]) == (429, "TooManyRequests")
    assert answer["details"]["causes"][0]["message"] == (
        "The disruption budget b needs 1 healthy pods and has 1 currently"
    )


@pytest.mark.parametrize(
    ("healthy", "reason", "why"),
    [
        (0, "SyncFailed", "does not allow evicting pods currently because it failed sync: broken"),
        (2, "Other", "does not allow evicting pods currently (Other): broken"),
        (2, "", "does not allow evicting pods currently"),
        (1, "Other", "needs 1 healthy pods and has 1 currently"),
    ],
)
async def test_a_blocked_eviction_is_told_why_the_budget_allows_none(
    api: Any, healthy: int, reason: str, why: str
) -> None:
    await running_pod(api)
    fields = {"type": "DisruptionAllowed", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    condition = {**fields, "reason": reason, "message": "broken"}
    await budget(api, "b", 0, currentHealthy=healthy, conditions=[condition] if reason else [])
    _, answer = await api("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}})
    assert answer["details"]["causes"][0]["message"] == f"The disruption budget b {why}"


async def test_two_budgets_are_too_many(api: Any) -> None:
    await running_pod(api)
    await budget(api, "b", 1)
    await budget(api, "c", 1)
    assert (await api("POST", f"{PODS}/p/eviction", {"metadata": {"name": "p"}}))[0] == 500


async def test_the_status_of_a_kind_that_wants_its_version_wants_it_too(api: Any) -> None:
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    _, made = await api("POST", budgets, {"metadata": {"name": "b"}, "spec": spec})
    version = made["metadata"].pop("resourceVersion")
    status, answer = await api("PUT", f"{budgets}/b/status", made)
    assert (status, answer["message"]) == (
        422,
        'poddisruptionbudgets.policy "b" is invalid: '
        "metadata.resourceVersion: Invalid value: 0: must be specified for an update",
    )
    made["metadata"]["resourceVersion"] = version
    assert (await api("PUT", f"{budgets}/b/status", made))[0] == 200


@pytest.mark.parametrize(("method", "connection"), [("POST", "exec"), ("GET", "attach"), ("GET", "proxy")])
async def test_connections_cannot_be_tried_dry(api: Any, method: str, connection: str) -> None:
    status, answer = await api(method, f"{PODS}/p/{connection}?dryRun=All")
    assert (status, answer["message"]) == (400, "dryRun is not supported")
