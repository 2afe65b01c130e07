"""Validation of a pod's volumes.

`validate_volumes` also answers the valid volumes by name, which containers' mounts are checked against.
Rules: https://kubernetes.io/docs/concepts/storage/volumes/
"""

from collections.abc import Mapping, Sequence

from minik.api import names
from minik.api.groups.core.downward_api_validation import validate_downward_file
from minik.api.groups.core.path_validation import validate_key_to_path, validate_mode
from minik.api.groups.core.projected_volume_validation import validate_projected
from minik.api.groups.core.volume_claim_spec_validation import validate_claim_template
from minik.api.groups.core.volume_sources_validation import (
    SHARED_SOURCES,
    Validator,
    required_fields,
    requires,
    validate_csi_driver_name,
    validate_git_repo,
)
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_ISCSI_TEXT = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters "
    "if iscsi.initiatorName is specified."
)


def _validate_empty_dir(source: Obj, path: str) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is None or parse(limit).nanos >= 0:
        return []
    return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def _validate_keys(source: Obj, path: str, name_field: str) -> list[FieldError]:
    errors = required_fields(source, path, fields=(name_field,)) + validate_mode(source, "defaultMode", path)
    for index, item in enumerate(source.get("items") or ()):
        errors += validate_key_to_path(item, f"{path}.items[{index}]")
    return errors


def _validate_secret(source: Obj, path: str) -> list[FieldError]:
    return _validate_keys(source, path, "secretName")


def _validate_config_map(source: Obj, path: str) -> list[FieldError]:
    return _validate_keys(source, path, "name")


def _validate_downward_api(source: Obj, path: str) -> list[FieldError]:
    errors = validate_mode(source, "defaultMode", path)
    for item in source.get("items") or ():
        errors += validate_downward_file(item, path)
    return errors


def _validate_csi(source: Obj, path: str) -> list[FieldError]:
    errors = validate_csi_driver_name(source.get("driver", ""), f"{path}.driver")
    reference = source.get("nodePublishSecretRef")
    if reference is None:
        return errors
    name = reference.get("name", "")
    if not name:
        return [*errors, required(f"{path}.nodePublishSecretRef.name")]
    return errors + [invalid_value(f"{path}.name", name, text) for text in names.dns_subdomain(name)]


def _validate_ephemeral(source: Obj, path: str) -> list[FieldError]:
    template = source.get("volumeClaimTemplate")
    at = f"{path}.volumeClaimTemplate"
    return [required(at)] if template is None else validate_claim_template(template, at)


def validate_pull_policy(policy: str, path: str) -> list[FieldError]:
    if not policy:
        return [required(path)]
    return [] if policy in PULL_POLICIES else [not_supported(path, policy, PULL_POLICIES)]


# In the order upstream looks at them: of two sources the later one is the one too many.
_SOURCES: Mapping[str, tuple[Validator, str]] = {
    "emptyDir": (_validate_empty_dir, "emptyDir"),
    "hostPath": SHARED_SOURCES["hostPath"],
    "gitRepo": (validate_git_repo, "gitRepo"),
    "gcePersistentDisk": SHARED_SOURCES["gcePersistentDisk"],
    "awsElasticBlockStore": SHARED_SOURCES["awsElasticBlockStore"],
    "secret": (_validate_secret, "secret"),
    "nfs": SHARED_SOURCES["nfs"],
    "iscsi": SHARED_SOURCES["iscsi"],
    "glusterfs": SHARED_SOURCES["glusterfs"],
    "flocker": SHARED_SOURCES["flocker"],
    "persistentVolumeClaim": (requires("claimName"), "persistentVolumeClaim"),
    "rbd": SHARED_SOURCES["rbd"],
    "cinder": SHARED_SOURCES["cinder"],
    "cephfs": SHARED_SOURCES["cephfs"],
    "quobyte": SHARED_SOURCES["quobyte"],
    "downwardAPI": (_validate_downward_api, "downwardAPI"),
    "fc": SHARED_SOURCES["fc"],
    "flexVolume": SHARED_SOURCES["flexVolume"],
    "configMap": (_validate_config_map, "configMap"),
    "azureFile": SHARED_SOURCES["azureFile"],
    "vsphereVolume": SHARED_SOURCES["vsphereVolume"],
    "photonPersistentDisk": SHARED_SOURCES["photonPersistentDisk"],
    "portworxVolume": SHARED_SOURCES["portworxVolume"],
    "azureDisk": SHARED_SOURCES["azureDisk"],
    "storageos": SHARED_SOURCES["storageos"],
    "projected": (validate_projected, "projected"),
    "scaleIO": SHARED_SOURCES["scaleIO"],
    "csi": (_validate_csi, "csi"),
    "ephemeral": (_validate_ephemeral, "ephemeral"),
}
# Where upstream's path differs from the field's name.
_TOO_MANY_NAMES = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}


def _validate_portal(volume: Obj, path: str) -> list[FieldError]:
    """With an initiator's name the volume becomes a session of a name of its own, which has to fit."""
    name, source = volume.get("name", ""), volume["iscsi"]
    total = f"{name}:{source.get('targetPortal', '')}"
    if source.get("initiatorName") is None or len(total.encode()) <= 64:
        return []
    return [invalid_value(f"{path}.name", name, _ISCSI_TEXT)]


def _validate_source(volume: Obj, path: str, *, is_pod: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    found = False
    for kind, (validate, shown) in _SOURCES.items():
        source = volume.get(kind)
        if source is None:
            continue
        if found:
            shown = _TOO_MANY_NAMES.get(kind, kind)
            errors.append(forbidden(f"{path}.{shown}", "may not specify more than 1 volume type"))
        else:
            found = True
            errors += validate(source, f"{path}.{shown}")
        if kind == "iscsi":
            errors += _validate_portal(volume, path)
    image = volume.get("image")
    if image is not None and found:
        errors.append(forbidden(f"{path}.image", "may not specify more than 1 volume type"))
    elif image is not None:
        found = True
        if is_pod and not image.get("reference"):
            errors.append(required(f"{path}.image.reference"))
        errors += validate_pull_policy(image.get("pullPolicy", ""), f"{path}.image.pullPolicy")
    return errors if found else [*errors, required(path, "must specify a volume type")]


def _validate_claim_name(volume: Obj, pod_name: str, path: str) -> list[FieldError]:
    """A generic ephemeral volume's claim is named after Pod and volume."""
    name = volume.get("name", "")
    if volume.get("ephemeral") is None or not pod_name or not name:
        return []
    claim = f"{pod_name}-{name}"
    return [invalid_value(f"{path}.name", name, f'PVC name "{claim}": {text}') for text in names.dns_subdomain(claim)]


def validate_volumes(
    volumes: Sequence[Obj], path: str, *, pod_name: str = "", is_pod: bool = False
) -> tuple[dict[str, Obj], list[FieldError]]:
    """The valid volumes by name, and the complaints. `pod_name` is "" in templates and before it is known."""
    errors: list[FieldError] = []
    valid: dict[str, Obj] = {}
    created = {
        f"{pod_name}-{each.get('name', '')}" for each in volumes if pod_name and each.get("ephemeral") is not None
    }
    for index, volume in enumerate(volumes):
        at, name = f"{path}[{index}]", volume.get("name", "")
        found = _validate_source(volume, at, is_pod=is_pod) + _validate_claim_name(volume, pod_name, at)
        if not name:
            found.append(required(f"{at}.name"))
        else:
            found += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
        if name in valid:
            found.append(duplicate(f"{at}.name", name))
        if not found:
            valid[name] = volume
        errors += found
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in created:
            text = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid_value(f"{at}.persistentVolumeClaim.claimName", claim, text))
    return valid, errors
