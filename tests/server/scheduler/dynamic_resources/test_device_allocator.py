"""Which devices claims get: one row a rule."""

from typing import Any

import pytest

from minik.server.scheduler.dynamic_resources.allocator import allocate
from minik.server.scheduler.dynamic_resources.pools import DeviceId, Inventory
from minik.server.scheduler.dynamic_resources.requests import AllocationError
from minik.server.scheduler.dynamic_resources.results import result_of
from minik.server.scheduler.dynamic_resources.selectors import Selectors
from minik.server.scheduler.dynamic_resources.usage import Usage, usage_of

Obj = dict[str, Any]

DRIVER = "gpu.example.com"
NODE = {"metadata": {"name": "n1", "labels": {"zone": "a"}}}


def device(name: str, /, *, attributes: Obj | None = None, memory: str = "", **more: Any) -> Obj:
    found: Obj = {"name": name, **more}
    if attributes:
        kinds = {str: "string", bool: "bool", int: "int"}
        found["attributes"] = {key: {kinds[type(value)]: value} for key, value in attributes.items()}
    if memory:
        found["capacity"] = {"memory": {"value": memory}}
    return found


def slice_of(*devices: Obj, pool: str = "p", generation: int = 1, count: int = 1, name: str = "", **where: Any) -> Obj:
    spec = {"driver": DRIVER, "pool": {"name": pool, "generation": generation, "resourceSliceCount": count}}
    placed = where or {"nodeName": "n1"}
    return {"metadata": {"name": name or f"{pool}-{generation}"}, "spec": {**spec, "devices": [*devices], **placed}}


def exactly(name: str, **fields: Any) -> Obj:
    return {"name": name, "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1, **fields}}


def sub(name: str, **fields: Any) -> Obj:
    return {"name": name, "deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1, **fields}


def claim(*requests: Obj, **devices: Any) -> Obj:
    return {"metadata": {"name": "c", "namespace": "ns"}, "spec": {"devices": {"requests": [*requests], **devices}}}


def selected(expression: str) -> list[Obj]:
    return [{"cel": {"expression": expression}}]


CLASSES = {
    "gpu": {"metadata": {"name": "gpu"}, "spec": {"selectors": selected(f'device.driver == "{DRIVER}"')}},
    "big": {
        "metadata": {"name": "big"},
        "spec": {"selectors": selected(f"device.capacity['{DRIVER}'].memory.compareTo(quantity('10Gi')) >= 0")},
    },
}


def run(slices: list[Obj], *claims: Obj, usage: Usage | None = None) -> list[list[str]] | None:
    """Names of the devices by claim."""
    found = allocate(claims, CLASSES.get, Inventory(slices).pools_for(NODE), usage or Usage(), Selectors())
    return found if found is None else [[one.device.id.device for one in chosen] for chosen in found]


A, B, C = device("a"), device("b"), device("c")
RED, BLUE = (device(name, attributes={"color": name, "rank": at}) for at, name in enumerate(("red", "blue")))
RED2 = device("red2", attributes={"color": "red", "rank": 2})
COLOR = {"matchAttribute": f"{DRIVER}/color"}
TAINT = {"key": "broken", "value": "yes", "effect": "NoSchedule"}
TOLERATED = [{"key": "broken", "operator": "Exists"}]


@pytest.mark.parametrize(
    ("devices", "requests", "expected"),
    [
        ([A], [exactly("r")], ["a"]),
        ([A, B], [exactly("r", count=2)], ["a", "b"]),
        ([A], [exactly("r", count=2)], None),
        ([A, B], [exactly("r"), exactly("s")], ["a", "b"]),
        ([A, B, C], [exactly("r", allocationMode="All")], ["a", "b", "c"]),
        ([], [exactly("r", allocationMode="All")], None),
        ([A, B], [exactly("r"), exactly("s", allocationMode="All")], None),
        ([A, B], [exactly("r", selectors=selected("device.driver.startsWith('x')"))], None),
        (
            [RED, BLUE],
            [exactly("r", selectors=selected(f"device.attributes['{DRIVER}'].color == 'blue'"))],
            ["blue"],
        ),
        ([RED, BLUE], [exactly("r", selectors=selected("'x' in device.attributes['unknown.example.com']"))], None),
        ([device("s", memory="1Gi"), device("l", memory="20Gi")], [exactly("r", deviceClassName="big")], ["l"]),
        (
            [device("s", memory="1Gi"), device("l", memory="20Gi")],
            [exactly("r", capacity={"requests": {"memory": "2Gi"}})],
            ["l"],
        ),
        ([A, B], [{"name": "r", "firstAvailable": [sub("two", count=2), sub("one")]}], ["a", "b"]),
        ([A], [{"name": "r", "firstAvailable": [sub("two", count=2), sub("one")]}], ["a"]),
        ([{**A, "taints": [TAINT]}], [exactly("r")], None),
        ([{**A, "taints": [TAINT]}, B], [exactly("r")], ["b"]),
        ([{**A, "taints": [TAINT]}], [exactly("r", tolerations=TOLERATED)], ["a"]),
        ([{**A, "taints": [{**TAINT, "effect": "None"}]}], [exactly("r")], ["a"]),
    ],
)
def test_requests(devices: list[Obj], requests: list[Obj], expected: list[str] | None) -> None:
    assert run([slice_of(*devices)], claim(*requests)) == (expected and [expected])


@pytest.mark.parametrize(
    ("constraint", "requests", "expected"),
    [
        (COLOR, [exactly("r", count=2)], ["red", "red2"]),
        (COLOR, [exactly("r", count=3)], None),
        ({**COLOR, "requests": ["r"]}, [exactly("r"), exactly("s", count=2)], ["red", "blue", "red2"]),
        ({"distinctAttribute": f"{DRIVER}/color"}, [exactly("r", count=2)], ["red", "blue"]),
        ({"distinctAttribute": f"{DRIVER}/color"}, [exactly("r", count=3)], None),
        ({"matchAttribute": f"{DRIVER}/absent"}, [exactly("r")], None),
        (
            {**COLOR, "requests": ["r/two"]},
            [{"name": "r", "firstAvailable": [sub("two", count=2), sub("one")]}],
            ["red", "red2"],
        ),
    ],
)
def test_constraints_make_the_search_go_back(constraint: Obj, requests: list[Obj], expected: list[str] | None) -> None:
    found = run([slice_of(RED, BLUE, RED2)], claim(*requests, constraints=[constraint]))
    assert found == (expected and [expected])


def test_several_claims_share_no_device_and_get_all_or_nothing() -> None:
    assert run([slice_of(A, B)], claim(exactly("r")), claim(exactly("r"))) == [["a"], ["b"]]
    assert run([slice_of(A)], claim(exactly("r")), claim(exactly("r"))) is None


def test_what_others_have_is_taken_but_for_administrators() -> None:
    taken = usage_of([{"devices": {"results": [{"driver": DRIVER, "pool": "p", "device": "a", "request": "r"}]}}])
    assert run([slice_of(A)], claim(exactly("r")), usage=taken) is None
    assert run([slice_of(A)], claim(exactly("r", adminAccess=True)), usage=taken) == [["a"]]
    watching = [{"driver": DRIVER, "pool": "p", "device": "a", "request": "r", "adminAccess": True}]
    assert run([slice_of(A)], claim(exactly("r")), usage=usage_of([{"devices": {"results": watching}}])) == [["a"]]


@pytest.mark.parametrize(
    ("where", "reached"),
    [
        ({"nodeName": "n1"}, True),
        ({"nodeName": "n2"}, False),
        ({"allNodes": True}, True),
        (
            {"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}},
            True,
        ),
        ({"nodeSelector": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "Exists"}]}]}}, False),
    ],
)
def test_devices_are_where_their_slice_says_or_they_themselves_say(where: Obj, reached: bool) -> None:
    expected = [["a"]] if reached else None
    assert run([slice_of(A, **where)], claim(exactly("r"))) == expected
    assert run([slice_of({**A, **where}, perDeviceNodeSelection=True)], claim(exactly("r"))) == expected


def test_old_generations_are_forgotten() -> None:
    assert run([slice_of(A, generation=1), slice_of(B, generation=2)], claim(exactly("r"))) == [["b"]]
    elsewhere = slice_of(B, generation=2, nodeName="n2")
    assert run([slice_of(A, generation=1), elsewhere], claim(exactly("r"))) is None


def test_all_devices_can_only_be_had_of_complete_and_sound_pools() -> None:
    everything = claim(exactly("r", allocationMode="All"))
    with pytest.raises(AllocationError, match=r"resource pool gpu.example.com/p is currently being updated"):
        run([slice_of(A, count=2)], everything)
    with pytest.raises(AllocationError, match="is currently invalid"):
        run([slice_of(A, A)], everything)
    assert run([slice_of(A, count=2)], claim(exactly("r"))) == [["a"]]
    assert run([slice_of(A, A)], claim(exactly("r"))) is None


def test_a_class_that_is_missing_and_a_selector_that_fails_are_named() -> None:
    with pytest.raises(AllocationError, match="request r: device class none does not exist"):
        run([slice_of(A)], claim(exactly("r", deviceClassName="none")))
    with pytest.raises(AllocationError, match="no such key: color"):
        run([slice_of(A)], claim(exactly("r", selectors=selected(f"device.attributes['{DRIVER}'].color == 'x'"))))


def partition(name: str, memory: str) -> Obj:
    return device(name, consumesCounters=[{"counterSet": "card", "counters": {"memory": {"value": memory}}}])


def test_partitions_of_a_device_share_its_counters() -> None:
    counters = [{"name": "card", "counters": {"memory": {"value": "10Gi"}}}]
    slices = [
        slice_of(name="s1", count=2, sharedCounters=counters, nodeName="n1"),
        slice_of(partition("half1", "5Gi"), partition("half2", "5Gi"), partition("whole", "10Gi"), name="s2", count=2),
    ]
    assert run(slices, claim(exactly("r", count=2))) == [["half1", "half2"]]
    assert run(slices, claim(exactly("r", count=3))) is None
    one = usage_of([{"devices": {"results": [{"driver": DRIVER, "pool": "p", "device": "half2", "request": "r"}]}}])
    assert run(slices, claim(exactly("r")), usage=one) == [["half1"]]
    assert run(slices, claim(exactly("r")), claim(exactly("s")), usage=one) is None


def shared(policy: Obj | None = None) -> Obj:
    memory = {"value": "10Gi", **({"requestPolicy": policy} if policy else {})}
    return {"name": "a", "allowMultipleAllocations": True, "capacity": {"memory": memory}}


def asking(amount: str) -> Obj:
    return exactly("r", capacity={"requests": {"memory": amount}})


@pytest.mark.parametrize(
    ("policy", "amounts", "consumed"),
    [
        (None, ["4Gi", "6Gi"], ["4Gi", "6Gi"]),
        (None, ["4Gi", "7Gi"], None),
        (None, [""], ["10Gi"]),
        ({"default": "1Gi"}, ["", "2Gi"], ["1Gi", "2Gi"]),
        ({"default": "2Gi", "validValues": ["2Gi", "4Gi"]}, ["3Gi"], ["4Gi"]),
        ({"default": "2Gi", "validValues": ["2Gi", "4Gi"]}, ["5Gi"], None),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "step": "2Gi", "max": "8Gi"}}, ["5Gi", "1Gi"], ["6Gi", "2Gi"]),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "8Gi"}}, ["9Gi"], None),
    ],
)
def test_a_device_may_be_shared_by_capacity(policy: Obj | None, amounts: list[str], consumed: list[str] | None) -> None:
    claims = [claim(asking(amount) if amount else exactly("r")) for amount in amounts]
    found = allocate(claims, CLASSES.get, Inventory([slice_of(shared(policy))]).pools_for(NODE), Usage(), Selectors())
    if consumed is None:
        assert found is None
        return
    assert found is not None
    results = [
        result_of(claims[at], chosen, "n1", lambda: "share")["devices"]["results"][0] for at, chosen in enumerate(found)
    ]
    assert [result["consumedCapacity"]["memory"] for result in results] == consumed
    assert usage_of([{"devices": {"results": results}}]).shared.keys() == {DeviceId(DRIVER, "p", "a")}


def result(slices: list[Obj], wanted: Obj, classes: Obj = CLASSES) -> Obj:
    found = allocate([wanted], classes.get, Inventory(slices).pools_for(NODE), Usage(), Selectors())
    assert found is not None
    return result_of(wanted, found[0], "n1", lambda: "share")


def test_the_result_says_what_was_allocated_for_what_and_where_it_is() -> None:
    config = {"opaque": {"driver": DRIVER, "parameters": {"mode": "fast"}}}
    classes = {"gpu": {"metadata": {"name": "gpu"}, "spec": {"config": [config]}}}
    mine = {"requests": ["r/one"], **config}
    other = {"requests": ["r/two"], **config}
    wanted = claim({"name": "r", "firstAvailable": [sub("one"), sub("two")]}, config=[mine, other])
    assert result([slice_of(A)], wanted, classes) == {
        "devices": {
            "results": [{"request": "r/one", "driver": DRIVER, "pool": "p", "device": "a"}],
            "config": [
                {"source": "FromClass", "requests": ["r/one"], **config},
                {"source": "FromClaim", **mine},
            ],
        },
        "nodeSelector": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]
        },
    }


def test_devices_that_are_everywhere_need_no_node_selector_unless_they_bind_to_the_node() -> None:
    assert "nodeSelector" not in result([slice_of(A, allNodes=True)], claim(exactly("r")))
    selector = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}
    assert result([slice_of(A, nodeSelector=selector)], claim(exactly("r")))["nodeSelector"] == selector
    bound = {**A, "bindsToNode": True, "bindingConditions": ["ready"]}
    found = result([slice_of(bound, allNodes=True)], claim(exactly("r")))
    assert found["nodeSelector"]["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["n1"]
    assert found["devices"]["results"][0]["bindingConditions"] == ["ready"]


def test_pools_of_other_nodes_are_not_looked_at() -> None:
    inventory = Inventory([slice_of(A), slice_of(B, pool="q", nodeName="n2"), slice_of(C, pool="r", allNodes=True)])
    assert [str(pool) for pool in inventory.pools_for(NODE)] == [f"{DRIVER}/p", f"{DRIVER}/r"]
