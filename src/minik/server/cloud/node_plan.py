"""What a cloud's knowledge of an instance makes of its node. Pure. Rules: cloud-provider/controllers/node."""

from collections.abc import Sequence

from minik.api.types import Obj
from minik.server.cloud.provider import InstanceMetadata
from minik.server.controllers.objects import annotations_of, own_copy

UNINITIALIZED = "node.cloudprovider.kubernetes.io/uninitialized"
SHUTDOWN = "node.cloudprovider.kubernetes.io/shutdown"
PROVIDED_IP = "alpha.kubernetes.io/provided-node-ip"
_TYPE_LABELS = ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type")
_ZONE_LABELS = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
_REGION_LABELS = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")


def is_uninitialized(node: Obj) -> bool:
    return any(taint["key"] == UNINITIALIZED for taint in node["spec"].get("taints") or ())


def is_marked_shut_down(node: Obj) -> bool:
    return any(taint["key"] == SHUTDOWN for taint in node["spec"].get("taints") or ())


def initialized(node: Obj, instance: InstanceMetadata) -> Obj:
    """The node with its provider ID and labels, ready to be scheduled to."""
    changed = own_copy(node)
    spec, labels = changed["spec"], changed["metadata"].setdefault("labels", {})
    if not spec.get("providerID") and instance.provider_id:
        spec["providerID"] = instance.provider_id
    wanted = (
        (_TYPE_LABELS, instance.instance_type),
        (_ZONE_LABELS, instance.zone),
        (_REGION_LABELS, instance.region),
    )
    labels.update({name: value for names, value in wanted if value for name in names})
    labels.update({name: value for name, value in instance.additional_labels.items() if name not in labels})
    spec["taints"] = [taint for taint in spec.get("taints") or () if taint["key"] != UNINITIALIZED]
    return changed


def with_shutdown_taint(node: Obj, *, shut_down: bool) -> Obj | None:
    """The node, marked or not; None if it is so already."""
    if is_marked_shut_down(node) == shut_down:
        return None
    changed = own_copy(node)
    taints = [taint for taint in changed["spec"].get("taints") or () if taint["key"] != SHUTDOWN]
    if shut_down:
        taints.append({"key": SHUTDOWN, "effect": "NoSchedule"})
    changed["spec"]["taints"] = taints
    return changed


def addresses(node: Obj, instance: InstanceMetadata) -> Sequence[Obj] | None:
    """The node's addresses as the cloud has them; None when nothing changes. Raises ValueError.

    A node that says which address is its own has that one first of its type, and only that one.
    """
    present = list((node.get("status") or {}).get("addresses") or ())
    wanted = [dict(address) for address in instance.addresses]
    if not wanted:
        return None
    if not any(address["type"] == "Hostname" for address in wanted):
        wanted += [address for address in present if address["type"] == "Hostname"]
    own = [text for text in annotations_of(node).get(PROVIDED_IP, "").split(",") if text]
    for address in own:
        found = next((each for each in wanted if each["address"] == address), None)
        if found is None:
            raise ValueError(f"failed to get node address from cloud provider that matches ip: {address}")
        wanted = [found, *(each for each in wanted if each["type"] != found["type"] or each["address"] in own)]
        wanted = [each for index, each in enumerate(wanted) if each not in wanted[:index]]
    return None if wanted == present else wanted
