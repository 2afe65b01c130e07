"""What the soak makes: one small object of every kind that the server's controllers look after.

Choices come from the caller's `random.Random`, so the same seed makes the same objects.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

Obj = dict[str, Any]

CORE, APPS, BATCH = "/api/v1", "/apis/apps/v1", "/apis/batch/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "soak.example.com"
STORAGE_CLASS = "soak"
WHEN_DELETED, WHEN_SCALED = "soak/when-deleted", "soak/when-scaled"  # labels of StatefulSets' claims
FAKE_EXIT_CODE = "minik.io/fake-exit-code"

PLACES: Mapping[str, str] = {
    "deployments": APPS,
    "statefulsets": APPS,
    "daemonsets": APPS,
    "jobs": BATCH,
    "cronjobs": BATCH,
    "services": CORE,
    "configmaps": CORE,
    "secrets": CORE,
    "persistentvolumeclaims": CORE,
    "resourcequotas": CORE,
    "poddisruptionbudgets": "/apis/policy/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
}
KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "services": "Service",
    "configmaps": "ConfigMap",
    "secrets": "Secret",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "resourcequotas": "ResourceQuota",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}
MOST_REPLICAS = {"deployments": 20, "statefulsets": 8}
QUOTA = {
    "pods": "100000",
    "persistentvolumeclaims": "1000",
    "services": "8",
    "services.nodeports": "6",
    "secrets": "8",
    "count/configmaps": "8",
    "count/deployments.apps": "50",
    "count/jobs.batch": "1000",
}


def new(resource: str, name: str, app: str, chance: random.Random) -> Obj:
    """`app` is the workload that selectors and autoscalers are about."""
    api_version = PLACES[resource].removeprefix("/apis/").removeprefix("/api/")
    made = _MAKERS[resource](name, app, chance)
    return {"apiVersion": api_version, "kind": KINDS[resource], "metadata": {"name": name}, **made}


def template(name: str, *, image: str = "app:1") -> Obj:
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": "5m", "memory": "4Mi"}}}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def _workload(name: str) -> Obj:
    return {"selector": {"matchLabels": {"app": name}}, "template": template(name)}


def _deployment(name: str, _app: str, chance: random.Random) -> Obj:
    return {"spec": {**_workload(name), "replicas": chance.randrange(MOST_REPLICAS["deployments"])}}


def _stateful_set(name: str, _app: str, chance: random.Random) -> Obj:
    replicas = chance.randrange(MOST_REPLICAS["statefulsets"])
    policy = chance.choice(["OrderedReady", "Parallel"])
    deleted, scaled = chance.choice(["Retain", "Delete"]), chance.choice(["Retain", "Delete"])
    spec = {**_workload(name), "replicas": replicas, "serviceName": name, "podManagementPolicy": policy}
    if chance.random() < 0.5:
        labels = {WHEN_DELETED: deleted, WHEN_SCALED: scaled}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data", "labels": labels}, "spec": _claim_spec()}]
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": deleted, "whenScaled": scaled}
    return {"spec": spec}


def _daemon_set(name: str, _app: str, _chance: random.Random) -> Obj:
    return {"spec": {**_workload(name), "updateStrategy": {"rollingUpdate": {"maxUnavailable": "30%"}}}}


def _job_template(chance: random.Random) -> Obj:
    pod = {"spec": {**template("job")["spec"], "restartPolicy": chance.choice(["Never", "OnFailure"])}}
    if chance.random() < 0.3:
        pod["metadata"] = {"annotations": {FAKE_EXIT_CODE: "1"}}
    return pod


def _job(_name: str, _app: str, chance: random.Random) -> Obj:
    spec = {"parallelism": 3, "completions": 5, "backoffLimit": 1, "template": _job_template(chance)}
    if chance.random() < 0.5:
        spec["ttlSecondsAfterFinished"] = chance.randrange(20)
    if chance.random() < 0.2:
        spec["suspend"] = True
    if chance.random() < 0.3:
        spec["completionMode"] = "Indexed"
    return {"spec": spec}


def _cron_job(_name: str, _app: str, chance: random.Random) -> Obj:
    job = {"spec": {"backoffLimit": 1, "template": _job_template(chance)}}
    return {"spec": {"schedule": "* * * * *", "jobTemplate": job, "successfulJobsHistoryLimit": 1}}


def _service(_name: str, app: str, chance: random.Random) -> Obj:
    spec: Obj = {"selector": {"app": app}, "ports": [{"port": 80}]}
    spec |= chance.choice([{}, {"type": "NodePort"}, {"clusterIP": "None"}])
    return {"spec": spec}


def _config_map(_name: str, _app: str, chance: random.Random) -> Obj:
    return {"data": {"key": "v" * chance.randrange(2000)}}


def _secret(_name: str, _app: str, chance: random.Random) -> Obj:
    return {"stringData": {"key": "v" * chance.randrange(2000)}}


def _claim_spec() -> Obj:
    size = {"requests": {"storage": "1Gi"}}
    return {"accessModes": ["ReadWriteOnce"], "storageClassName": STORAGE_CLASS, "resources": size}


def _claim(_name: str, _app: str, _chance: random.Random) -> Obj:
    return {"spec": _claim_spec()}


def _quota(_name: str, _app: str, _chance: random.Random) -> Obj:
    return {"spec": {"hard": QUOTA}}


def _budget(_name: str, app: str, chance: random.Random) -> Obj:
    limit = chance.choice([{"minAvailable": 1}, {"maxUnavailable": "50%"}])
    return {"spec": {"selector": {"matchLabels": {"app": app}}, **limit}}


def _autoscaler(_name: str, app: str, chance: random.Random) -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": app}
    return {"spec": {"scaleTargetRef": target, "minReplicas": 1 + chance.randrange(3), "maxReplicas": 10}}


_MAKERS: Mapping[str, Callable[[str, str, random.Random], Obj]] = {
    "deployments": _deployment,
    "statefulsets": _stateful_set,
    "daemonsets": _daemon_set,
    "jobs": _job,
    "cronjobs": _cron_job,
    "services": _service,
    "configmaps": _config_map,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "resourcequotas": _quota,
    "poddisruptionbudgets": _budget,
    "horizontalpodautoscalers": _autoscaler,
}


def volume(name: str) -> Obj:
    """A hostPath below /tmp that nobody makes: its controller deletes it when its claim goes."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "hostPath": {"path": f"/tmp/minik-soak/{name}"},
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": STORAGE_CLASS,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def definition(plural: str) -> Obj:
    """A CustomResourceDefinition of namespaced things."""
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "kind": plural.capitalize()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def custom(plural: str, name: str, size: int) -> Obj:
    kind = plural.capitalize()
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": {"size": size}}


def owned(dependent: Obj, owner: Obj) -> Obj:
    """`dependent`, to be collected when `owner` is gone."""
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "blockOwnerDeletion": True}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
    return {**dependent, "metadata": {**dependent["metadata"], "ownerReferences": [reference]}}


def node(name: str) -> Obj:
    """One that minik's fake kubelets keep alive."""
    metadata = {"name": name, "annotations": {"minik.io/node": "fake"}, "labels": {"kubernetes.io/hostname": name}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
