import json
import tarfile

from minik.agent.containerd_config import paths_for, render
from minik.agent.image_archive import File, build_image_archive
from minik.config import AgentConfig


def test_an_image_is_an_oci_layout(tmp_path):
    archive = tmp_path / "image.tar"
    files = {"/bin/app": File(b"binary", 0o755), "/bin/sh": File(link="app")}
    build_image_archive(archive, "minik.local/app:1", files=files, entrypoint=["/bin/app"], user="65535")
    with tarfile.open(archive) as layout:

        def blob(digest):
            return layout.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")

        entry = json.load(layout.extractfile("index.json"))["manifests"][0]
        assert entry["annotations"]["io.containerd.image.name"] == "minik.local/app:1"
        manifest = json.load(blob(entry["digest"]))
        config = json.load(blob(manifest["config"]["digest"]))
        assert config["config"]["Entrypoint"] == ["/bin/app"]
        assert config["config"]["Env"][0].startswith("PATH=")
        assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]
        with tarfile.open(fileobj=blob(manifest["layers"][0]["digest"])) as layer:
            assert [(m.name, m.mode) for m in layer if m.isreg()] == [("bin/app", 0o755)]
            assert layer.getmember("bin/sh").linkname == "app"
            assert layer.getmember("bin").isdir()


def test_the_same_files_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        build_image_archive(tmp_path / name, "x:1", files={"/f": File(b"1")})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_side_by_side_runtimes_do_not_meet(tmp_path):
    default, other = paths_for(AgentConfig().data_dir), paths_for(tmp_path / ("long" * 40))
    assert str(default.socket) == "/run/minik/containerd/containerd.sock"
    assert len(str(other.socket)) < 104
    assert other.state != default.state
    text = render(other, sandbox_image="p:1", snapshotter="native", systemd_cgroup=False, restrict_oom_score=True)
    assert f'root = "{other.root}"' in text
    assert 'snapshotter = "native"' in text
