"""What a fake node looks like, and how one that came without is completed."""

from minik.server.fake_nodes import node

NOW = "2026-01-02T03:04:05Z"


def test_a_node_that_came_without_an_address_gets_one_that_no_other_has() -> None:
    bare = {"metadata": {"name": "own", "annotations": {node.ANNOTATION: node.FAKE}}}
    first = node.healed(bare, NOW, list)
    assert first is not None
    address = node.address_of(first)
    assert address.startswith("198.19.")
    second = node.healed(bare, NOW, lambda: [first])
    assert second is not None
    assert node.address_of(second) not in ("", address)
    assert node.healed(first, NOW, list) is None


def test_extended_resources_of_the_capacity_become_allocatable_and_go_with_it() -> None:
    present = node.new_node(1, {}, NOW)
    present["status"]["capacity"]["example.com/card"] = "4"
    more = node.healed(present, NOW, list)
    assert more is not None
    assert more["status"]["allocatable"] == {**node.CAPACITY, "example.com/card": "4"}
    assert node.healed(more, NOW, list) is None
    del more["status"]["capacity"]["example.com/card"]
    less = node.healed(more, NOW, list)
    assert less is not None
    assert less["status"]["allocatable"] == node.CAPACITY
