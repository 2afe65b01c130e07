"""The operator under test: keeps a ConfigMap for each Pond, counts with a timer, says goodbye at the end."""

from typing import Any

import kopf
import kubernetes
from kubernetes.client.rest import ApiException

GROUP, VERSION, PLURAL = "kopf.example.com", "v1", "ponds"


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    settings.posting.level = 0
    settings.persistence.finalizer = f"{GROUP}/finalizer"


@kopf.on.create(GROUP, VERSION, PLURAL)
def create(spec: Any, name: str, namespace: str, **_: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"size": str(spec["size"])}}
    body["metadata"] = {"name": name, "annotations": {"made-by": "kopf"}}
    kopf.adopt(body)
    kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, body)
    return {"made": name}


@kopf.on.update(GROUP, VERSION, PLURAL, field="spec.size")
def resize(old: Any, new: Any, name: str, namespace: str, patch: Any, **_: Any) -> None:
    kubernetes.client.CoreV1Api().patch_namespaced_config_map(name, namespace, {"data": {"size": str(new)}})
    patch.status["resized"] = f"{old}-{new}"


@kopf.on.delete(GROUP, VERSION, PLURAL)
def delete(name: str, namespace: str, **_: Any) -> None:
    body = {"metadata": {"name": f"{name}-gone"}}
    try:
        kubernetes.client.CoreV1Api().create_namespaced_config_map(namespace, body)
    except ApiException as error:
        if error.status != 409:
            raise


@kopf.timer(GROUP, VERSION, PLURAL, interval=0.2)
def tick(status: Any, patch: Any, **_: Any) -> None:
    patch.status["ticks"] = status.get("ticks", 0) + 1


@kopf.on.event("", "v1", "configmaps", annotations={"made-by": "kopf"})
def event(name: str, namespace: str, type: str | None, logger: Any, **_: Any) -> None:
    logger.info(f"configmap {name}: {type}")
