import os

import pytest

from minik.agent import mounts
from minik.agent.kubelet.volumes import atomic_writer, ownership, subpath
from minik.agent.kubelet.volumes.host_path import path_of
from minik.agent.kubelet.volumes.volume import Payload, PayloadFile, VolumeError, selected_files

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


def payload(**files):
    return Payload({name.replace("__", "/"): PayloadFile(text.encode(), 0o644) for name, text in files.items()})


def visible(directory):
    return {
        os.path.relpath(os.path.join(parent, name), directory): (directory / parent / name).read_text()
        for parent, _, names in os.walk(directory, followlinks=True)
        for name in names
        if not os.path.relpath(parent, directory).startswith("..") and not name.startswith("..")
    }


def test_a_payload_is_swapped_as_a_whole(tmp_path):
    assert atomic_writer.write(tmp_path, payload(a="1", d__b="2"))
    assert visible(tmp_path) == {"a": "1", "d/b": "2"}
    first = os.readlink(tmp_path / "..data")
    assert not atomic_writer.write(tmp_path, payload(a="1", d__b="2"))
    assert atomic_writer.write(tmp_path, payload(a="3"))
    assert visible(tmp_path) == {"a": "3"}
    assert not (tmp_path / first).exists()
    assert not (tmp_path / "d").is_symlink()


def test_modes_are_applied(tmp_path):
    atomic_writer.write(tmp_path, Payload({"k": PayloadFile(b"", 0o400)}))
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "..data", ""])
def test_paths_cannot_leave_the_volume(tmp_path, path):
    with pytest.raises(VolumeError):
        atomic_writer.write(tmp_path, Payload({path: PayloadFile(b"", 0o644)}))


def test_items_select_and_rename_keys():
    items = [{"key": "a", "path": "x/y", "mode": 0o400}]
    found = selected_files({"a": b"1", "b": b"2"}, items, 0o644, optional=False, what="configmap")
    assert found.files == {"x/y": PayloadFile(b"1", 0o400)}
    with pytest.raises(VolumeError, match="non-existent configmap key: c"):
        selected_files({}, [{"key": "c", "path": "c"}], 0o644, optional=False, what="configmap")


@pytest.fixture
def volume(tmp_path):
    (tmp_path / "volume/dir").mkdir(parents=True)
    (tmp_path / "volume/dir/file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (tmp_path / "volume/inner").symlink_to("dir/file")
    (tmp_path / "volume/escape").symlink_to("../secret")
    (tmp_path / "volume/absolute").symlink_to("/etc")
    yield tmp_path / "volume"
    mounts.unmount_below(tmp_path)


@needs_root
def test_a_sub_path_is_mounted_aside(volume, tmp_path):
    for name in ("dir/file", "inner"):
        target = tmp_path / "mounted" / name.replace("/", "-")
        subpath.bind(volume, name, target)
        assert target.read_text() == "inside"
    subpath.bind(volume, "new/deep", tmp_path / "mounted/deep")
    assert (volume / "new/deep").is_dir()


@needs_root
@pytest.mark.parametrize("path", ["escape", "absolute", "absolute/passwd", "../secret", "dir/../../secret"])
def test_a_sub_path_cannot_escape_through_links(volume, tmp_path, path):
    with pytest.raises(VolumeError):
        subpath.bind(volume, path, tmp_path / "mounted/x")
    assert not mounts.is_mount_point(tmp_path / "mounted/x")


@needs_root
def test_the_group_gets_the_files(tmp_path):
    (tmp_path / "d").mkdir(mode=0o700)
    (tmp_path / "d/f").touch(mode=0o600)
    ownership.set_group(tmp_path, 1234, read_only=False)
    directory, file = (tmp_path / "d").stat(), (tmp_path / "d/f").stat()
    assert (directory.st_gid, directory.st_mode & 0o7777) == (1234, 0o2770)
    assert (file.st_gid, file.st_mode & 0o777) == (1234, 0o660)


async def test_host_path_types_are_checked(tmp_path):
    made = await path_of({"path": str(tmp_path / "new"), "type": "DirectoryOrCreate"})
    assert made.is_dir()
    with pytest.raises(VolumeError, match=r"hostPath type check failed: .* is not a file"):
        await path_of({"path": str(tmp_path), "type": "File"})
    with pytest.raises(VolumeError, match="is not a directory"):
        await path_of({"path": str(tmp_path / "none"), "type": "Directory"})
