"""What the kubelet writes to its Node when others have given it resources, or taken them away."""

from minik.agent.kubelet import node_status

CARD = {"example.com/card": "4"}
OWN = {"capacity": {"cpu": "2"}, "allocatable": {"cpu": "1900m"}, "conditions": []}


def test_extended_resources_of_the_capacity_become_allocatable() -> None:
    present = {**OWN, "capacity": {"cpu": "2", **CARD}}
    wanted = node_status.with_extended(OWN, present)
    patch = node_status.status_patch(present, wanted)
    assert patch == {"allocatable": {"cpu": "1900m", **CARD}, "conditions": []}


def test_what_is_there_is_not_written_again() -> None:
    present = {**OWN, "capacity": {"cpu": "2", **CARD}, "allocatable": {"cpu": "1900m", **CARD}}
    assert node_status.status_patch(present, node_status.with_extended(OWN, present)) == {}


def test_extended_resources_without_capacity_are_taken_away() -> None:
    present = {**OWN, "allocatable": {"cpu": "1900m", **CARD}}
    patch = node_status.status_patch(present, node_status.with_extended(OWN, present))
    assert patch["allocatable"] == {"cpu": "1900m", "example.com/card": None}
