"""The CNI configuration that the runtime reads."""

from pathlib import Path

import pytest

from minik.agent.network.cni import configuration


def test_every_pod_cidr_becomes_a_range_of_its_own() -> None:
    plugin = configuration(["10.42.3.0/24", "fd00::/64"], Path("/state"), masquerade=False)["plugins"][0]
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.42.3.0/24"}], [{"subnet": "fd00::/64"}]]
    assert plugin["ipMasq"] is False
    assert plugin["hairpinMode"] is True


def test_what_is_no_cidr_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        configuration(["10.42.3.0/24; rm -rf"], Path("/state"), masquerade=False)
