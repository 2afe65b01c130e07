"""The audiences that the volumes of a Pod want tokens for.

Upstream: podReferencesAudience of plugin/pkg/admission/noderestriction.
"""

from collections.abc import Iterator

from minik.api.types import GVR, Obj
from minik.server.apiserver.objects import Reader

_CLAIMS, _VOLUMES = GVR("", "v1", "persistentvolumeclaims"), GVR("", "v1", "persistentvolumes")
_DRIVERS = GVR("storage.k8s.io", "v1", "csidrivers")


def pod_audiences(pod: Obj, objects: Reader) -> set[str]:
    """ "" stands for the API server's own."""
    found: set[str] = set()
    for volume in pod["spec"].get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                found.add(source["serviceAccountToken"].get("audience") or "")
    for name in _drivers(pod, objects):
        driver = objects.get(_DRIVERS, name)
        requests = ((driver or {}).get("spec") or {}).get("tokenRequests") or ()
        found |= {request.get("audience") or "" for request in requests}
    return found


def _drivers(pod: Obj, objects: Reader) -> Iterator[str]:
    """The CSI drivers that serve the Pod's volumes."""
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("csi") is not None:
            yield volume["csi"].get("driver", "")
            continue
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if volume.get("ephemeral") is not None:
            claim = f"{pod['metadata']['name']}-{volume['name']}"
        if not claim:
            continue
        bound = objects.get(_CLAIMS, claim, pod["metadata"].get("namespace", ""))
        name = ((bound or {}).get("spec") or {}).get("volumeName", "")
        driver = ((objects.get(_VOLUMES, name) if name else None) or {}).get("spec", {}).get("csi")
        if driver is not None:
            yield driver.get("driver", "")
