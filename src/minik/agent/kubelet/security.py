"""Security contexts: from the Pod's words to the runtime's (pure).

A container's securityContext wins over the Pod's, field by field.
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
"""

from pathlib import Path
from typing import Any

from cri_api.v1 import api_pb2 as cri

from minik.agent.kubelet.runtime_types import Image
from minik.api.types import Obj

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
_INHERITED = (
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "seLinuxOptions",
    "seccompProfile",
    "appArmorProfile",
)


class NonRootError(Exception):
    """runAsNonRoot cannot be kept: the container waits in CreateContainerConfigError."""


def effective_context(pod: Obj, container: Obj) -> Obj:
    """The container's securityContext with what it inherits from the Pod."""
    outer, inner = pod["spec"].get("securityContext") or {}, container.get("securityContext") or {}
    inherited = {name: outer[name] for name in _INHERITED if outer.get(name) is not None}
    return {**inherited, **{name: value for name, value in inner.items() if value is not None}}


def check_non_root(pod: Obj, container: Obj, image: Image | None) -> None:
    """Raises NonRootError with upstream's text."""
    context = effective_context(pod, container)
    if not context.get("runAsNonRoot"):
        return
    metadata = pod["metadata"]
    where = f'(pod: "{metadata["name"]}_{metadata["namespace"]}({metadata["uid"]})", container: {container["name"]})'
    user = context.get("runAsUser")
    if user is not None:
        if user == 0:
            raise NonRootError(f"container's runAsUser breaks non-root policy {where}")
        return
    if image is None:
        return
    if image.username:
        raise NonRootError(
            f"container has runAsNonRoot and image has non-numeric user ({image.username}), "
            f"cannot verify user is non-root {where}"
        )
    if image.uid in (None, 0):
        raise NonRootError(f"container has runAsNonRoot and image will run as root {where}")


def namespace_options(pod: Obj, target_id: str = "") -> Any:
    spec = pod["spec"]
    pid = cri.CONTAINER
    if spec.get("hostPID"):
        pid = cri.NODE
    elif spec.get("shareProcessNamespace"):
        pid = cri.POD
    options = cri.NamespaceOption(
        network=cri.NODE if spec.get("hostNetwork") else cri.POD,
        pid=pid,
        ipc=cri.NODE if spec.get("hostIPC") else cri.POD,
    )
    if target_id:
        options.pid, options.target_id = cri.TARGET, target_id
    return options


def container_context(
    pod: Obj, container: Obj, image: Image | None, *, seccomp_root: Path, seccomp_default: bool, target_id: str = ""
) -> Any:
    """A LinuxContainerSecurityContext."""
    context = effective_context(pod, container)
    result = cri.LinuxContainerSecurityContext(
        privileged=bool(context.get("privileged")),
        readonly_rootfs=bool(context.get("readOnlyRootFilesystem")),
        no_new_privs=context.get("allowPrivilegeEscalation") is False,
        namespace_options=namespace_options(pod, target_id),
        supplemental_groups=supplemental_groups(pod),
        seccomp=seccomp_profile(context, seccomp_root, seccomp_default),
    )
    _set_user(result, context, image)
    pod_context = pod["spec"].get("securityContext") or {}
    if pod_context.get("supplementalGroupsPolicy") == "Strict":
        result.supplemental_groups_policy = cri.Strict
    capabilities = context.get("capabilities") or {}
    if capabilities:
        result.capabilities.add_capabilities.extend(capabilities.get("add") or ())
        result.capabilities.drop_capabilities.extend(capabilities.get("drop") or ())
    if context.get("procMount") != "Unmasked" and not result.privileged:
        result.masked_paths.extend(MASKED_PATHS)
        result.readonly_paths.extend(READONLY_PATHS)
    apparmor = context.get("appArmorProfile")
    if apparmor and apparmor_enabled():
        result.apparmor.CopyFrom(_profile(apparmor["type"], apparmor.get("localhostProfile", "")))
    if context.get("seLinuxOptions"):
        result.selinux_options.CopyFrom(cri.SELinuxOption(**context["seLinuxOptions"]))
    return result


def _set_user(result: Any, context: Obj, image: Image | None) -> None:
    if context.get("runAsUser") is not None:
        result.run_as_user.value = context["runAsUser"]
    elif image is not None and image.uid is not None:
        result.run_as_user.value = image.uid
    elif image is not None and image.username:
        result.run_as_username = image.username
    if context.get("runAsGroup") is not None:
        result.run_as_group.value = context["runAsGroup"]


def sandbox_context(pod: Obj, *, seccomp_root: Path, seccomp_default: bool) -> Any:
    """A LinuxSandboxSecurityContext; the sandbox is privileged when one of its containers is."""
    context = pod["spec"].get("securityContext") or {}
    result = cri.LinuxSandboxSecurityContext(
        privileged=is_privileged(pod),
        namespace_options=namespace_options(pod),
        supplemental_groups=supplemental_groups(pod),
        seccomp=cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault),
    )
    if context.get("runAsUser") is not None:
        result.run_as_user.value = context["runAsUser"]
    if context.get("runAsGroup") is not None and context.get("runAsUser") is not None:
        result.run_as_group.value = context["runAsGroup"]
    if context.get("seLinuxOptions"):
        result.selinux_options.CopyFrom(cri.SELinuxOption(**context["seLinuxOptions"]))
    return result


def is_privileged(pod: Obj) -> bool:
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or ()), *spec["containers"], *(spec.get("ephemeralContainers") or ())]
    return any((container.get("securityContext") or {}).get("privileged") for container in containers)


def supplemental_groups(pod: Obj) -> list[int]:
    context = pod["spec"].get("securityContext") or {}
    groups = list(context.get("supplementalGroups") or ())
    if context.get("fsGroup") is not None:
        groups.append(context["fsGroup"])
    return groups


def seccomp_profile(context: Obj, root: Path, runtime_default: bool) -> Any:
    """A SecurityProfile; without any profile the runtime runs unconfined unless --seccomp-default."""
    profile = context.get("seccompProfile")
    if profile is None:
        kind = "RuntimeDefault" if runtime_default else "Unconfined"
        return _profile(kind, "")
    localhost = str(root / profile["localhostProfile"]) if profile.get("localhostProfile") else ""
    return _profile(profile["type"], localhost)


def _profile(kind: str, localhost: str) -> Any:
    types = {
        "RuntimeDefault": cri.SecurityProfile.RuntimeDefault,
        "Unconfined": cri.SecurityProfile.Unconfined,
        "Localhost": cri.SecurityProfile.Localhost,
    }
    return cri.SecurityProfile(profile_type=types[kind], localhost_ref=localhost if kind == "Localhost" else "")


def apparmor_enabled() -> bool:
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def forbidden_sysctl(pod: Obj, allowed_unsafe: tuple[str, ...]) -> str:
    """The first sysctl that this node does not allow, or ""."""
    for sysctl in (pod["spec"].get("securityContext") or {}).get("sysctls") or ():
        name = sysctl["name"].replace("/", ".")
        if name in SAFE_SYSCTLS or any(_matches(name, pattern) for pattern in allowed_unsafe):
            continue
        return str(sysctl["name"])
    return ""


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
