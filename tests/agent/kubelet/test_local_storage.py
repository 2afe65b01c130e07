"""How much of the node's disk a Pod uses, and when it has to go for it."""

from pathlib import Path

import pytest

from minik.agent.kubelet import local_storage
from minik.agent.kubelet.local_storage import Usage

MI = 1024 * 1024


def pod(size_limit="", medium="", **limits):
    empty = {"sizeLimit": size_limit} if size_limit else {}
    volumes = [{"name": "v", "emptyDir": empty | ({"medium": medium} if medium else {})}, {"name": "h", "hostPath": {}}]
    containers = [
        {"name": name, "resources": {"limits": {"ephemeral-storage": limit} if limit else {}}}
        for name, limit in limits.items()
    ]
    return {"metadata": {"name": "p"}, "spec": {"volumes": volumes, "containers": containers or [{"name": "c"}]}}


@pytest.mark.parametrize(
    ("a_pod", "volume", "containers", "why"),
    [
        (pod("1Mi"), MI, {}, ""),
        (pod("1Mi"), MI + 1, {}, 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '),
        (pod("0"), MI, {}, ""),
        (pod(a="1Mi", b="2Mi"), 0, {"a": MI, "b": 2 * MI}, ""),
        (
            pod(a="1Mi", b="2Mi"),
            MI,
            {"a": MI, "b": MI + 1},
            "Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. ",
        ),
        (pod(medium="Memory", a="1Mi"), 2 * MI, {"a": MI}, ""),
        (
            pod(a="1Mi", b="2Mi"),
            0,
            {"a": MI + 1, "b": 0},
            'Container a exceeded its local ephemeral storage limit "1Mi". ',
        ),
    ],
)
def test_who_uses_too_much_has_to_go(a_pod, volume, containers, why) -> None:
    assert local_storage.excess(a_pod, Usage({"v": volume}, containers)) == why


def test_only_what_has_a_limit_is_measured() -> None:
    assert not local_storage.is_limited(pod())
    assert local_storage.is_limited(pod("1Mi"))
    assert local_storage.is_limited(pod(a="", b="1Mi"))


def test_usage_is_counted_in_blocks_and_once(tmp_path: Path) -> None:
    volume = tmp_path / "pod/volumes/kubernetes.io~empty-dir/v"
    (volume / "deep").mkdir(parents=True)
    (volume / "deep/file").write_bytes(b"x" * MI)
    (volume / "again").hardlink_to(volume / "deep/file")
    logs = tmp_path / "logs"
    (logs / "c").mkdir(parents=True)
    (logs / "c/0.log").write_bytes(b"x" * MI)
    usage = local_storage.measure(pod("1Mi"), tmp_path / "pod", logs, {"c": MI})
    assert MI <= usage.volumes["v"] < 2 * MI
    assert 2 * MI <= usage.containers["c"] < 3 * MI
    assert local_storage.measure(pod(), tmp_path / "none", logs, {}).volumes == {"v": 0}
