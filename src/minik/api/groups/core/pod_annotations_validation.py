"""Annotations of pods that mean something, and their agreement with the fields that replaced them."""

from collections.abc import Mapping

from minik.api.groups.core.path_validation import validate_descending
from minik.api.groups.core.pod_scheduling_fields import APPARMOR_PREFIX
from minik.api.groups.core.windows_validation import containers_with_paths
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value

MIRROR = "kubernetes.io/config.mirror"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_PREFIX = "container.seccomp.security.alpha.kubernetes.io/"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def _validate_seccomp(profile: str, path: str) -> list[FieldError]:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith("localhost/"):
        return validate_descending(profile.removeprefix("localhost/"), path)
    return [invalid_value(path, profile, "must be a valid seccomp profile")]


def _validate_apparmor(key: str, profile: str, spec: Obj, path: str) -> list[FieldError]:
    name, at = key.removeprefix(APPARMOR_PREFIX), f"{path}[{key}]"
    errors: list[FieldError] = []
    if all(container.get("name") != name for container, _ in containers_with_paths(spec, "")):
        errors.append(invalid_value(at, name, "container not found"))
    if profile not in ("", "runtime/default", "unconfined") and not profile.startswith("localhost/"):
        errors.append(invalid_value(at, profile, f'invalid AppArmor profile name: "{profile}"'))
    return errors


def _is_cost(text: str) -> bool:
    """An int32 as Go's ParseInt takes it, but with neither a plus nor a leading zero."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (len(text) > 1 and text[0] == "0"):
        return False
    return -(2**31) <= int(text) < 2**31


def validate_pod_annotations(
    annotations: Mapping[str, str], spec: Obj, path: str, old: Mapping[str, str] | None = None
) -> list[FieldError]:
    """`old`: what an update replaces; a deletion cost that was wrong already may stay wrong."""
    errors: list[FieldError] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid_value(f"{path}[{MIRROR}]", annotations[MIRROR], text))
    cost = annotations.get(_DELETION_COST)
    if cost is not None and not _is_cost(cost) and _is_cost((old or {}).get(_DELETION_COST, "0")):
        errors.append(invalid_value(f"{path}[{_DELETION_COST}]", cost, "must be a 32bit integer"))
    if _SECCOMP_POD in annotations:
        errors += _validate_seccomp(annotations[_SECCOMP_POD], f"{path}.{_SECCOMP_POD}")
    for key, value in annotations.items():
        if key.startswith(_SECCOMP_PREFIX):
            errors += _validate_seccomp(value, f"{path}.{key}")
    for key, value in annotations.items():
        if key.startswith(APPARMOR_PREFIX):
            errors += _validate_apparmor(key, value, spec, path)
    return errors


def validate_annotations_update(new: Obj, old: Obj) -> list[FieldError]:
    """Some annotations stay as the Pod was made. `new` and `old` are Pods."""
    path = "metadata.annotations"
    after: Mapping[str, str] = new["metadata"].get("annotations") or {}
    before: Mapping[str, str] = old["metadata"].get("annotations") or {}
    errors: list[FieldError] = []
    for key, value in before.items():
        if after.get(key) == value:
            continue
        if key.startswith(APPARMOR_PREFIX):
            errors.append(forbidden(f"{path}[{key}]", "may not remove or update AppArmor annotations"))
        if key == MIRROR:
            errors.append(forbidden(f"{path}[{key}]", "may not remove or update mirror pod annotation"))
    for key in after:
        if key in before:
            continue
        if key.startswith(APPARMOR_PREFIX):
            errors.append(forbidden(f"{path}[{key}]", "may not add AppArmor annotations"))
        if key == MIRROR:
            errors.append(forbidden(f"{path}[{key}]", "may not add mirror pod annotation"))
    return errors + validate_pod_annotations(after, new["spec"], path, before)


def _differs(annotation: str, profile: Obj, default: tuple[str, ...]) -> str:
    """The field in which annotation and profile disagree: "type", "localhostProfile" or ""."""
    kind = profile.get("type")
    if kind == "Unconfined":
        return "" if annotation == "unconfined" else "type"
    if kind == "RuntimeDefault":
        return "" if annotation in default else "type"
    if kind == "Localhost":
        if not annotation.startswith("localhost/"):
            return "type"
        same = annotation.removeprefix("localhost/") == profile.get("localhostProfile")
        return "" if same else "localhostProfile"
    return ""


def _compare(annotation: str | None, profile: Obj | None, what: str, path: str) -> list[FieldError]:
    if annotation is None or profile is None:
        return []
    default = ("runtime/default", "docker/default") if what == "seccomp" else ("runtime/default",)
    field = _differs(annotation, profile, default)
    if not field:
        return []
    noun = "type" if field == "type" else "profile"
    return [forbidden(f"{path}.{field}", f"{what} {noun} in annotation and field must match")]


def validate_profiles_match(annotations: Mapping[str, str], spec: Obj, path: str) -> list[FieldError]:
    """Where both an annotation and its field are given, they agree."""
    of_pod = spec.get("securityContext") or {}
    at = f"{path}.securityContext.seccompProfile"
    errors = _compare(annotations.get(_SECCOMP_POD), of_pod.get("seccompProfile"), "seccomp", at)
    for container, container_path in containers_with_paths(spec, path):
        own = (container.get("securityContext") or {}).get("seccompProfile")
        annotation = annotations.get(_SECCOMP_PREFIX + container.get("name", ""))
        errors += _compare(annotation, own, "seccomp", f"{container_path}.securityContext.seccompProfile")
    if (spec.get("os") or {}).get("name") == "windows":
        return errors
    for container, container_path in containers_with_paths(spec, path):
        own = (container.get("securityContext") or {}).get("appArmorProfile") or of_pod.get("appArmorProfile")
        annotation = annotations.get(APPARMOR_PREFIX + container.get("name", ""))
        errors += _compare(annotation, own, "apparmor", f"{container_path}.securityContext.appArmorProfile")
    return errors
