from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_client import until

from minik.api.status import not_found
from minik.client.resources import (
    EVENTS,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    STORAGE_CLASSES,
    VOLUME_ATTRIBUTES_CLASSES,
)
from minik.server.controllers import volume_reclaim
from minik.server.controllers.ephemeral_volume import EphemeralVolumeController
from minik.server.controllers.local_path import PROVISIONER, LocalPathProvisioner
from minik.server.controllers.persistent_volume_binder import PersistentVolumeBinder
from minik.server.controllers.volume_expansion import VolumeExpansionController
from minik.server.controllers.volume_protection import (
    AttributesClassProtectionController,
    ClaimProtectionController,
    VolumeProtectionController,
)
from minik.server.volumes.matching import PROVISIONER as PROVISIONER_NOTE
from minik.server.volumes.matching import SELECTED_NODE

Obj = dict[str, Any]


def claim(storage_class: str = "", **metadata: object) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"metadata": {"name": "c", "namespace": "ns", "uid": "uid-c", **metadata}, "spec": spec}


def volume(policy: str = "Retain") -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}, "hostPath": {"path": "/x"}}
    return {"metadata": {"name": "v"}, "spec": {**spec, "persistentVolumeReclaimPolicy": policy}}


def storage_class(mode: str) -> Obj:
    return {"metadata": {"name": "sc"}, "provisioner": PROVISIONER, "volumeBindingMode": mode}


def phases(cluster: Any) -> tuple[str, str]:
    found = []
    for obj in (cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns"), cluster.client.find(PERSISTENT_VOLUMES, "v")):
        found.append(((obj or {}).get("status") or {}).get("phase", ""))
    return found[0], found[1]


async def test_a_claim_gets_a_volume_and_the_volume_is_released_with_it(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.start(PersistentVolumeBinder)
    await until(lambda: "FailedBinding" in cluster.reasons())
    cluster.client.add(PERSISTENT_VOLUMES, volume())
    await until(lambda: phases(cluster) == ("Bound", "Bound"))
    bound = cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    assert bound["spec"]["volumeName"] == "v"
    assert bound["status"]["capacity"] == {"storage": "2Gi"}
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    await until(lambda: phases(cluster)[1] == "Released")


@pytest.mark.parametrize("again", [False, True])
async def test_a_volume_is_released_when_its_claim_goes_before_it_has_named_it(cluster: Any, again: bool) -> None:
    """`again`: another claim takes the name at once."""

    def fail(verb: str, resource: object, _name: str) -> Exception | None:
        refused = verb == "update" and resource == PERSISTENT_VOLUME_CLAIMS
        return not_found("", "persistentvolumeclaims", "c") if refused else None

    cluster.client.fail = fail
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.client.add(PERSISTENT_VOLUMES, volume())
    controller = cluster.start(PersistentVolumeBinder)
    await until(lambda: phases(cluster)[1] == "Bound" and controller.failed >= 2 and not len(controller.queue))
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    if again:
        cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim(uid="uid-d"))
    await until(lambda: phases(cluster)[1] == "Released")


async def test_a_volume_nobody_can_delete_fails(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.client.add(PERSISTENT_VOLUMES, volume("Delete"))
    cluster.start(PersistentVolumeBinder)
    await until(lambda: phases(cluster) == ("Bound", "Bound"))
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    await until(lambda: phases(cluster)[1] == "Failed")
    await until(lambda: "VolumeFailedDelete" in cluster.reasons())


async def test_a_claim_whose_volume_went_is_lost(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.client.add(PERSISTENT_VOLUMES, volume())
    cluster.start(PersistentVolumeBinder)
    await until(lambda: phases(cluster) == ("Bound", "Bound"))
    cluster.client.remove(PERSISTENT_VOLUMES, "v")
    await until(lambda: phases(cluster)[0] == "Lost")
    await until(lambda: "ClaimLost" in cluster.reasons())


async def test_a_class_that_waits_is_provisioned_when_the_node_is_known(cluster: Any) -> None:
    cluster.client.add(STORAGE_CLASSES, storage_class("WaitForFirstConsumer"))
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim("sc"))
    cluster.start(PersistentVolumeBinder)
    await until(lambda: "WaitForFirstConsumer" in cluster.reasons())
    cluster.client.change(PERSISTENT_VOLUME_CLAIMS, "c", "ns", {"metadata": {"annotations": {SELECTED_NODE: "n1"}}})
    await until(lambda: "ExternalProvisioning" in cluster.reasons())
    notes = cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns")["metadata"]["annotations"]
    assert notes[PROVISIONER_NOTE] == PROVISIONER


async def test_a_claim_that_names_no_class_gets_the_default_when_there_is_one(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.start(PersistentVolumeBinder)
    await until(lambda: "FailedBinding" in cluster.reasons())
    default = storage_class("WaitForFirstConsumer")
    default["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    cluster.client.add(STORAGE_CLASSES, default)
    await until(lambda: "WaitForFirstConsumer" in cluster.reasons())
    assert cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns")["spec"]["storageClassName"] == "sc"


async def test_local_storage_comes_and_goes_with_its_claim(cluster: Any, tmp_path: Path) -> None:
    cluster.settings = replace(cluster.settings, node_name="n1", storage_dir=tmp_path)
    cluster.client.add(STORAGE_CLASSES, storage_class("Immediate"))
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim("sc"))
    cluster.start(PersistentVolumeBinder)
    cluster.start(LocalPathProvisioner)
    await until(lambda: phases(cluster)[0] == "Bound")
    assert cluster.client.find(STORAGE_CLASSES, "local-path") is not None
    (made,) = cluster.client.all(PERSISTENT_VOLUMES)
    path = Path(made["spec"]["hostPath"]["path"])
    assert path == tmp_path / "pvc-uid-c"
    path.mkdir()
    (path / "file").write_text("x")
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    await until(lambda: not cluster.client.all(PERSISTENT_VOLUMES))
    assert not path.exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"hostPath": {"path": "/data"}}, "host_path deleter only supports /tmp/.+ but received provided /data"),
        (
            {"hostPath": {"path": "/tmp/../"}},
            "host_path deleter only supports /tmp/.+ but received provided /tmp/../",
        ),
        (
            {"nfs": {"server": "s", "path": "/"}},
            'error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
        ),
    ],
)
async def test_data_that_cannot_be_deleted(source: Obj, message: str) -> None:
    outcome = await volume_reclaim.delete_data({"metadata": {"name": "v"}, "spec": source})
    assert (outcome.done, outcome.message) == (False, message)


async def test_a_recycled_volume_is_available_again(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim())
    cluster.client.add(PERSISTENT_VOLUMES, volume("Recycle"))
    cluster.start(PersistentVolumeBinder)
    await until(lambda: phases(cluster) == ("Bound", "Bound"))
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    await until(lambda: cluster.client.find(PODS, "recycler-for-v", "default"))
    done = {"metadata": {"uid": "1"}, "status": {"phase": "Succeeded"}}
    cluster.client.change(PODS, "recycler-for-v", "default", done)
    await until(lambda: phases(cluster)[1] == "Available")
    assert "claimRef" not in cluster.client.find(PERSISTENT_VOLUMES, "v")["spec"]
    assert cluster.client.find(PODS, "recycler-for-v", "default") is None


async def test_a_claim_says_which_pod_is_not_scheduled(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    user = make_pod("p")
    user["spec"] = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]}
    user["status"] = {"phase": "Pending"}
    cluster.client.add(PODS, user)
    cluster.client.add(STORAGE_CLASSES, storage_class("WaitForFirstConsumer"))
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim("sc"))
    cluster.start(PersistentVolumeBinder)
    await until(lambda: "WaitForPodScheduled" in cluster.reasons())


@pytest.mark.parametrize(("source", "kind"), [("csi", "Normal"), ("hostPath", "Warning")])
async def test_a_larger_volume_is_for_its_driver_to_make(cluster: Any, source: str, kind: str) -> None:
    bound = volume()
    bound["spec"] = {"capacity": {"storage": "1Gi"}, source: {}, "claimRef": {"namespace": "ns", "name": "c"}}
    cluster.client.add(PERSISTENT_VOLUMES, bound)
    grown = claim()
    grown["spec"] |= {"resources": {"requests": {"storage": "2Gi"}}, "volumeName": "v"}
    grown["status"] = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, grown)
    cluster.start(VolumeExpansionController)
    await until(lambda: "ExternalExpanding" in cluster.reasons())
    assert [event["type"] for event in cluster.client.all(EVENTS)] == [kind]


async def test_a_finalizer_that_was_taken_off_comes_back(cluster: Any) -> None:
    cluster.client.add(PERSISTENT_VOLUMES, volume())
    cluster.start(VolumeProtectionController)
    guarded = ["kubernetes.io/pv-protection"]
    await until(lambda: cluster.client.find(PERSISTENT_VOLUMES, "v")["metadata"].get("finalizers") == guarded)


async def test_somebody_elses_claim_is_not_taken(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    user = make_pod("p")
    user["spec"]["volumes"] = [{"name": "d", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}]
    cluster.client.add(PODS, user)
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim() | {"metadata": {"name": "p-d", "namespace": "ns", "uid": "u"}})
    cluster.start(EphemeralVolumeController)
    await until(lambda: "FailedBinding" in cluster.reasons())
    text = "ephemeral volume d: PVC ns/p-d was not created for pod ns/p (pod is not owner)"
    assert cluster.client.all(EVENTS)[0]["message"] == text


async def test_what_is_in_use_stays(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    gone = {"deletionTimestamp": "2026-01-02T03:04:05Z"}
    user = make_pod("p")
    user["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]
    cluster.client.add(PODS, user)
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, claim(finalizers=["kubernetes.io/pvc-protection"], **gone))
    bound = volume()
    bound["metadata"] |= {"finalizers": ["kubernetes.io/pv-protection"], **gone}
    cluster.client.add(PERSISTENT_VOLUMES, {**bound, "status": {"phase": "Bound"}})
    claims, volumes = cluster.start(ClaimProtectionController), cluster.start(VolumeProtectionController)
    await until(lambda: claims.reconciled and volumes.reconciled)
    assert cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    cluster.client.change(PODS, "p", "ns", {"status": {"phase": "Succeeded"}})
    await until(lambda: not cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "c", "ns"))
    cluster.client.change(PERSISTENT_VOLUMES, "v", "", {"status": {"phase": "Released"}})
    await until(lambda: not cluster.client.find(PERSISTENT_VOLUMES, "v"))


async def test_an_ephemeral_volume_gets_its_claim(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    user = make_pod("p")
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    user["spec"]["volumes"] = [{"name": "d", "ephemeral": {"volumeClaimTemplate": template}}]
    cluster.client.add(PODS, user)
    cluster.start(EphemeralVolumeController)
    await until(lambda: cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "p-d", "ns"))
    made = cluster.client.find(PERSISTENT_VOLUME_CLAIMS, "p-d", "ns")
    assert made["metadata"]["labels"] == {"a": "b"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid-p"


async def test_an_attributes_class_stays_while_a_claim_has_it(cluster: Any) -> None:
    metadata = {"name": "gold", "finalizers": ["kubernetes.io/vac-protection"]}
    gone = {"deletionTimestamp": "2026-01-02T03:04:05Z"}
    cluster.client.add(VOLUME_ATTRIBUTES_CLASSES, {"metadata": {**metadata, **gone}})
    user = claim()
    user["spec"]["volumeAttributesClassName"] = "gold"
    cluster.client.add(PERSISTENT_VOLUME_CLAIMS, user)
    controller = cluster.start(AttributesClassProtectionController)
    await until(lambda: controller.reconciled)
    assert cluster.client.all(VOLUME_ATTRIBUTES_CLASSES)
    cluster.client.remove(PERSISTENT_VOLUME_CLAIMS, "c", "ns")
    await until(lambda: not cluster.client.all(VOLUME_ATTRIBUTES_CLASSES))
