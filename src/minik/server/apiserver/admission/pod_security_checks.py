"""The Pod Security Standards: what the levels baseline and restricted forbid, and how they say it.

Pure. https://kubernetes.io/docs/concepts/security/pod-security-standards/ , texts as in pod-security-admission/policy.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.server.apiserver.pod_references import containers

LATEST = 1000  # as a minor version
_OWN_USERS_SINCE = 35

Violation = tuple[str, str]
"""(reason, detail); the detail may be empty."""

Find = Callable[[Obj, int], Violation | None]
"""(Pod, minor version) -> what is wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    """`since` is the minor version it came with; `overrides` a baseline check that a restricted one contains."""

    find: Find
    since: int = 0
    overrides: str = ""


def violations(level: str, version: int, pod: Obj) -> list[Violation]:
    """What keeps the Pod from the level, in upstream's order."""
    if level == "privileged":
        return []
    restricted = RESTRICTED if level == "restricted" else {}
    overridden = {check.overrides for check in restricted.values() if check.since <= version}
    checks = [check for name, check in BASELINE.items() if name not in overridden]
    found = (check.find(pod, version) for check in (*checks, *restricted.values()) if check.since <= version)
    return [violation for violation in found if violation]


def _security(holder: Obj) -> Obj:
    return holder.get("securityContext") or {}


def _pod_security(pod: Obj) -> Obj:
    return _security(pod.get("spec") or {})


def _is_windows(pod: Obj) -> bool:
    return (((pod.get("spec") or {}).get("os")) or {}).get("name") == "windows"


def _has_own_users(pod: Obj, version: int) -> bool:
    """Whether root in the Pod is nobody outside of it (KEP-127)."""
    return version >= _OWN_USERS_SINCE and (pod.get("spec") or {}).get("hostUsers") is False


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _containers(names: Sequence[str]) -> str:
    return f"{_plural('container', 'containers', len(names))} {_quoted(names)}"


def _setters(on_pod: bool, names: Sequence[str]) -> str:
    return " and ".join(["pod"] * on_pod + [_containers(names)] * bool(names))


def _names(pod: Obj, bad: Callable[[Obj], bool]) -> list[str]:
    return [container["name"] for container in containers(pod) if bad(container)]


# -- baseline


def _app_armor(pod: Obj, _: int) -> Violation | None:
    def bad_type(holder: Obj) -> str:
        kind = (_security(holder).get("appArmorProfile") or {}).get("type", "")
        return "" if kind in ("", "RuntimeDefault", "Localhost") else kind

    on_pod = bad_type(pod.get("spec") or {})
    names = _names(pod, lambda container: bool(bad_type(container)))
    setters = [_setters(bool(on_pod), names)] if on_pod or names else []
    values = sorted(({bad_type(container) for container in containers(pod)} | {on_pod}) - {""})
    annotations = _app_armor_annotations(pod)
    if annotations:
        setters.append(_plural("annotation", "annotations", len(annotations)))
        values += annotations
    if not setters:
        return None
    title = _plural("forbidden AppArmor profile", "forbidden AppArmor profiles", len(values))
    return title, f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(values)}"


def _app_armor_annotations(pod: Obj) -> list[str]:
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    return sorted(
        f'{key}="{value}"'
        for key, value in (pod["metadata"].get("annotations") or {}).items()
        if key.startswith(prefix) and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )


_DEFAULT_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip


def _added(container: Obj, allowed: Iterable[str]) -> set[str]:
    return set((_security(container).get("capabilities") or {}).get("add") or ()) - set(allowed)


def _forbidden_additions(pod: Obj, allowed: Iterable[str]) -> str:
    names = _names(pod, lambda container: bool(_added(container, allowed)))
    if not names:
        return ""
    added = sorted(set().union(*(_added(container, allowed) for container in containers(pod))))
    return f"{_containers(names)} must not include {_quoted(added)} in securityContext.capabilities.add"


def _capabilities_baseline(pod: Obj, _: int) -> Violation | None:
    detail = _forbidden_additions(pod, _DEFAULT_CAPABILITIES)
    return ("non-default capabilities", detail) if detail else None


def _host_namespaces(pod: Obj, _: int) -> Violation | None:
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if (pod.get("spec") or {}).get(field)]
    return ("host namespaces", ", ".join(used)) if used else None


def _host_path_volumes(pod: Obj, _: int) -> Violation | None:
    names = [volume["name"] for volume in (pod.get("spec") or {}).get("volumes") or () if "hostPath" in volume]
    return ("hostPath volumes", f"{_plural('volume', 'volumes', len(names))} {_quoted(names)}") if names else None


def _host_ports(pod: Obj, _: int) -> Violation | None:
    def ports(container: Obj) -> list[int]:
        return [port["hostPort"] for port in container.get("ports") or () if port.get("hostPort")]

    names = _names(pod, lambda container: bool(ports(container)))
    if not names:
        return None
    numbers = sorted({str(number) for container in containers(pod) for number in ports(container)})
    ports_used = _plural("hostPort", "hostPorts", len(numbers))
    return "hostPort", f"{_containers(names)} {_plural('uses', 'use', len(names))} {ports_used} {', '.join(numbers)}"


def _probe_hosts(pod: Obj, _: int) -> Violation | None:
    def hosts(container: Obj) -> Iterator[str]:
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
        for handler in (*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")):
            for action in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(action) or {}).get("host", "")
                if host:
                    yield host

    names = sorted(_names(pod, lambda container: any(hosts(container))))
    if not names:
        return None
    found = sorted({host for container in containers(pod) for host in hosts(container)})
    title = "probe or lifecycle host"
    return title, (
        f"{_containers(names)} {_plural('uses', 'use', len(names))} {_plural(title, title + 's', len(found))} "
        f"{_quoted(found)}"
    )


def _privileged(pod: Obj, _: int) -> Violation | None:
    names = _names(pod, lambda container: _security(container).get("privileged") is True)
    return ("privileged", f"{_containers(names)} must not set securityContext.privileged=true") if names else None


def _proc_mount_baseline(pod: Obj, version: int) -> Violation | None:
    return None if _has_own_users(pod, version) else _proc_mount(pod, version)


def _proc_mount(pod: Obj, _: int) -> Violation | None:
    def kind(container: Obj) -> str:
        mount: str = _security(container).get("procMount") or "Default"
        return "" if mount == "Default" else mount

    names = _names(pod, lambda container: bool(kind(container)))
    if not names:
        return None
    kinds = sorted({kind(container) for container in containers(pod)} - {""})
    return "procMount", f"{_containers(names)} must not set securityContext.procMount to {_quoted(kinds)}"


# SELinux type -> the minor version that allows it
_SELINUX_TYPES = {"": 0, "container_t": 0, "container_init_t": 0, "container_kvm_t": 0, "container_engine_t": 31}


def _selinux(pod: Obj, version: int) -> Violation | None:
    allowed = {kind for kind, since in _SELINUX_TYPES.items() if since <= version}

    def options(holder: Obj) -> Obj:
        return _security(holder).get("seLinuxOptions") or {}

    def bad(holder: Obj) -> bool:
        given = options(holder)
        return given.get("type", "") not in allowed or bool(given.get("user")) or bool(given.get("role"))

    spec = pod.get("spec") or {}
    names = _names(pod, bad)
    if not bad(spec) and not names:
        return None
    given = [options(spec), *(options(container) for container in containers(pod))]
    types = sorted({item.get("type", "") for item in given} - allowed)
    data = [f"{_plural('type', 'types', len(types))} {_quoted(types)}"] if types else []
    data += [f"{field} may not be set" for field in ("user", "role") if any(item.get(field) for item in given)]
    setters = _setters(bad(spec), names)
    return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def _seccomp_type(holder: Obj) -> str:
    kind: str = (_security(holder).get("seccompProfile") or {}).get("type", "")
    return kind


def _forbidden_seccomp(pod: Obj) -> str:
    def bad(holder: Obj) -> bool:
        return _seccomp_type(holder) not in ("", "RuntimeDefault", "Localhost")

    spec = pod.get("spec") or {}
    names = _names(pod, bad)
    if not bad(spec) and not names:
        return ""
    values = sorted({_seccomp_type(holder) for holder in (spec, *containers(pod)) if bad(holder)})
    return f"{_setters(bad(spec), names)} must not set securityContext.seccompProfile.type to {_quoted(values)}"


def _seccomp_baseline(pod: Obj, _: int) -> Violation | None:
    detail = _forbidden_seccomp(pod)
    return ("seccompProfile", detail) if detail else None


# sysctl -> the minor version that allows it
_SYSCTLS = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}


def _sysctls(pod: Obj, version: int) -> Violation | None:
    names = [item.get("name", "") for item in _pod_security(pod).get("sysctls") or ()]
    bad = [name for name in names if _SYSCTLS.get(name, version + 1) > version]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def _windows_host_process(pod: Obj, _: int) -> Violation | None:
    def uses(holder: Obj) -> bool:
        return (_security(holder).get("windowsOptions") or {}).get("hostProcess") is True

    names, on_pod = _names(pod, uses), uses(pod.get("spec") or {})
    if not names and not on_pod:
        return None
    return "hostProcess", f"{_setters(on_pod, names)} must not set securityContext.windowsOptions.hostProcess=true"


# -- restricted


def _allow_privilege_escalation(pod: Obj, version: int) -> Violation | None:
    if version >= 25 and _is_windows(pod):
        return None
    names = _names(pod, lambda container: _security(container).get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    detail = f"{_containers(names)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", detail


def _capabilities_restricted(pod: Obj, version: int) -> Violation | None:
    if version >= 25 and _is_windows(pod):
        return None
    undropped = _names(
        pod, lambda container: "ALL" not in ((_security(container).get("capabilities") or {}).get("drop") or ())
    )
    parts = [f'{_containers(undropped)} must set securityContext.capabilities.drop=["ALL"]'] if undropped else []
    additions = _forbidden_additions(pod, ("NET_BIND_SERVICE",))
    parts += [additions] if additions else []
    return ("unrestricted capabilities", "; ".join(parts)) if parts else None


_ALLOWED_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


def _restricted_volumes(pod: Obj, _: int) -> Violation | None:
    def kind(volume: Obj) -> str:
        return next((key for key in volume if key != "name"), "unknown")

    bad = [volume for volume in (pod.get("spec") or {}).get("volumes") or () if kind(volume) not in _ALLOWED_VOLUMES]
    if not bad:
        return None
    kinds = sorted({kind(volume) for volume in bad})
    names = [volume["name"] for volume in bad]
    return "restricted volume types", (
        f"{_plural('volume', 'volumes', len(names))} {_quoted(names)} {_plural('uses', 'use', len(names))} restricted "
        f"volume {_plural('type', 'types', len(kinds))} {_quoted(kinds)}"
    )


def _run_as_non_root(pod: Obj, version: int) -> Violation | None:
    if _has_own_users(pod, version):
        return None
    of_pod = _pod_security(pod).get("runAsNonRoot")
    explicit = _names(pod, lambda container: _security(container).get("runAsNonRoot") is False)
    if of_pod is False or explicit:
        setters = _setters(of_pod is False, explicit)
        return "runAsNonRoot != true", f"{setters} must not set securityContext.runAsNonRoot=false"
    implicit = _names(pod, lambda container: _security(container).get("runAsNonRoot") is None)
    if of_pod is None and implicit:
        return "runAsNonRoot != true", f"pod or {_containers(implicit)} must set securityContext.runAsNonRoot=true"
    return None


def _run_as_user(pod: Obj, version: int) -> Violation | None:
    if _has_own_users(pod, version):
        return None
    names = _names(pod, lambda container: _security(container).get("runAsUser") == 0)
    on_pod = _pod_security(pod).get("runAsUser") == 0
    return ("runAsUser=0", f"{_setters(on_pod, names)} must not set runAsUser=0") if names or on_pod else None


def _seccomp_restricted(pod: Obj, version: int) -> Violation | None:
    if version >= 25 and _is_windows(pod):
        return None
    explicit = _forbidden_seccomp(pod)
    if explicit:
        return "seccompProfile", explicit
    implicit = _names(pod, lambda container: not _seccomp_type(container))
    if implicit and not _seccomp_type(pod.get("spec") or {}):
        wanted = 'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        return "seccompProfile", f"pod or {_containers(implicit)} must set {wanted}"
    return None


BASELINE: dict[str, Check] = {
    "appArmorProfile": Check(_app_armor),
    "capabilities_baseline": Check(_capabilities_baseline),
    "hostNamespaces": Check(_host_namespaces),
    "hostPathVolumes": Check(_host_path_volumes),
    "hostPorts": Check(_host_ports),
    "hostProbesAndHostLifecycle": Check(_probe_hosts, since=34),
    "privileged": Check(_privileged),
    "procMount": Check(_proc_mount_baseline),
    "seLinuxOptions": Check(_selinux),
    "seccompProfile_baseline": Check(_seccomp_baseline, since=19),
    "sysctls": Check(_sysctls),
    "windowsHostProcess": Check(_windows_host_process),
}
RESTRICTED: dict[str, Check] = {
    "allowPrivilegeEscalation": Check(_allow_privilege_escalation, since=8),
    "capabilities_restricted": Check(_capabilities_restricted, since=22, overrides="capabilities_baseline"),
    "procMount_restricted": Check(_proc_mount, since=_OWN_USERS_SINCE, overrides="procMount"),
    "restrictedVolumes": Check(_restricted_volumes, overrides="hostPathVolumes"),
    "runAsNonRoot": Check(_run_as_non_root),
    "runAsUser": Check(_run_as_user, since=23),
    "seccompProfile_restricted": Check(_seccomp_restricted, since=19, overrides="seccompProfile_baseline"),
}
