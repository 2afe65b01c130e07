import pytest

from minik.server.scheduler.sampling import Sampling, nodes_to_find


@pytest.mark.parametrize(
    ("nodes", "percentage", "expected"),
    [
        (50, 10, 50),
        (100, 0, 100),
        (1000, 0, 420),
        (6000, 0, 300),
        (20000, 0, 1000),
        (1000, 30, 300),
        (1000, 1, 100),
        (1000, 100, 1000),
    ],
)
def test_how_many_nodes_are_enough(nodes: int, percentage: int, expected: int) -> None:
    assert nodes_to_find(nodes, percentage) == expected


def test_small_clusters_are_looked_at_whole() -> None:
    assert Sampling().look(["a", "b"], "b", 10) == (["a", "b"], 0)


def test_large_ones_in_turns_from_where_the_last_cycle_stopped() -> None:
    names = [f"n{at}" for at in range(1000)]
    sampling = Sampling()
    assert sampling.look(names, "", 10)[0][0] == "n0"
    sampling.looked(130)
    order, enough = sampling.look(names, "", 10)
    assert (order[0], order[-1], enough) == ("n130", "n129", 100)
    assert sampling.look(names, "n7", 10)[0][:2] == ["n7", "n130"]  # the node it is nominated to comes first
