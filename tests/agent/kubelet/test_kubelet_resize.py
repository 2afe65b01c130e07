import asyncio
from types import SimpleNamespace

from minik.agent.kubelet import admission, pod_resize, resize
from minik.agent.kubelet.conditions import IN_PROGRESS, PENDING
from minik.agent.kubelet.pod_resize import PodResize
from minik.agent.kubelet.resize import changes
from minik.agent.kubelet.runtime_types import PodState
from minik.agent.kubelet.status_manager import status_patch


def pod(cpu, policy=None):
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
    if policy:
        container["resizePolicy"] = [{"resourceName": "cpu", "restartPolicy": policy}]
    return {"spec": {"containers": [container]}}


def test_only_real_differences_count():
    assert changes(pod("1"), pod("1000m")) == []
    [change] = changes(pod("1"), pod("2"))
    assert (change.restart, change.before) == (False, {"requests": {"cpu": "1"}})


def test_the_resize_policy_may_ask_for_a_restart():
    [change] = changes(pod("1"), pod("2", "RestartContainer"))
    assert change.restart


def sized(name, cpu="100m", memory="100Mi", status=None):
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}}
    spec = {"containers": [{"name": "c", "resources": resources}]}
    return {"metadata": {"name": name, "uid": name}, "spec": spec, "status": status or {}}


def cpu_of(pod):
    return pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_what_a_node_lacks_is_never_given_and_what_others_have_is_given_later():
    capacity = {"cpu": "1", "memory": "1Gi", "pods": "10"}

    def refusal(pod):
        return admission.resize_refusal(pod, [sized("other", "600m")], capacity)

    assert refusal(sized("p", "400m")) is None
    lacks = "Node didn't have enough capacity: cpu, requested: 2000, capacity: 1000"
    assert refusal(sized("p", "2")) == ("Infeasible", lacks)
    taken = "Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000"
    assert refusal(sized("p", "500m")) == ("Deferred", taken)


class Node:
    """A node that has room for `cpu`, and whose containers use so much memory."""

    def __init__(self, group):
        self.room_for, self.usage, self.given, self.group = "1", 0, [], group
        self.state = PodState()
        self.runtime = self
        self.told = asyncio.Event()

    def resize_refusal(self, pod):
        return None if cpu_of(pod) <= self.room_for else ("Deferred", "no room")

    def room(self):
        pass

    async def stats(self, uid):
        return [SimpleNamespace(name="c", memory_usage=self.usage)]

    def resizing(self, pod, **options):
        return PodResize(self, pod, lambda: self.state, None, self.told.set, **options)


async def test_a_pod_keeps_what_it_has_until_there_is_room(monkeypatch):
    async def apply(context, pod, state, wanted):
        context.given.append(cpu_of(pod))

    monkeypatch.setattr(resize, "apply", apply)
    async with asyncio.TaskGroup() as group:
        node = Node(group)
        resizing = node.resizing(sized("p", "1"))
        resizing.take(sized("p", "3"))
        assert (cpu_of(resizing.pod), resizing.conditions()) == ("1", {PENDING: ("Deferred", "no room")})
        node.room_for = "4"
        resizing.retry()
        assert (cpu_of(resizing.pod), resizing.conditions()) == ("3", {IN_PROGRESS: ("", "")})
        await asyncio.wait_for(node.told.wait(), 5)
    assert (node.given, resizing.before, resizing.conditions()) == (["3"], {}, {})


async def test_memory_in_use_is_not_taken_away(monkeypatch):
    async def apply(context, pod, state, wanted):
        context.given.append(pod)

    monkeypatch.setattr(resize, "apply", apply)
    monkeypatch.setattr(pod_resize, "RETRY", 0)
    async with asyncio.TaskGroup() as group:
        node = Node(group)
        node.state = SimpleNamespace(running=[SimpleNamespace(name="c")], current=lambda name: None)
        node.room_for, node.usage = "9", 50 << 20
        resizing = node.resizing(sized("p"))
        resizing.take(sized("p", memory="10Ki"))
        await asyncio.wait_for(node.told.wait(), 5)
        text = 'attempting to set container "c" memory limit (10240) below current usage (52428800)'
        assert resizing.conditions() == {IN_PROGRESS: ("Error", text)}
        assert resizing.before["c"]["limits"]["memory"] == "100Mi"
        resizing.take(sized("p"))
    assert (len(node.given), resizing.before, resizing.conditions()) == (1, {}, {})


async def test_a_new_kubelet_knows_what_was_granted():
    told = [{"name": "c", "resources": sized("p", "1")["spec"]["containers"][0]["resources"]}]
    async with asyncio.TaskGroup() as group:
        resizing = Node(group).resizing(sized("p", "3", status={"containerStatuses": told}), adopted=True)
        assert cpu_of(resizing.pod) == "1"
        resizing.retry()
        assert resizing.conditions() == {PENDING: ("Deferred", "no room")}


def test_conditions_of_a_resize_go_when_it_is_over():
    old = {"conditions": [{"type": "Ready", "status": "True"}, {"type": PENDING, "status": "True"}]}
    patch = status_patch(old, {"conditions": old["conditions"][:1]})
    assert patch["conditions"] == [{"$patch": "delete", "type": PENDING}]
    assert patch["$setElementOrder/conditions"] == [{"type": "Ready"}]
