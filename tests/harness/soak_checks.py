"""What must be true after a soak: everything as its spec says, nothing left of what is gone, all numbers given back.

Every check returns what is wrong, in words; an empty list is good.
"""

import re
from collections import Counter
from collections.abc import Sequence

from harness.soak_load import OWN_NAMESPACES, VOLUMES, Api, Refused
from harness.soak_objects import APPS, BATCH, CORE, CRDS, PLACES, WHEN_DELETED, WHEN_SCALED, Obj

CLAIMS = f"{CORE}/persistentvolumeclaims"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
NAMESPACED = (
    *(f"{CORE}/{name}" for name in ("pods", "endpoints", "serviceaccounts", "replicationcontrollers", "podtemplates")),
    *(f"{APPS}/{name}" for name in ("replicasets", "controllerrevisions")),
    "/apis/discovery.k8s.io/v1/endpointslices",
    *(f"{place}/{resource}" for resource, place in PLACES.items()),
)
OWN_NAMES = re.compile(r"[a-z]{3}-\d+")  # what the load made itself
GIVEN = (("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default"))  # every namespace has them


def unsettled(api: Api) -> list[str]:
    """Workloads that are not as their specs say, claims without a volume, quotas that count wrong."""
    found = []
    for resource in ("deployments", "statefulsets", "daemonsets"):
        for each in api.items(f"{APPS}/{resource}"):
            if not _is_settled(each):
                found.append(f"{resource} {_who(each)} is not settled: {_numbers(each)}")
    for job in api.items(f"{BATCH}/jobs"):
        conditions = {c["type"] for c in (job.get("status") or {}).get("conditions") or () if c["status"] == "True"}
        made_by_cron = job["metadata"].get("ownerReferences")  # those come every minute
        if not conditions & {"Complete", "Failed", "Suspended"} and not made_by_cron:
            found.append(f"jobs {_who(job)} is not settled: {job.get('status')}")
    for claim in api.items(CLAIMS):
        if (claim.get("status") or {}).get("phase") != "Bound":
            found.append(f"claim {_who(claim)} is not bound")
    return found + _scaled_claims(api) + _quotas(api)


def _is_settled(workload: Obj) -> bool:
    spec, status = workload["spec"], workload.get("status") or {}
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if "desiredNumberScheduled" in status:
        wanted = status["desiredNumberScheduled"]
        return all(status.get(key, 0) == wanted for key in ("updatedNumberScheduled", "numberAvailable"))
    counts = ("replicas", "updatedReplicas", "availableReplicas")
    return all(status.get(key, 0) == spec["replicas"] for key in counts)


def _scaled_claims(api: Api) -> list[str]:
    """Each Pod of a StatefulSet has its claim, and those it was scaled down from have one only if that is retained."""
    found = []
    claims = {_who(each): each for each in api.items(CLAIMS)}
    for each in api.items(f"{APPS}/statefulsets"):
        if not each["spec"].get("volumeClaimTemplates"):
            continue
        prefix = f"{each['metadata']['namespace']}/data-{each['metadata']['name']}-"
        ordinals = {int(name.removeprefix(prefix)) for name in claims if name.startswith(prefix)}
        wanted = set(range(each["spec"]["replicas"]))
        found += [f"claim {prefix}{ordinal} is missing" for ordinal in wanted - ordinals]
        for ordinal in ordinals - wanted:
            if claims[f"{prefix}{ordinal}"]["metadata"]["labels"][WHEN_SCALED] == "Delete":
                found.append(f"claim {prefix}{ordinal} should have gone when its set was scaled down")
    return found


def _quotas(api: Api) -> list[str]:
    found = []
    quotas = api.items(f"{CORE}/resourcequotas")
    if not quotas:
        return found
    counted = {
        "pods": _by_namespace([pod for pod in api.items(f"{CORE}/pods") if _is_running(pod)]),
        "count/configmaps": _by_namespace(api.items(f"{CORE}/configmaps")),
        "count/deployments.apps": _by_namespace(api.items(f"{APPS}/deployments")),
        "count/jobs.batch": _by_namespace(api.items(f"{BATCH}/jobs")),
        "persistentvolumeclaims": _by_namespace(api.items(CLAIMS)),
        "secrets": _by_namespace(api.items(f"{CORE}/secrets")),
        "services": _by_namespace(api.items(f"{CORE}/services")),
    }
    for quota in quotas:
        namespace, used = quota["metadata"]["namespace"], (quota.get("status") or {}).get("used") or {}
        for what, counts in counted.items():
            if used.get(what) != str(counts[namespace]):
                found.append(f"quota {_who(quota)} counts {used.get(what)} of {what}, there are {counts[namespace]}")
    return found


def orphans(api: Api) -> list[str]:
    """Objects whose owner is not there any more."""
    listed = _everything(api)
    alive = {each["metadata"]["uid"] for each in [*(obj for _, obj in listed), *api.items(f"{CORE}/nodes")]}
    for each in api.items(CRDS):
        alive |= {custom["metadata"]["uid"] for custom in _customs(api, each)}
    return [
        f"{resource} {_who(each)}, whose {owner['kind']} {owner['name']} is gone"
        for resource, each in listed
        for owner in each["metadata"].get("ownerReferences") or ()
        if owner["uid"] not in alive
    ]


def _customs(api: Api, definition: Obj) -> list[Obj]:
    try:
        return api.items(f"/apis/{definition['spec']['group']}/v1/{definition['spec']['names']['plural']}")
    except Refused:  # on its way in or out
        return []


def retained_claims(api: Api) -> set[str]:
    """Claims that must outlive their StatefulSets."""
    claims = api.items(CLAIMS)
    return {_who(each) for each in claims if (each["metadata"].get("labels") or {}).get(WHEN_DELETED) == "Retain"}


def remaining(api: Api, retained: set[str]) -> list[str]:
    """What should have gone, and with its owner, once everything but namespaces was deleted.

    `retained` claims stay, and so may what deletions with Orphan have left without an owner.
    """
    found = [
        f"{resource} {_who(each)} is left"
        for resource, each in _everything(api)
        if each["metadata"].get("deletionTimestamp")
        or (resource in PLACES and OWN_NAMES.fullmatch(each["metadata"]["name"]))
    ]
    claims = {_who(each) for each in api.items(CLAIMS)}
    found += [f"claim {each} should have been retained" for each in retained - claims]
    return found + [f"{each['metadata']['name']} is still defined" for each in api.items(CRDS)] + orphans(api)


def leftovers(api: Api) -> list[str]:
    """What should have gone with its namespace."""
    found = []
    for namespace in api.items(f"{CORE}/namespaces"):
        if namespace["metadata"]["name"] not in OWN_NAMESPACES:
            found.append(f"namespace {namespace['metadata']['name']} is left: {namespace.get('status')}")
    found += [f"{resource} {_who(each)} is left" for resource, each in _everything(api)]
    found += [f"volume {each['metadata']['name']} is left" for each in api.items(VOLUMES)]
    nodes = {each["metadata"]["name"] for each in api.items(f"{CORE}/nodes")}
    leases = {each["metadata"]["name"] for each in api.items(LEASES)}
    found += [f"Lease {each} is left" for each in leases - nodes]
    services = {address for each in api.items(f"{CORE}/services") for address in each["spec"].get("clusterIPs") or ()}
    addresses = {each["metadata"]["name"] for each in api.items(ADDRESSES)}
    return found + [f"IPAddress {each} is left" for each in addresses - services]


def taken_ports(api: Api, ports: Sequence[int]) -> list[str]:
    """Node ports that cannot be had again, though who had them is gone."""
    found = []
    for port in ports:
        spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]}
        try:
            api.request("POST", f"{CORE}/namespaces/default/services", {"metadata": {"name": "again"}, "spec": spec})
        except Refused as error:
            found.append(f"node port {port} is not free: {error}")
        else:
            api.request("DELETE", f"{CORE}/namespaces/default/services/again")
    return found


def node_ports(api: Api) -> list[int]:
    services = api.items(f"{CORE}/services")
    return [port["nodePort"] for each in services for port in each["spec"].get("ports") or () if port.get("nodePort")]


def metrics(api: Api) -> dict[str, float]:
    """Every sample of /metrics by name and labels."""
    lines = api.text("GET", "/metrics").decode().splitlines()
    return {name: float(value) for line in lines if line[0] != "#" for name, _, value in [line.rpartition(" ")]}


def running(samples: dict[str, float]) -> Counter[str]:
    """What should not grow: asyncio's tasks by what they run, and watches by resource."""
    found: Counter[str] = Counter()
    for name, value in samples.items():
        if name.startswith("minik_asyncio_tasks{"):
            found[re.sub(r".*=\"(.*)\"}", r"task \1", name)] = int(value)
        elif name.startswith("apiserver_longrunning_requests{"):
            resource = re.search(r'resource="([^"]*)"', name)
            found[f"watch of {resource.group(1) if resource else name}"] += int(value)
    return found


def grown(before: Counter[str], after: Counter[str]) -> list[str]:
    more = after - before
    return [f"{what}: {before[what]} before, {after[what]} now" for what in sorted(more)]


def busy_queues(samples: dict[str, float]) -> list[str]:
    return [f"{name} {value:.0f}" for name, value in samples.items() if name.startswith("workqueue_depth") and value]


def _everything(api: Api) -> list[tuple[str, Obj]]:
    """All namespaced objects that are not the cluster's own."""
    found = []
    for path in NAMESPACED:
        resource = path.rpartition("/")[2]
        for each in api.items(path):
            own = each["metadata"]["namespace"] in OWN_NAMESPACES
            if not own and (resource, each["metadata"]["name"]) not in GIVEN:
                found.append((resource, each))
    return found


def _by_namespace(items: Sequence[Obj]) -> Counter[str]:
    return Counter(each["metadata"]["namespace"] for each in items)


def _is_running(pod: Obj) -> bool:
    return pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")


def _who(obj: Obj) -> str:
    return f"{obj['metadata'].get('namespace')}/{obj['metadata']['name']}"


def _numbers(obj: Obj) -> str:
    status = {key: value for key, value in (obj.get("status") or {}).items() if isinstance(value, int)}
    return f"generation {obj['metadata']['generation']}, wanted {obj['spec'].get('replicas')}, {status}"
