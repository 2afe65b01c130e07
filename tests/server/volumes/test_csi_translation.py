"""Volumes of the old in-tree kinds are those of the CSI drivers that took over."""

from typing import Any

import pytest

from minik.server.volumes.csi_translation import as_csi, driver_of, in_tree_plugin, is_migrated

Obj = dict[str, Any]
ZONE = "topology.kubernetes.io/zone"


def volume(labels: Obj | None = None, **source: Obj) -> Obj:
    return {"metadata": {"name": "pv", "labels": labels or {}}, "spec": {"capacity": {"storage": "1Gi"}, **source}}


@pytest.mark.parametrize(
    ("source", "labels", "driver", "handle"),
    [
        ({"awsElasticBlockStore": {"volumeID": "vol-0a1"}}, {}, "ebs.csi.aws.com", "vol-0a1"),
        ({"awsElasticBlockStore": {"volumeID": "aws://us-1a/vol-0a1"}}, {}, "ebs.csi.aws.com", "vol-0a1"),
        (
            {"gcePersistentDisk": {"pdName": "d"}},
            {ZONE: "us-east1-a"},
            "pd.csi.storage.gke.io",
            "projects/UNSPECIFIED/zones/us-east1-a/disks/d",
        ),
        (
            {"gcePersistentDisk": {"pdName": "d"}},
            {ZONE: "us-east1-a__us-east1-b"},
            "pd.csi.storage.gke.io",
            "projects/UNSPECIFIED/regions/us-east1/disks/d",
        ),
        (
            {"gcePersistentDisk": {"pdName": "d"}},
            {},
            "pd.csi.storage.gke.io",
            "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d",
        ),
        ({"cinder": {"volumeID": "c"}}, {}, "cinder.csi.openstack.org", "c"),
        ({"azureDisk": {"diskName": "n", "diskURI": "/u"}}, {}, "disk.csi.azure.com", "/u"),
        (
            {
                "azureFile": {
                    "shareName": "s",
                    "secretName": "azure-storage-account-acc-secret",
                    "secretNamespace": "ns",
                }
            },
            {},
            "file.csi.azure.com",
            "#acc#s#pv#ns",
        ),
        ({"vsphereVolume": {"volumePath": "[ds] v.vmdk"}}, {}, "csi.vsphere.vmware.com", "[ds] v.vmdk"),
        ({"portworxVolume": {"volumeID": "p"}}, {}, "pxd.portworx.com", "p"),
    ],
)
def test_sources(source: Obj, labels: Obj, driver: str, handle: str) -> None:
    original = volume(labels, **source)
    spec = as_csi(original)["spec"]
    assert (spec["csi"]["driver"], spec["csi"]["volumeHandle"]) == (driver, handle)
    assert not {*spec} & {*source}, "one source only"
    assert spec["capacity"] == {"storage": "1Gi"}
    assert "csi" not in original["spec"]


def test_what_is_not_in_tree_stays_as_it_is() -> None:
    for source in (
        {"csi": {"driver": "d", "volumeHandle": "h"}},
        {"hostPath": {"path": "/x"}},
        {"nfs": {"server": "s"}},
    ):
        original = volume(**source)
        assert as_csi(original) is original
    assert in_tree_plugin({"hostPath": {}}) == ""
    assert driver_of("kubernetes.io/aws-ebs") == "ebs.csi.aws.com"
    assert driver_of("example.com/mine") == "example.com/mine"


def test_details_of_the_source_are_kept() -> None:
    source = {"volumeID": "vol-1", "fsType": "ext4", "partition": 2, "readOnly": True}
    assert as_csi(volume(awsElasticBlockStore=source))["spec"]["csi"] == {
        "driver": "ebs.csi.aws.com",
        "volumeHandle": "vol-1",
        "fsType": "ext4",
        "readOnly": True,
        "volumeAttributes": {"partition": "2"},
    }


def test_a_node_says_which_plugins_its_drivers_serve() -> None:
    notes = {"storage.alpha.kubernetes.io/migrated-plugins": "kubernetes.io/cinder,kubernetes.io/aws-ebs"}
    node = {"metadata": {"name": "n", "annotations": notes}}
    assert is_migrated(node, "kubernetes.io/aws-ebs")
    assert not is_migrated(node, "kubernetes.io/gce-pd")
    assert not is_migrated(None, "kubernetes.io/aws-ebs")
