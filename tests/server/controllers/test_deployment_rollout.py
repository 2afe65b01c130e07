import pytest

from minik.server.controllers.deployment_rollout import (
    Sets,
    new_set_size,
    old_pods_remain,
    resize,
    scale_down_old,
    scale_new,
    stop_old,
    was_resized,
)
from minik.server.controllers.rolling import fenceposts, scaled


def rs(name: str, replicas: int, available: int | None = None, desired: int | None = None, maximum: int | None = None):
    annotations = {}
    if desired is not None:
        annotations["deployment.kubernetes.io/desired-replicas"] = str(desired)
    if maximum is not None:
        annotations["deployment.kubernetes.io/max-replicas"] = str(maximum)
    available = replicas if available is None else available
    return {
        "metadata": {"name": name, "uid": name, "creationTimestamp": name, "annotations": annotations},
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas, "availableReplicas": available},
    }


def sets(replicas: int, new, old, surge="25%", unavailable="25%", kind="RollingUpdate") -> Sets:
    strategy = {"type": kind}
    if kind == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": surge, "maxUnavailable": unavailable}
    return Sets({"metadata": {"name": "d"}, "spec": {"replicas": replicas, "strategy": strategy}}, new, old)


def sizes(scalings) -> dict[str, int]:
    return {scaling.replica_set["metadata"]["name"]: scaling.replicas for scaling in scalings}


@pytest.mark.parametrize(
    ("surge", "unavailable", "desired", "expected"),
    [
        ("25%", "25%", 10, (3, 2)),
        ("25%", "25%", 1, (1, 0)),
        (0, 0, 10, (0, 1)),
        ("0%", "10%", 5, (0, 1)),
        (2, "50%", 4, (2, 2)),
    ],
)
def test_fenceposts(surge, unavailable, desired, expected):
    assert fenceposts(surge, unavailable, desired) == expected


def test_scaled_refuses_nonsense():
    with pytest.raises(ValueError, match="IntOrString"):
        scaled("many", 3, round_up=True)


@pytest.mark.parametrize(
    ("desired", "surge", "old", "new", "expected"),
    [
        (10, 0, 10, 0, 0),  # no room
        (10, 2, 10, 0, 2),
        (10, 2, 5, 0, 7),
        (10, 2, 0, 2, 10),  # never beyond the wanted size
        (10, 2, 2, 8, 10),
    ],
)
def test_new_set_grows_within_the_surge(desired, surge, old, new, expected):
    state = sets(desired, rs("new", new), [rs("old", old)], surge=surge, unavailable=0)
    assert new_set_size(state, new) == expected


def test_new_set_larger_than_wanted_shrinks():
    assert sizes(scale_new(sets(3, rs("new", 5), []))) == {"new": 3}


@pytest.mark.parametrize(
    ("desired", "unavailable", "old", "old_available", "new", "new_available", "expected"),
    [
        (10, 0, 10, 10, 0, 0, None),  # nothing may be missing
        (10, 2, 10, 10, 0, 0, 8),
        (10, 2, 10, 8, 0, 0, 8),  # the unhealthy two go first
        (10, 2, 10, 9, 0, 0, 8),
        (10, 2, 8, 8, 2, 0, None),  # new Pods are not available yet
        (10, 2, 8, 8, 2, 2, 6),
        (10, 2, 8, 0, 2, 2, 6),  # unhealthy ones go too, but not below the minimum
    ],
)
def test_old_set_shrinks_as_availability_allows(desired, unavailable, old, old_available, new, new_available, expected):
    state = sets(desired, rs("new", new, new_available), [rs("old", old, old_available)], 2, unavailable)
    assert sizes(scale_down_old(state)).get("old") == expected


def test_recreate_stops_everything_old_and_waits_for_its_pods(make_pod):
    state = sets(3, rs("new", 0), [rs("a", 3), rs("b", 0)], kind="Recreate")
    assert sizes(stop_old(state)) == {"a": 0}
    empty = sets(3, rs("new", 0), [rs("a", 0)], kind="Recreate")
    reference = {"controller": True, "uid": "a"}
    assert old_pods_remain(empty, [make_pod("p", owner=reference)])
    assert not old_pods_remain(empty, [make_pod("p", owner=reference, phase="Succeeded")])
    assert not old_pods_remain(empty, [make_pod("p", owner={"controller": True, "uid": "new"})])


def test_resize_is_noticed_by_the_annotation():
    assert was_resized(sets(5, rs("new", 3, desired=3), []))
    assert not was_resized(sets(3, rs("new", 3, desired=3), []))


def test_resize_gives_everything_to_the_only_active_set():
    assert sizes(resize(sets(10, None, [rs("old", 3, desired=3)]))) == {"old": 10}


def test_resize_stops_old_sets_when_the_new_one_is_complete():
    state = sets(3, rs("new", 3, 3, desired=3), [rs("old", 2)])
    assert sizes(resize(state)) == {"old": 0}


@pytest.mark.parametrize(
    ("desired", "new", "old", "expected"),
    [
        (20, 5, [5], {"new": 10, "b": 10}),
        (12, 5, [5], {"new": 6, "b": 6}),
        (5, 5, [5], {"new": 2, "b": 3}),
        (0, 6, [4], {"new": 0, "b": 0}),
    ],
)
def test_resize_in_mid_rollout_is_proportional(desired, new, old, expected):
    olds = [rs(name, size, desired=10, maximum=10) for name, size in zip("bc", old, strict=False)]
    state = sets(desired, rs("new", new, desired=10, maximum=10), olds, surge=0, unavailable=1)
    result = sizes(resize(state))
    assert sum(result.values()) == desired
    assert {name: pytest.approx(size, abs=1) for name, size in expected.items()} == result
