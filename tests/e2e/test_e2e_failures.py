"""What users see of Pods that cannot run and manifests that are wrong."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cluster import IMAGE, Cluster, eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e

REGISTRY = "127.0.0.1:5000"


@pytest.fixture
def registry(cluster: Cluster, tmp_path: Path) -> Iterator[None]:
    """A registry inside the cluster's network, with the sample image as httpd:1."""
    config = tmp_path / "registry.yml"
    config.write_text(
        json.dumps(
            {
                "version": "0.1",
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(tmp_path / "images")}},
                "http": {"addr": REGISTRY},
            }
        )
    )
    process = subprocess.Popen(
        cluster.inside(["docker-registry", "serve", str(config)]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: cluster.run("curl", "-sS", "-m", "2", f"http://{REGISTRY}/v2/").stdout == "{}", within=15)
        cluster.ctr("images", "tag", IMAGE, f"{REGISTRY}/httpd:1")
        cluster.ctr("images", "push", "--plain-http", f"{REGISTRY}/httpd:1")
        cluster.ctr("images", "rm", f"{REGISTRY}/httpd:1")
        yield
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(tmp_path / "images", ignore_errors=True)


def test_a_crashing_container_is_started_again_ever_later(space: Space) -> None:
    space.apply(pod("crashing", "echo last words; exit 9"))
    eventually(lambda: _waiting(space, "crashing") == "CrashLoopBackOff", what="CrashLoopBackOff")
    status = space.container("crashing")
    assert "back-off 10s restarting failed container=main pod=crashing_" in status["state"]["waiting"]["message"]
    assert status["lastState"]["terminated"]["exitCode"] == 9
    assert "CrashLoopBackOff" in space.kubectl("get", "pod", "crashing")
    assert space.kubectl("logs", "crashing", "--previous") == "last words\n"
    assert "Back-off restarting failed container main in pod crashing_" in space.event("crashing", "BackOff")["message"]
    longer = "back-off 20s restarting"
    eventually(lambda: longer in space.container("crashing")["state"].get("waiting", {}).get("message", ""), within=40)
    assert space.container("crashing")["restartCount"] >= 2


def _waiting(space: Space, name: str) -> str:
    return str(space.container(name)["state"].get("waiting", {}).get("reason", ""))


def test_images_come_from_a_registry_or_the_failure_is_told(space: Space, registry: None) -> None:
    pulled, absent, odd, never = (pod(name) for name in ("pulled", "absent", "odd", "never"))
    pulled["spec"]["containers"][0]["image"] = f"{REGISTRY}/httpd:1"
    absent["spec"]["containers"][0]["image"] = f"{REGISTRY}/nothing:1"
    odd["spec"]["containers"][0]["image"] = "Not An Image"
    never["spec"]["containers"][0] |= {"image": "minik.local/absent:1", "imagePullPolicy": "Never"}
    space.apply([pulled, absent, odd, never])
    space.ready("pulled")
    message = space.event("pulled", "Pulled")["message"]
    assert message.startswith(f'Successfully pulled image "{REGISTRY}/httpd:1" in ')
    assert "Image size: " in message
    assert space.container("pulled")["imageID"].startswith(f"{REGISTRY}/httpd@sha256:")

    seen: set[str] = set()
    eventually(lambda: seen.add(_waiting(space, "absent")) or {"ErrImagePull", "ImagePullBackOff"} <= seen, every=0.05)
    reasons = [event["reason"] for event in space.events("absent")]
    assert {"Pulling", "Failed", "BackOff"} <= set(reasons)
    failed = [event["message"] for event in space.events("absent") if event["reason"] == "Failed"]
    assert any("not found" in text for text in failed)
    assert any(text == "Error: ErrImagePull" for text in failed)
    eventually(lambda: _waiting(space, "odd") == "InvalidImageName")
    eventually(lambda: _waiting(space, "never") == "ErrImageNeverPull")
    eventually(lambda: _waiting(space, "absent") == "ImagePullBackOff")
    assert "is waiting to start: trying and failing to pull image" in space.kubectl_fails("logs", "absent")

    fixed = json.dumps([{"op": "replace", "path": "/spec/containers/0/image", "value": IMAGE}])
    space.kubectl("patch", "pod", "absent", "--type=json", "-p", fixed)
    space.ready("absent")


def test_a_pod_that_fits_nowhere_waits_until_it_does(space: Space) -> None:
    node = space.get("nodes")["items"][0]["metadata"]["name"]
    space.apply(
        [
            pod("picky", spec={"nodeSelector": {"disk": "fast"}}),
            pod("huge", resources={"requests": {"cpu": "1000"}}),
        ]
    )
    for name, why in (
        ("picky", "1 node(s) didn't match Pod's node affinity/selector"),
        ("huge", "1 Insufficient cpu"),
    ):
        message = space.event(name, "FailedScheduling")["message"]
        assert message.startswith(f"0/1 nodes are available: {why}.")
        condition = space.get("pod", name)["status"]["conditions"][0]
        assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")
    assert "Pending" in space.kubectl("get", "pod", "picky")
    space.kubectl("label", "node", node, "disk=fast")
    try:
        space.ready("picky", within=20)
        space.kubectl("cordon", node)
        space.apply(pod("waiting"))
        assert "1 node(s) were unschedulable" in space.event("waiting", "FailedScheduling")["message"]
    finally:
        space.kubectl("uncordon", node)
        space.kubectl("label", "node", node, "disk-")
    space.ready("waiting", within=20)
    space.kubectl("taint", "node", node, "busy=yes:NoSchedule")
    try:
        tolerant = {"tolerations": [{"key": "busy", "operator": "Exists"}]}
        space.apply([pod("barred"), pod("tolerant", spec=tolerant)])
        space.ready("tolerant")
        assert "1 node(s) had untolerated taint(s)" in space.event("barred", "FailedScheduling")["message"]
    finally:
        space.kubectl("taint", "node", node, "busy-")
    space.ready("barred", within=20)


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "minik.local/httpd:1"}]
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("replicas: 1", "replicaz: 1", 'strict decoding error: unknown field "spec.replicaz"'),
        (
            "replicas: 1",
            "replicas: many",
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas",
        ),
        ("  selector: {matchLabels: {app: web}}\n", "", "spec.selector: Required value"),
        ("matchLabels: {app: web}", "matchLabels: {app: other}", "`selector` does not match template `labels`"),
        (
            "metadata: {name: web}",
            "metadata: {name: Web_1}",
            'metadata.name: Invalid value: "Web_1": a lowercase RFC 1123',
        ),
        ("metadata: {name: web}", "metadata: {}", "resource name may not be empty"),
        ("[{name: web,", '[{name: web, image: "x"}, {name: web,', 'containers[1].name: Duplicate value: "web"'),
        ('image: "minik.local/httpd:1"', "imagePullPolicy: Often", 'Unsupported value: "Often"'),
        ("kind: Deployment", "kind: Deploymint", 'no matches for kind "Deploymint" in version "apps/v1"'),
        ("apps/v1", "apps/v9", 'no matches for kind "Deployment" in version "apps/v9"'),
        ("spec:\n  replicas", "spec:\n replicas", "error converting YAML to JSON"),
    ],
)
def test_a_wrong_manifest_is_refused_with_the_reason(cluster: Cluster, before: str, after: str, said: str) -> None:
    assert before in DEPLOYMENT
    refused = cluster.kubectl_fails("apply", "-f", "-", stdin=DEPLOYMENT.replace(before, after, 1))
    assert said in refused
    assert "deployment" not in cluster.kubectl("get", "deployments", "-o", "name")


def test_an_unknown_field_is_only_warned_of_when_asked(cluster: Cluster) -> None:
    manifest = DEPLOYMENT.replace("replicas: 1", "replicas: 1\n  colour: red")
    done = cluster.run("kubectl", "create", "--validate=warn", "--dry-run=server", "-f", "-", stdin=manifest)
    assert 'Warning: unknown field "spec.colour"' in done.stderr
