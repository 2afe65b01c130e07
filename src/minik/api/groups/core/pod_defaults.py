"""Defaults of a pod's spec, for Pods and for the pod templates of every workload kind.

`default_pod_template` serves templates; `default_pod_spec_only_for_pods` adds what only a Pod itself gets, because
new defaults inside templates would change the hash of every stored workload.
Source of the values: the field descriptions of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from minik.api.groups.core.pod_level_resources import default_pod_level_resources, round_up
from minik.api.groups.core.volume_claim_defaults import default_claim_spec
from minik.api.types import Obj

_MODE = 0o644
_TOKEN_SECONDS = 3600

_DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)

# Volume sources of long-gone cloud and storage vendors still have defaults of their own.
_VOLUME_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "secret": {"defaultMode": _MODE},
    "configMap": {"defaultMode": _MODE},
    "downwardAPI": {"defaultMode": _MODE},
    "projected": {"defaultMode": _MODE},
    "hostPath": {"type": ""},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}
_PROBE_FIELDS = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_OLD_ANNOTATIONS = frozenset(
    f"pod.{stage}.kubernetes.io/{name}"
    for stage in ("alpha", "beta")
    for name in ("init-containers", "init-container-statuses")
)
_SPEC_FIELDS = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
}


def _fill(obj: Obj, defaults: Mapping[str, Any]) -> None:
    for key, value in defaults.items():
        if obj.get(key) in (None, "", 0) and obj.get(key) is not False:
            obj[key] = value


def _set_missing(obj: Obj, defaults: Mapping[str, Any]) -> None:
    for key, value in defaults.items():
        if obj.get(key) is None:
            obj[key] = value


def image_tag(image: str) -> str:
    """The tag of an image reference, `latest` when there is neither tag nor digest; "" for what is no reference."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        return ""
    return match["tag"] or ("" if match["digest"] else "latest")


def pull_policy(image: str) -> str:
    return "Always" if image_tag(image) == "latest" else "IfNotPresent"


def _default_field_ref(holder: Obj | None) -> None:
    if holder and holder.get("fieldRef") is not None and not holder["fieldRef"].get("apiVersion"):
        holder["fieldRef"]["apiVersion"] = "v1"


def default_volume_source(source: Obj) -> None:
    """The source of a volume of a Pod or PersistentVolume (which shares most of the sources)."""
    for kind, fields in _VOLUME_FIELDS.items():
        if source.get(kind) is not None:
            blank = _fill if kind in ("rbd", "scaleIO", "iscsi") else _set_missing
            blank(source[kind], fields)
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)


def _default_projection(projection: Obj) -> None:
    for item in (projection.get("downwardAPI") or {}).get("items") or ():
        _default_field_ref(item)
    token = projection.get("serviceAccountToken")
    if token is not None and token.get("expirationSeconds") is None:
        token["expirationSeconds"] = _TOKEN_SECONDS


def default_volume(volume: Obj) -> None:
    if all(value is None for key, value in volume.items() if key != "name"):
        volume["emptyDir"] = {}
    default_volume_source(volume)
    for projection in (volume.get("projected") or {}).get("sources") or ():
        _default_projection(projection)
    image = volume.get("image")
    if image is not None and not image.get("pullPolicy"):
        image["pullPolicy"] = pull_policy(image.get("reference", ""))
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if template is not None:
        default_claim_spec(template.setdefault("spec", {}))
        _round_resources(template["spec"])


def _default_handler(handler: Obj | None) -> None:
    if not handler:
        return
    if handler.get("httpGet") is not None:
        _fill(handler["httpGet"], {"path": "/", "scheme": "HTTP"})
    if handler.get("grpc") is not None:
        _set_missing(handler["grpc"], {"service": ""})


def _round_resources(holder: Obj) -> None:
    """The limits and requests of whatever has `resources`."""
    resources = holder.get("resources")
    if resources:
        for which in ("limits", "requests"):
            if resources.get(which):
                round_up(resources[which])


def default_container(container: Obj) -> None:
    """A container of any of the three kinds."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    _fill(container, {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
    _round_resources(container)
    for port in container.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        _default_field_ref(source)
        if source.get("fileKeyRef") is not None:
            _set_missing(source["fileKeyRef"], {"optional": False})
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(kind) is not None:
            _default_handler(container[kind])
            _fill(container[kind], _PROBE_FIELDS)
    hooks = container.get("lifecycle") or {}
    for kind in ("postStart", "preStop"):
        _default_handler(hooks.get(kind))


def containers_of(spec: Obj) -> Iterator[Obj]:
    """Init, normal and ephemeral containers."""
    return chain(spec.get("initContainers") or (), spec.get("containers") or (), spec.get("ephemeralContainers") or ())


def default_pod_spec(spec: Obj) -> None:
    """What Pods and pod templates have in common."""
    _fill(spec, _SPEC_FIELDS)
    _set_missing(spec, {"securityContext": {}, "terminationGracePeriodSeconds": 30})
    # serviceAccount is the old name of serviceAccountName; both are kept alike.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if spec.get("overhead"):
        round_up(spec["overhead"])
    _round_resources(spec)
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    for container in containers_of(spec):
        default_container(container)


def _drop_old_annotations(obj: Obj) -> None:
    """What init containers once were, of Pods and pod templates."""
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations")
    if annotations and not _OLD_ANNOTATIONS.isdisjoint(annotations):
        kept = {key: text for key, text in annotations.items() if key not in _OLD_ANNOTATIONS}
        metadata["annotations"] = kept
        if not kept:
            del metadata["annotations"]


def default_pod_template(template: Obj) -> None:
    """A PodTemplateSpec: `spec.template` of workloads, `template` of PodTemplate."""
    _drop_old_annotations(template)
    default_pod_spec(template.setdefault("spec", {}))


def _default_requests(container: Obj) -> None:
    resources = container.get("resources") or {}
    if resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def _match_addresses(status: Obj) -> None:
    """podIP is the first of podIPs; of a client that knows only one of the two, the other follows."""
    first, addresses = status.get("podIP"), status.get("podIPs")
    if first and (not addresses or addresses[0].get("ip") != first):
        status["podIPs"] = [{"ip": first}]
    elif addresses and not first and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]


def _default_status(status: Obj) -> None:
    _match_addresses(status)
    _round_resources(status)
    for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(kind) or ():
            if container.get("allocatedResources"):
                round_up(container["allocatedResources"])
            _round_resources(container)
    if status.get("allocatedResources"):
        round_up(status["allocatedResources"])


def default_pod(pod: Obj) -> None:
    """Strategy.default of Pods."""
    spec = pod.setdefault("spec", {})
    _drop_old_annotations(pod)
    if pod.get("status"):
        _default_status(pod["status"])
    default_pod_spec(spec)
    _set_missing(spec, {"enableServiceLinks": True})
    for container in chain(spec.get("containers") or (), spec.get("initContainers") or ()):
        _default_requests(container)
        for port in (container.get("ports") or ()) if spec.get("hostNetwork") else ():
            _fill(port, {"hostPort": port.get("containerPort", 0)})
    default_pod_level_resources(spec)
