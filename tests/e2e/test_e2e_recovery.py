"""A server that is killed or stopped and started again: nothing acknowledged is lost, no container notices."""

import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from harness.cluster import IMAGE, MINIK, Cluster, eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own(directory: Path) -> Iterator[Cluster]:
    with Cluster(directory / "recovery") as cluster:
        cluster.import_sample()
        yield cluster


class Writers:
    """Clients that create ConfigMaps until the server is gone, and remember what was acknowledged."""

    def __init__(self, cluster: Cluster, count: int = 4) -> None:
        settings = client.Configuration()
        config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
        settings.host = cluster.url
        settings.retries = False
        self._api = client.CoreV1Api(client.ApiClient(settings))
        self.acknowledged: set[str] = set()
        self.started = threading.Event()
        self._pool = ThreadPoolExecutor(count)
        self._running = [self._pool.submit(self._write, number) for number in range(count)]

    def _write(self, number: int) -> None:
        for turn in range(100_000):
            name = f"load-{number}-{turn}"
            body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data={"turn": str(turn)})
            try:
                self._api.create_namespaced_config_map("default", body, _request_timeout=5)
            except Exception:
                return  # the server is gone; whether this one was written is not known
            self.acknowledged.add(name)
            if len(self.acknowledged) > 100:
                self.started.set()

    def join(self) -> set[str]:
        for running in self._running:
            running.result(30)
        self._pool.shutdown()
        self._api.api_client.close()
        return self.acknowledged


def lives(space: Space) -> dict[str, tuple[str, int, str]]:
    """Container id, restarts and address of every Pod."""
    return {
        item["metadata"]["name"]: (
            item["status"]["containerStatuses"][0]["containerID"],
            item["status"]["containerStatuses"][0]["restartCount"],
            item["status"]["podIP"],
        )
        for item in space.get("pods")["items"]
    }


def test_a_killed_server_loses_nothing_and_its_pods_live_on(own: Cluster) -> None:
    space = Space(own, "default")
    space.kubectl("create", "deployment", "web", f"--image={IMAGE}", "--replicas=2")
    space.kubectl("expose", "deployment", "web", "--port=80")
    space.apply([pod("short", "sleep 4", spec={"restartPolicy": "Never"}), pod("doomed")])
    space.kubectl("rollout", "status", "deployment/web", "--timeout=60s", timeout=70)
    space.ready("doomed")
    address = space.get("service", "web")["spec"]["clusterIP"]
    before = lives(space)

    writers = Writers(own)
    assert writers.started.wait(30)
    own.kill()
    acknowledged = writers.join()
    assert len(acknowledged) > 100
    assert own.run("curl", "-sS", "-m", "5", address).stdout.startswith("web-"), "Services work without the server"

    own.start()
    own.wait_ready()
    stored = space.names("configmaps")
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= 4 + 1, "at most one unanswered write of each client, and the CA"
    space.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    eventually(lambda: space.get("pod", "short")["status"]["phase"] == "Succeeded", what="the end being noticed")
    assert lives(space) == before
    assert own.run("curl", "-sS", "-m", "5", address).stdout.startswith("web-")

    web = next(name for name in before if name.startswith("web-"))
    assert space.exec(web, "hostname").strip() == web
    assert "response:200" in space.kubectl("logs", "-l", "app=web", "--tail=-1")
    space.kubectl("delete", "pod", "doomed", "short", "--timeout=20s")
    space.kubectl("scale", "deployment/web", "--replicas=3")
    space.kubectl("rollout", "status", "deployment/web", "--timeout=60s", timeout=70)


def test_what_happens_while_the_server_is_away_is_made_up_for(own: Cluster) -> None:
    space = Space(own, "default")
    space.apply([pod("dies"), pod("stays")])
    space.ready("dies", "stays")
    before = lives(space)
    assert own.stop() == 0
    identifier = before["dies"][0].removeprefix("containerd://")
    own.ctr("tasks", "kill", "-s", "SIGKILL", identifier)
    own.start()
    own.wait_ready()
    eventually(lambda: lives(space)["dies"][1] == 1, what="the dead container being started again")
    assert lives(space)["stays"] == before["stays"]
    space.ready("dies")
    space.kubectl("delete", "pod", "dies", "stays", "--timeout=20s")


def test_containerd_may_die_without_the_pods(own: Cluster) -> None:
    space = Space(own, "default")
    space.apply(pod("calm"))
    space.ready("calm")
    before = lives(space)["calm"]
    arguments = f"containerd --config {own.data_dir}"
    runtime = subprocess.run(["pgrep", "-f", arguments], capture_output=True, text=True, check=True).stdout.split()[0]
    subprocess.run(["kill", "-9", runtime], check=True)
    eventually(lambda: runtime not in _pids(arguments) and _pids(arguments), what="a new containerd")
    space.apply(pod("after"))
    space.ready("after")
    assert lives(space)["calm"] == before
    assert space.exec("calm", "hostname") == "calm\n"


def _pids(arguments: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", arguments], capture_output=True, text=True, check=False).stdout.split()


def test_a_full_disk_refuses_writes_and_loses_nothing(directory: Path) -> None:
    cluster = Cluster(directory / "full", flags=["--disable-agent"])
    cluster.data_dir.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(cluster.data_dir)], check=True)
    try:
        cluster.start()
        cluster.wait_api()

        def write(name: str) -> str:
            body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": "x" * 400_000}}
            return cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps(body), check=False).stderr

        acknowledged = set()
        while not (refused := write(name := f"big-{len(acknowledged)}")):
            acknowledged.add(f"configmap/{name}")
            assert len(acknowledged) < 60
        assert "database or disk is full" in refused
        assert acknowledged <= set(cluster.kubectl("get", "configmaps", "-o", "name").split())
        subprocess.run(["mount", "-o", "remount,size=64m", str(cluster.data_dir)], check=True)
        eventually(lambda: not write("late"), what="a write once there is room")
        cluster.kill()
        cluster.start()
        cluster.wait_api()
        stored = set(cluster.kubectl("get", "configmaps", "-o", "name").split())
        assert acknowledged | {"configmap/late"} <= stored
        cluster.stop()
    finally:
        if cluster.process is not None and cluster.process.poll() is None:
            cluster.kill()
        subprocess.run(["umount", str(cluster.data_dir)], check=True)
        cluster.destroy()


def test_a_second_server_on_the_same_data_is_refused(own: Cluster) -> None:
    command = [str(MINIK), "server", "--config", str(own.config), "--https-listen-port=7443"]
    done: Any = subprocess.run(own.inside(command), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("minik: data directory ")
    assert "is in use by process" in last
    assert "Traceback" not in done.stderr
    assert own.node_ready()


def test_killall_is_refused_while_the_server_runs(own: Cluster) -> None:
    done = subprocess.run(
        own.inside([str(MINIK), "killall", "--config", str(own.config)]), capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "is in use by process" in done.stderr
