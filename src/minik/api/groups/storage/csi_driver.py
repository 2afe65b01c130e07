"""CSIDriver (storage.k8s.io/v1): what a CSI driver wants of Kubernetes.

Behaviour: https://kubernetes-csi.github.io/docs/csi-driver-object.html
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required

_MIN_SECONDS, _MAX_SECONDS, _MIN_UPDATE_PERIOD = 600, 1 << 32, 10
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MODES = ("Persistent", "Ephemeral")
_DEFAULTS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}
_COLUMNS = (
    NAME,
    Column(
        "AttachRequired",
        type="boolean",
        description=(
            "attachRequired indicates this CSI volume driver requires an attach operation (because it implements "
            "the CSI ControllerPublishVolume() method), and that the Kubernetes attach detach controller should "
            "call the attach volume interface which checks the volumeattachment status and waits until the volume "
            "is attached before proceeding to mounting. The CSI external-attacher coordinates with CSI volume "
            "driver and updates the volumeattachment status when the attach operation is complete. If the value "
            "is specified to false, the attach operation will be skipped. Otherwise the attach operation will be "
            "called.\n\nThis field is immutable."
        ),
    ),
    Column(
        "PodInfoOnMount",
        type="boolean",
        description=(
            "podInfoOnMount indicates this CSI volume driver requires additional pod information (like podName, "
            "podUID, etc.) during mount operations, if set to true. If set to false, pod information will not be "
            "passed on mount. Default is false.\n\nThe CSI driver specifies podInfoOnMount as part of driver "
            "deployment. If true, Kubelet will pass pod information as VolumeContext in the CSI "
            "NodePublishVolume() calls. The CSI driver is responsible for parsing and validating the information "
            "passed in as VolumeContext.\n\nThe following VolumeContext will be passed if podInfoOnMount is set to "
            'true. This list might grow, but the prefix will be used. "csi.storage.k8s.io/pod.name": pod.Name '
            '"csi.storage.k8s.io/pod.namespace": pod.Namespace "csi.storage.k8s.io/pod.uid": string(pod.UID) '
            '"csi.storage.k8s.io/ephemeral": "true" if the volume is an ephemeral inline volume\n'
            "                                "
            'defined by a CSIVolumeSource, otherwise "false"\n\n"csi.storage.k8s.io/ephemeral" is a new feature in '
            'Kubernetes 1.16. It is only required for drivers which support both the "Persistent" and "Ephemeral" '
            "VolumeLifecycleMode. Other drivers can leave pod info disabled and/or ignore this field. As "
            "Kubernetes 1.15 doesn't support this field, drivers can only support one mode when deployed on such "
            "a cluster and the deployment determines which mode that is, for example via a command line parameter "
            "of the driver.\n\nThis field was immutable in Kubernetes < 1.29 and now is mutable."
        ),
    ),
    Column(
        "StorageCapacity",
        type="boolean",
        description=(
            "storageCapacity indicates that the CSI volume driver wants pod scheduling to consider the storage "
            "capacity that the driver deployment will report by creating CSIStorageCapacity objects with capacity "
            "information, if set to true.\n\nThe check can be enabled immediately when deploying a driver. In that "
            "case, provisioning new volumes with late binding will pause until the driver deployment has "
            "published some suitable CSIStorageCapacity object.\n\nAlternatively, the driver can be deployed with "
            "the field unset or false and it can be flipped later when storage capacity information has been "
            "published.\n\nThis field was immutable in Kubernetes <= 1.22 and now is mutable."
        ),
    ),
    Column(
        "TokenRequests",
        description=(
            "tokenRequests indicates the CSI driver needs pods' service account tokens it is mounting volume for "
            "to do necessary authentication. Kubelet will pass the tokens in VolumeContext in the CSI "
            "NodePublishVolume calls. The CSI driver should parse and validate the following VolumeContext: "
            '"csi.storage.k8s.io/serviceAccount.tokens": {\n  "<audience>": {\n    "token": <token>,\n    '
            '"expirationTimestamp": <expiration timestamp in RFC3339>,\n  },\n  ...\n}\n\nNote: Audience in each '
            "TokenRequest should be different and at most one token is empty string. To receive a new token after "
            "expiry, RequiresRepublish can be used to trigger NodePublishVolume periodically."
        ),
    ),
    Column(
        "RequiresRepublish",
        type="boolean",
        description=(
            "requiresRepublish indicates the CSI driver wants `NodePublishVolume` being periodically called to "
            "reflect any possible change in the mounted volume. This field defaults to false.\n\nNote: After a "
            "successful initial NodePublishVolume call, subsequent calls to NodePublishVolume should only update "
            "the contents of the volume. New mount points will not be seen by a running container."
        ),
    ),
    Column(
        "Modes",
        description=(
            "volumeLifecycleModes defines what kind of volumes this CSI volume driver supports. The default if "
            'the list is empty is "Persistent", which is the usage defined by the CSI specification and '
            'implemented in Kubernetes via the usual PV/PVC mechanism.\n\nThe other mode is "Ephemeral". In this '
            "mode, volumes are defined inline inside the pod spec with CSIVolumeSource and their lifecycle is "
            "tied to the lifecycle of that pod. A driver has to be aware of this because it is only going to get "
            "a NodePublishVolume call for such a volume.\n\nFor more information about implementing this mode, see "
            "https://kubernetes-csi.github.io/docs/ephemeral-local-volumes.html A driver can support one or more "
            "of these modes and more modes may be added in the future.\n\nThis field is beta. This field is "
            "immutable."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    requests = spec.get("tokenRequests")
    return [
        obj["metadata"]["name"],
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        ",".join(each.get("audience", "") for each in requests) if requests else "<unset>",
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        age(obj, now),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    for key, value in _DEFAULTS.items():
        if spec.get(key) is None:
            spec[key] = value
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def _forget_scaling(new: Obj, old: Obj | None = None) -> None:
    """preventPodSchedulingIfMissing is for the feature VolumeLimitScaling, which v1.36 leaves off."""
    if ((old or {}).get("spec") or {}).get("preventPodSchedulingIfMissing") is None:
        new["spec"].pop("preventPodSchedulingIfMissing", None)


def _prepare_update(new: Obj, old: Obj) -> None:
    """The generation counts changes only; a new driver has none."""
    _forget_scaling(new, old)
    if new["spec"] != old["spec"]:
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _warn(new: Obj, _old: Obj | None) -> list[str]:
    spec = new["spec"]
    if not spec.get("tokenRequests") or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    return [
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
        "possible logging of tokens in volume attributes"
    ]


def _validate_tokens(requests: list[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, request in enumerate(requests):
        at, audience, seconds = f"{path}[{index}]", request.get("audience", ""), request.get("expirationSeconds")
        if audience in seen:
            errors.append(duplicate(f"{at}.audience", audience))
            continue
        seen.add(audience)
        if seconds is None:
            continue
        if seconds < _MIN_SECONDS:
            text = "may not specify a duration less than 10 minutes"
            errors.append(invalid_value(f"{at}.expirationSeconds", seconds, text))
        if seconds > _MAX_SECONDS:
            text = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid_value(f"{at}.expirationSeconds", seconds, text))
    return errors


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    errors = [
        required(f"spec.{key}") for key in ("attachRequired", "podInfoOnMount", "storageCapacity") if key not in spec
    ]
    policy = spec.get("fsGroupPolicy")
    if policy is None:
        errors.append(required("spec.fsGroupPolicy"))
    elif policy not in _GROUP_POLICIES:
        errors.append(not_supported("spec.fsGroupPolicy", policy, _GROUP_POLICIES))
    errors += _validate_tokens(spec.get("tokenRequests") or [], "spec.tokenRequests")
    errors += [
        not_supported("spec.volumeLifecycleModes", mode, _MODES)
        for mode in spec.get("volumeLifecycleModes") or ()
        if mode not in _MODES
    ]
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < _MIN_UPDATE_PERIOD:
        text = f"must be greater than or equal to {_MIN_UPDATE_PERIOD} seconds"
        errors.append(invalid_value("spec.nodeAllocatableUpdatePeriodSeconds", period, text))
    in_secrets = spec.get("serviceAccountTokenInSecrets")
    if in_secrets is not None and not spec.get("tokenRequests"):
        text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid_value("spec.serviceAccountTokenInSecrets", in_secrets, text))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new)
    # Upstream spells the path in its own way.
    for key, shown in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")):
        errors += validate_immutable(new["spec"].get(key), old["spec"].get(key), f"spec.{shown}")
    return errors


RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSIDriver",
        plural="csidrivers",
        singular="csidriver",
        type_name="io.k8s.api.storage.v1.CSIDriver",
        namespaced=False,
        strategy=Strategy(
            default=_default,
            prepare_create=_forget_scaling,
            prepare_update=_prepare_update,
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            unconditional_update=False,
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="hL6j/rwBV5w=",
    ),
)
