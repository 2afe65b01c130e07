"""Identity of a StatefulSet's Pods: ordinals, names, labels, and the claims that belong to each.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity
"""

import re
from collections.abc import Mapping, Sequence

from minik.api.types import Obj
from minik.server.controllers.claims import Owner
from minik.server.controllers.controller_history import HASH_LABEL
from minik.server.controllers.objects import labels_of, own_copy, owner_reference
from minik.server.controllers.pod_control import pod_from_template

POD_NAME_LABEL, INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]+)")


def ordinal_of(pod: Obj) -> int:
    """-1 for a name that is no StatefulSet Pod's."""
    match = _NAME.fullmatch(pod["metadata"]["name"])
    return int(match[2]) if match else -1


def is_member(stateful_set: Obj, pod: Obj) -> bool:
    match = _NAME.fullmatch(pod["metadata"]["name"])
    return match is not None and match[1] == stateful_set["metadata"]["name"]


def pod_name(stateful_set: Obj, ordinal: int) -> str:
    return f"{stateful_set['metadata']['name']}-{ordinal}"


def first_ordinal(stateful_set: Obj) -> int:
    return int((stateful_set["spec"].get("ordinals") or {}).get("start", 0))


def is_wanted(stateful_set: Obj, ordinal: int) -> bool:
    return 0 <= ordinal - first_ordinal(stateful_set) < int(stateful_set["spec"].get("replicas", 1))


def claim_names(stateful_set: Obj, ordinal: int) -> dict[str, str]:
    """Volume name -> PersistentVolumeClaim of the Pod with this ordinal."""
    name = pod_name(stateful_set, ordinal)
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    return {t["metadata"]["name"]: f"{t['metadata']['name']}-{name}" for t in templates}


def build_pod(owner: Owner, template: Obj, revision: str, ordinal: int) -> Obj:
    pod = pod_from_template(template, owner)
    name = pod_name(owner.obj, ordinal)
    metadata = pod["metadata"]
    metadata.pop("generateName", None)
    metadata["name"] = name
    labels = metadata.setdefault("labels", {})
    labels |= {HASH_LABEL: revision, POD_NAME_LABEL: name, INDEX_LABEL: str(ordinal)}
    pod["spec"]["hostname"] = name
    pod["spec"]["subdomain"] = owner.obj["spec"].get("serviceName", "")
    pod["spec"]["volumes"] = with_claims(pod["spec"].get("volumes") or (), claim_names(owner.obj, ordinal))
    return pod


def with_claims(volumes: Sequence[Obj], claims: Mapping[str, str]) -> list[Obj]:
    """The template's volumes, those of the claims replacing others of the same name."""
    own = [volume for volume in volumes if volume["name"] not in claims]
    return [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in claims.items()] + own


def build_claims(stateful_set: Obj, ordinal: int) -> list[Obj]:
    """The PersistentVolumeClaims that the Pod with this ordinal needs."""
    claims = []
    selector = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    names = claim_names(stateful_set, ordinal)
    for template in stateful_set["spec"].get("volumeClaimTemplates") or ():
        claim = own_copy(template)
        claim.pop("status", None)
        claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        metadata = claim["metadata"]
        metadata["name"] = names[template["metadata"]["name"]]
        metadata["namespace"] = stateful_set["metadata"]["namespace"]
        metadata["labels"] = {**labels_of(template), **selector}
        claims.append(claim)
    return claims


def has_identity(stateful_set: Obj, pod: Obj) -> bool:
    """Labels and claims as they should be; a Pod that was adopted may lack them."""
    ordinal = ordinal_of(pod)
    labels = labels_of(pod)
    if labels.get(POD_NAME_LABEL) != pod["metadata"]["name"] or labels.get(INDEX_LABEL) != str(ordinal):
        return False
    mounted = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    }
    return claim_names(stateful_set, ordinal).items() <= mounted.items()


def claim_owners(stateful_set: Obj, pod: Obj | None, ordinal: int) -> list[Obj]:
    """Who should own the Pod's claims by persistentVolumeClaimRetentionPolicy: Delete makes an owner, Retain none."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if policy.get("whenScaled") == "Delete" and not is_wanted(stateful_set, ordinal) and pod is not None:
        return [owner_reference(pod, "v1", "Pod")]
    if policy.get("whenDeleted") == "Delete":
        return [owner_reference(stateful_set, "apps/v1", "StatefulSet")]
    return []


def claim_references(stateful_set: Obj, pod: Obj, present: Sequence[Obj]) -> list[Obj] | None:
    """The owner references a claim should have, others' included; None when it is not the set's to decide.

    Another controller, or an earlier set or Pod of the same name, keeps what it has.
    """
    ours = {
        ("apps/v1", "StatefulSet", stateful_set["metadata"]["name"]): stateful_set["metadata"]["uid"],
        ("v1", "Pod", pod["metadata"]["name"]): pod["metadata"]["uid"],
    }
    others = []
    foreign = False
    for reference in present:
        uid = ours.get((reference["apiVersion"], reference["kind"], reference["name"]))
        if uid is None:
            foreign = foreign or bool(reference.get("controller"))
            others.append(reference)
        elif uid != reference["uid"]:
            return None
    owners = claim_owners(stateful_set, pod, ordinal_of(pod))
    return others if foreign else others + owners
