"""Volumes of the old in-tree kinds as the CSI volumes they have become. Pure.

Kubernetes removed the drivers of these kinds; who still has such volumes is served by the CSI driver that took over.
Upstream: staging/src/k8s.io/csi-translation-lib
"""

import re
from collections.abc import Callable, Mapping

from minik.api.types import Obj

MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"  # annotation of a CSINode: in-tree plugins its drivers serve
_ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_UNKNOWN = "UNSPECIFIED"
_EBS = re.compile(r"^(?:aws://[^/]*/)?(vol-[0-9a-f]+)$")

# kind of a volume -> the name of its in-tree plugin, and the CSI driver
_DRIVERS: Mapping[str, tuple[str, str]] = {
    "awsElasticBlockStore": ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    "gcePersistentDisk": ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    "cinder": ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    "azureDisk": ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    "azureFile": ("kubernetes.io/azure-file", "file.csi.azure.com"),
    "vsphereVolume": ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
    "portworxVolume": ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
}
_BY_PLUGIN = dict(_DRIVERS.values())


def as_csi(volume: Obj) -> Obj:
    """A PersistentVolume, with a CSI source if one stands for its own."""
    spec: Obj = volume["spec"]
    kind = next((kind for kind in _DRIVERS if spec.get(kind)), "")
    if not kind or spec.get("csi"):
        return volume
    translated = {**spec, "csi": source_of(kind, spec[kind], volume)}
    del translated[kind]
    return {**volume, "spec": translated}


def source_of(kind: str, source: Obj, volume: Obj) -> Obj:
    """The CSI source of an in-tree one; `volume` is the PersistentVolume, or anything with metadata."""
    found: Obj = {"driver": _DRIVERS[kind][1], "volumeHandle": _HANDLES[kind](source, volume)}
    if source.get("readOnly"):
        found["readOnly"] = True
    if source.get("fsType"):
        found["fsType"] = source["fsType"]
    attributes = _attributes(kind, source)
    if attributes:
        found["volumeAttributes"] = attributes
    return found


def in_tree_plugin(spec: Obj) -> str:
    """The plugin that a volume (of a Pod, or a PersistentVolume's spec) was served by; "" for others."""
    return next((plugin for kind, (plugin, _) in _DRIVERS.items() if spec.get(kind)), "")


def driver_of(provisioner: str) -> str:
    """The CSI driver behind the provisioner of a StorageClass; itself if that is no in-tree plugin."""
    return _BY_PLUGIN.get(provisioner, provisioner)


def is_in_tree(provisioner: str) -> bool:
    return provisioner in _BY_PLUGIN


def is_migrated(csi_node: Obj | None, plugin: str) -> bool:
    """Whether the node has the CSI driver that took over from an in-tree plugin."""
    notes = (csi_node["metadata"].get("annotations") or {}) if csi_node is not None else {}
    return plugin in notes.get(MIGRATED, "").split(",")


def _attributes(kind: str, source: Obj) -> dict[str, str]:
    if kind in ("awsElasticBlockStore", "gcePersistentDisk"):
        return {"partition": str(source["partition"])} if source.get("partition") else {}
    if kind == "azureDisk":
        named = {"cachingMode": source.get("cachingMode"), "fsType": source.get("fsType"), "kind": "Managed"}
        return {key: value for key, value in named.items() if value}
    if kind == "azureFile":
        return {"shareName": source["shareName"]}
    if kind == "vsphereVolume" and source.get("storagePolicyName"):
        return {"storagepolicyname": source["storagePolicyName"]}
    return {}


def _zones(volume: Obj) -> list[str]:
    labels = volume["metadata"].get("labels") or {}
    value = next((labels[label] for label in _ZONES if labels.get(label)), "")
    return [zone for zone in value.split("__") if zone]


def _ebs(source: Obj, _: Obj) -> str:
    found = _EBS.match(source["volumeID"])
    return found[1] if found else str(source["volumeID"])


def _gce(source: Obj, volume: Obj) -> str:
    zones = _zones(volume)
    if len(zones) > 1:
        return f"projects/{_UNKNOWN}/regions/{zones[0].rpartition('-')[0]}/disks/{source['pdName']}"
    return f"projects/{_UNKNOWN}/zones/{zones[0] if zones else _UNKNOWN}/disks/{source['pdName']}"


def _azure_file(source: Obj, volume: Obj) -> str:
    notes = volume["metadata"].get("annotations") or {}
    namespace = source.get("secretNamespace") or (volume["spec"].get("claimRef") or {}).get("namespace") or "default"
    account = re.sub(r"^azure-storage-account-(.+)-secret$", r"\1", source.get("secretName") or "")
    group = notes.get("kubernetes.io/azure-file-resource-group", "")
    return f"{group}#{account}#{source['shareName']}#{volume['metadata']['name']}#{namespace}"


_HANDLES: Mapping[str, Callable[[Obj, Obj], str]] = {
    "awsElasticBlockStore": _ebs,
    "gcePersistentDisk": _gce,
    "cinder": lambda source, _: str(source["volumeID"]),
    "azureDisk": lambda source, _: str(source["diskURI"]),
    "azureFile": _azure_file,
    "vsphereVolume": lambda source, _: str(source["volumePath"]),
    "portworxVolume": lambda source, _: str(source["volumeID"]),
}
