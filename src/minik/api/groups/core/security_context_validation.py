"""Validation of security contexts of Pods and containers.

Rules: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

import re

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.path_validation import validate_descending
from minik.api.groups.core.windows_validation import validate_windows_options
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_long

_ID_MAX = 2**31 - 1
_ID_TEXT = names.range_error(0, _ID_MAX)
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_APPARMOR_PATH_MAX = 4095
_SYSCTL_MAX = 253
_SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"({_SYSCTL_SEGMENT}[\./])*{_SYSCTL_SEGMENT}"
_IPC_SYSCTLS = ("kernel/shm", "kernel/msg", "fs/mqueue/")


def _validate_ids(context: Obj, keys: tuple[str, ...], path: str) -> list[FieldError]:
    return [
        invalid_value(f"{path}.{key}", context[key], _ID_TEXT)
        for key in keys
        if context.get(key) is not None and not 0 <= context[key] <= _ID_MAX
    ]


def _validate_seccomp(profile: Obj | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    errors: list[FieldError] = []
    if not kind:
        errors.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in _PROFILE_TYPES:
        errors.append(not_supported(f"{path}.type", kind, _PROFILE_TYPES))
    if kind == "Localhost":
        if local is None:
            errors.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
        else:
            errors += validate_descending(local, f"{path}.localhostProfile")
    elif local is not None:
        text = "can only be set when seccomp type is Localhost"
        errors.append(invalid_value(f"{path}.localhostProfile", go_value(profile, "SeccompProfile"), text))
    return errors


def _validate_apparmor(profile: Obj | None, path: str) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    at = f"{path}.localhostProfile"
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    if kind not in _PROFILE_TYPES:
        return [not_supported(f"{path}.type", kind, _PROFILE_TYPES)]
    if kind != "Localhost":
        text = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [invalid_value(at, local, text)]
    if local is None:
        return [required(at, "must be set when AppArmor type is Localhost")]
    errors: list[FieldError] = []
    if local != local.strip():
        errors.append(invalid_value(at, local, "must not be padded with whitespace"))
    elif not local:
        errors.append(required(at, "must be set when AppArmor type is Localhost"))
    return [*errors, too_long(at, _APPARMOR_PATH_MAX)] if len(local) > _APPARMOR_PATH_MAX else errors


def _sysctl_namespace(name: str) -> str:
    slashed = name.replace(".", "/")
    if slashed.startswith("net/"):
        return "net"
    return "ipc" if slashed == "kernel/sem" or slashed.startswith(_IPC_SYSCTLS) else ""


def _validate_sysctls(context: Obj, spec: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        at, name = f"{path}[{index}].name", sysctl.get("name", "")
        if not name:
            errors.append(required(at))
        elif len(name) > _SYSCTL_MAX or not re.fullmatch(_SYSCTL, name):
            text = f"must have at most {_SYSCTL_MAX} characters and match regex ^{_SYSCTL}$"
            errors.append(invalid_value(at, name, text))
        elif name in seen:
            errors.append(duplicate(at, name))
        namespace = _sysctl_namespace(name)
        if namespace == "net" and spec.get("hostNetwork"):
            errors.append(invalid_value(at, name, "may not be specified when 'hostNetwork' is true"))
        elif namespace == "ipc" and spec.get("hostIPC"):
            errors.append(invalid_value(at, name, "may not be specified when 'hostIPC' is true"))
        seen.add(name)
    return errors


def validate_pod_security_context(spec: Obj, path: str) -> list[FieldError]:
    """`path` is that of `securityContext`."""
    context = spec.get("securityContext")
    if context is None:
        return []
    errors = _validate_ids(context, ("fsGroup", "runAsUser", "runAsGroup"), path)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        if not 0 <= group <= _ID_MAX:
            errors.append(invalid_value(f"{path}.supplementalGroups[{index}]", group, _ID_TEXT))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid_value(f"{path}.shareProcessNamespace", True, text))
    errors += _validate_sysctls(context, spec, f"{path}.sysctls")
    errors += _validate_choice(context, "fsGroupChangePolicy", ("Always", "OnRootMismatch"), path)
    errors += _validate_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    errors += validate_windows_options(context.get("windowsOptions"), f"{path}.windowsOptions")
    errors += _validate_apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")
    errors += _validate_choice(context, "supplementalGroupsPolicy", ("Merge", "Strict"), path)
    # MountOption is behind a feature gate that is off (SELinuxMount).
    return errors + _validate_choice(context, "seLinuxChangePolicy", ("Recursive",), path)


def _validate_choice(context: Obj, key: str, choices: tuple[str, ...], path: str) -> list[FieldError]:
    value = context.get(key)
    return [] if value is None or value in choices else [not_supported(f"{path}.{key}", value, choices)]


def validate_container_security_context(context: Obj | None, path: str, *, host_users: bool) -> list[FieldError]:
    if context is None:
        return []
    errors = _validate_ids(context, ("runAsUser", "runAsGroup"), path)
    mount = context.get("procMount")
    errors += _validate_choice(context, "procMount", ("Default", "Unmasked"), path)
    if host_users and mount == "Unmasked":
        errors.append(invalid_value(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    errors += _validate_seccomp(context.get("seccompProfile"), f"{path}.seccompProfile")
    if context.get("allowPrivilegeEscalation") is False:
        shown = go_value(context, "SecurityContext")
        if context.get("privileged"):
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(invalid_value(path, shown, text))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            errors.append(invalid_value(path, shown, text))
    errors += validate_windows_options(context.get("windowsOptions"), f"{path}.windowsOptions")
    return errors + _validate_apparmor(context.get("appArmorProfile"), f"{path}.appArmorProfile")
