"""Mistakes of users and machines: one line on stderr that says what is wrong, exit code 1, nothing damaged."""

import os
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from harness.cluster import MINIK, Cluster

pytestmark = pytest.mark.e2e


@pytest.fixture
def alone(directory: Path, request: pytest.FixtureRequest) -> list[str]:
    """Flags of a server without a node, in a directory of its own."""
    home = directory / request.node.name
    home.mkdir()
    return [
        "--disable-agent",
        f"--data-dir={home}/data",
        f"--write-kubeconfig={home}/kubeconfig",
        "--node-ip=127.0.0.1",
    ]


def fails(*arguments: str, command: str = "server", prefix: tuple[str, ...] = ()) -> str:
    """The line a minik that cannot work ends with."""
    done = subprocess.run(
        [*prefix, str(MINIK), command, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("minik: ")]
    assert len(said) == 1, done.stderr
    assert done.stderr.endswith(said[0] + "\n")
    return said[0]


def test_flags_and_settings_that_do_not_exist_or_make_no_sense(alone: list[str], tmp_path: Path) -> None:
    assert "--colour" in fails(*alone, "--colour=red")
    assert "'many'" in fails(*alone, "--https-listen-port=many")
    assert "No such command" in fails(command="sing")
    config = tmp_path / "config.yaml"
    config.write_text("colour: red\n")
    assert f"unknown key 'colour' in {config}" in fails(*alone, f"--config={config}")
    config.write_text("a: [\n")
    assert str(config) in fails(*alone, f"--config={config}")
    assert str(tmp_path / "absent") in fails(*alone, f"--config={tmp_path}/absent")
    config.write_text("https-listen-port: [1, 2]\n")
    assert "https-listen-port" in fails(*alone, f"--config={config}")
    assert "cluster-cidr" in fails(*alone, "--cluster-cidr=ten")
    assert "service-cidr" in fails(*alone, "--service-cidr=10.43.0.0")
    apart = ("unshare", "--net")
    assert "--max-pods" in fails(*alone[1:], "--kubelet-arg=max-pods=many", prefix=apart)


def test_a_port_in_use(alone: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = fails(*alone, f"--https-listen-port={port}", "--bind-address=127.0.0.1")
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in said


def test_a_data_directory_that_is_none(directory: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    said = fails("--disable-agent", f"--data-dir={file}", "--node-ip=127.0.0.1")
    assert str(file) in said
    assert file.read_text() == "precious"


def test_a_damaged_store_is_left_as_it_is(directory: Path) -> None:
    with Cluster(directory / "damaged", flags=["--disable-agent"]) as cluster:
        cluster.kubectl("create", "configmap", "kept", "--from-literal=a=b")
        cluster.stop()
        store = next((cluster.data_dir / "server" / "db").glob("*.db"))
        good = store.read_bytes()
        bad = b"not a database at all" * 500
        store.write_bytes(bad)
        for side in store.parent.glob(f"{store.name}-*"):
            side.unlink()
        said = fails(f"--config={cluster.config}", "--disable-agent", prefix=tuple(cluster.inside([])))
        assert str(store) in said or str(store.parent) in said
        assert store.read_bytes() == bad
        store.write_bytes(good)
        cluster.start()
        cluster.wait_api()
        assert cluster.get("configmap", "kept")["data"] == {"a": "b"}
        cluster.stop()
        with sqlite3.connect(store) as whole:
            assert whole.execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("binary", ["containerd", "runc", "ip"])
def test_a_program_that_is_not_installed(directory: Path, binary: str) -> None:
    """The binary is hidden by a mount that only the tried minik sees."""
    places = " ".join(f"{place}/{binary}" for place in ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"))
    hide = f'for it in {places}; do if [ -e "$it" ]; then mount --bind /dev/null "$it"; fi; done; exec "$@"'
    home = directory / f"without-{binary}"
    said = fails(
        *(f"--data-dir={home}/data", f"--write-kubeconfig={home}/kubeconfig", "--https-listen-port=16443"),
        prefix=("unshare", "--mount", "--net", "sh", "-c", hide, "sh"),
    )
    assert binary in said
    assert not (home / "data" / "server" / "db").exists()


def test_a_user_who_is_not_root(tmp_path: Path) -> None:
    said = fails(f"--data-dir={tmp_path}/data", prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    assert "needs root" in said
    assert "--disable-agent" in said


def test_minik_brings_kubectl_and_ctr(cluster: Cluster) -> None:
    command = ("env", "-u", "KUBECONFIG", f"MINIK_CONFIG={cluster.config}", str(MINIK))
    assert "Ready" in cluster.run(*command, "kubectl", "get", "nodes", "--no-headers").stdout
    failed = cluster.run(*command, "kubectl", "get", "nothing", check=False)
    assert failed.returncode == 1
    assert "doesn't have a resource type" in failed.stderr
    assert "minik.local/httpd:1" in cluster.run(*command, "ctr", "images", "ls", "-q").stdout


def test_help_and_version_cost_nothing_and_need_nothing() -> None:
    environment = {"PATH": "/nowhere", "HOME": os.devnull}
    helped = subprocess.run([str(MINIK), "--help"], capture_output=True, text=True, env=environment, timeout=20)
    assert helped.returncode == 0
    assert "server" in helped.stdout
    assert "Traceback" not in helped.stderr
    told = subprocess.run([str(MINIK), "version"], capture_output=True, text=True, env=environment, timeout=20)
    assert told.stdout.startswith("minik ")
    assert "Kubernetes v1." in told.stdout
    server = subprocess.run(
        [str(MINIK), "server", "--help"], capture_output=True, text=True, env=environment, timeout=20
    )
    for flag in ("--data-dir", "--https-listen-port", "--disable-agent", "--kubelet-arg", "--write-kubeconfig"):
        assert flag in server.stdout
