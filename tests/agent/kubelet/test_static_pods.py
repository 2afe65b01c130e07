import pytest

from minik.agent.kubelet.static_pods import HASH, MIRROR, mirror_of, read_manifests, static_pod

MANIFEST = {"kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def test_a_manifest_becomes_a_pod_of_this_node():
    pod = static_pod(MANIFEST, "N1")
    assert pod["metadata"]["name"] == "web-n1"
    assert pod["metadata"]["namespace"] == "default"
    assert pod["spec"]["nodeName"] == "N1"
    assert pod["spec"]["restartPolicy"] == "Always"
    assert pod["metadata"]["annotations"][HASH] == pod["metadata"]["uid"]


def test_the_uid_is_the_content():
    changed = {**MANIFEST, "spec": {"containers": [{"name": "c", "image": "other"}]}}
    uids = [static_pod(manifest, "n")["metadata"]["uid"] for manifest in (MANIFEST, MANIFEST, changed)]
    assert uids[0] == uids[1] != uids[2]


def test_the_mirror_points_at_its_pod_and_node():
    pod = static_pod(MANIFEST, "n1")
    mirror = mirror_of(pod, {"metadata": {"name": "n1", "uid": "node-uid"}})
    assert mirror["metadata"]["annotations"][MIRROR] == pod["metadata"]["uid"]
    assert mirror["metadata"]["ownerReferences"][0]["uid"] == "node-uid"
    assert "uid" not in mirror["metadata"]


def test_unusable_manifests_do_not_hide_the_others(tmp_path, caplog):
    (tmp_path / "good.yaml").write_text("kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n")
    (tmp_path / "bad.yaml").write_text("kind: Service\n")
    (tmp_path / "broken.yaml").write_text("{")
    (tmp_path / ".hidden.yaml").write_text("kind: Pod\n")
    found = read_manifests(tmp_path, "n")
    assert [pod["metadata"]["name"] for pod in found.values()] == ["a-n"]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("manifest", [None, [], {"kind": "Pod"}, {"kind": "Node"}])
def test_what_is_no_pod_is_refused(manifest):
    with pytest.raises((ValueError, KeyError)):
        static_pod(manifest, "n")
