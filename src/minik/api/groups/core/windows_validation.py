"""What only Windows pods may have, and what they may not (`spec.os.name`, windowsOptions, hostProcess).

Rules: https://kubernetes.io/docs/concepts/windows/intro/#compatibility-v1-pod-spec-containers
"""

import re
from collections.abc import Iterator

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_GMSA_KIB = 64
_DOMAIN_MAX, _USER_MAX = 256, 104
_NETBIOS = re.compile(r'[^\\/:\*\?"<>|\.][^\\/:\*\?"<>|]{0,14}')
_DNS_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DNS = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_USER_BAD = re.compile(r'["/\\:;|=,\+\*\?<>@\[\]]')
_LINUX_ONLY = "cannot be set for a windows pod"
# In upstream's order: fields of the security context, and those of the spec that it once contained.
_POD_FIELDS = (
    "securityContext.appArmorProfile",
    "securityContext.seLinuxOptions",
    "hostUsers",
    "hostPID",
    "hostIPC",
    "securityContext.seccompProfile",
    "securityContext.fsGroup",
    "securityContext.fsGroupChangePolicy",
    "securityContext.sysctls",
    "shareProcessNamespace",
    "securityContext.runAsUser",
    "securityContext.runAsGroup",
    "securityContext.supplementalGroups",
    "securityContext.supplementalGroupsPolicy",
    "securityContext.seLinuxChangePolicy",
)
_CONTAINER_FIELDS = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def containers_with_paths(spec: Obj, path: str) -> Iterator[tuple[Obj, str]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield container, f"{path}.{kind}[{index}]"


def _user_complaints(name: str) -> list[str]:
    """What is wrong with a name, which may be preceded by a domain and a backslash."""
    if not name:
        return ["runAsUserName cannot be an empty string"]
    if re.search(r"[\x00-\x1f\x7f]", name):
        return ["runAsUserName cannot contain control characters"]
    domain, backslash, user = name.rpartition("\\")
    if "\\" in domain:
        return ["runAsUserName cannot contain more than one backslash"]
    complaints: list[str] = []
    if len(domain) >= _DOMAIN_MAX:
        complaints.append(f"runAsUserName's Domain length must be under {_DOMAIN_MAX} characters")
    if backslash and not (_NETBIOS.fullmatch(domain) or _DNS.fullmatch(domain)):
        complaints.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        complaints.append("runAsUserName's User cannot be empty")
    elif len(user) > _USER_MAX:
        complaints.append(f"runAsUserName's User length must not be longer than {_USER_MAX} characters")
    if re.fullmatch(r"[\. ]+", user):
        complaints.append("runAsUserName's User cannot contain only periods or spaces")
    if _USER_BAD.search(user):
        complaints.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return complaints


def validate_windows_options(options: Obj | None, path: str) -> list[FieldError]:
    if options is None:
        return []
    errors: list[FieldError] = []
    name = options.get("gmsaCredentialSpecName")
    if name is not None:
        errors += [invalid_value(f"{path}.gmsaCredentialSpecName", name, text) for text in names.dns_subdomain(name)]
    credential = options.get("gmsaCredentialSpec")
    if credential is not None and not credential:
        text = "gmsaCredentialSpec cannot be an empty string"
        errors.append(invalid_value(f"{path}.gmsaCredentialSpec", credential, text))
    elif credential is not None and len(credential.encode()) > _GMSA_KIB * 1024:
        text = f"gmsaCredentialSpec size must be under {_GMSA_KIB} KiB"
        errors.append(invalid_value(f"{path}.gmsaCredentialSpec", credential, text))
    user = options.get("runAsUserName")
    if user is not None:
        errors += [invalid_value(f"{path}.runAsUserName", user, text) for text in _user_complaints(user)]
    return errors


def _host_process(holder: Obj) -> bool | None:
    options = (holder.get("securityContext") or {}).get("windowsOptions") or {}
    value: bool | None = options.get("hostProcess")
    return value


def validate_host_process(spec: Obj, path: str) -> list[FieldError]:
    """All containers are hostProcess containers or none is, and then the host's network is used."""
    errors: list[FieldError] = []
    of_pod = _host_process(spec)
    total = counted = 0
    for container, at in containers_with_paths(spec, path):
        total += 1
        own = _host_process(container)
        if own is not None and of_pod is not None and own != of_pod:
            shown = "true" if of_pod else "false"
            text = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.append(invalid_value(f"{at}.securityContext.windowsOptions.hostProcess", own, text))
        counted += bool(of_pod if own is None else own)
    if not counted:
        return errors
    if counted != total:
        text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid_value(path, "", text))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid_value(f"{path}.hostNetwork", False, text))
    return errors


def _is_set(spec: Obj, field: str) -> bool:
    holder, _, key = field.rpartition(".")
    value = (spec.get(holder) or {}).get(key) if holder else spec.get(key)
    return value is not None and value is not False if key in ("hostPID", "hostIPC") else value is not None


def validate_os(spec: Obj, path: str) -> list[FieldError]:
    """`spec.os` and the fields that do not go with it."""
    if spec.get("os") is None:
        return []
    name = spec["os"].get("name", "")
    if not name:
        return [required(f"{path}.os.name", "cannot be empty")]
    if name == "linux":
        return _validate_linux(spec, path)
    if name == "windows":
        return _validate_windows(spec, path)
    return [not_supported(f"{path}.os", name, ("linux", "windows"))]


def _validate_linux(spec: Obj, path: str) -> list[FieldError]:
    holders = [(spec, path), *containers_with_paths(spec, path)]
    return [
        forbidden(f"{at}.securityContext.windowsOptions", "windows options cannot be set for a linux pod")
        for holder, at in holders
        if (holder.get("securityContext") or {}).get("windowsOptions") is not None
    ]


def _validate_windows(spec: Obj, path: str) -> list[FieldError]:
    errors = [forbidden(f"{path}.{field}", _LINUX_ONLY) for field in _POD_FIELDS if _is_set(spec, field)]
    for container, at in containers_with_paths(spec, path):
        context = container.get("securityContext") or {}
        errors += [
            forbidden(f"{at}.securityContext.{field}", _LINUX_ONLY)
            for field in _CONTAINER_FIELDS
            if context.get(field) is not None
        ]
    return errors
