"""Turns a Pod into what CRI wants: PodSandboxConfig, ContainerConfig, LinuxContainerResources (pure).

Labels and annotations are upstream's, so that the same containers make sense to crictl, cadvisor and a later kubelet.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cri_api.v1 import api_pb2 as cri

from minik.agent.kubelet import quantities, security
from minik.agent.kubelet import runtime_types as names
from minik.agent.kubelet.env import expand
from minik.agent.kubelet.etc_files import DNS
from minik.agent.kubelet.runtime_types import Image
from minik.api.types import Obj

_PROPAGATION = {
    "None": cri.PROPAGATION_PRIVATE,
    "HostToContainer": cri.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": cri.PROPAGATION_BIDIRECTIONAL,
}
_PROTOCOLS = {"TCP": cri.TCP, "UDP": cri.UDP, "SCTP": cri.SCTP}


@dataclass(frozen=True, slots=True)
class ContainerMount:
    """One bind mount of a container."""

    container_path: str
    host_path: str
    read_only: bool = False
    recursive_read_only: bool = False
    propagation: str = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What of the node goes into every configuration."""

    seccomp_root: Path
    seccomp_default: bool
    cpu_cfs_quota: bool
    memory_capacity: int
    cgroup_v2: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """Everything about one container that is not in the Pod's spec."""

    attempt: int
    restart_count: int
    environment: Mapping[str, str]
    mounts: Sequence[ContainerMount]
    devices: Sequence[tuple[str, str]]  # (host path, container path)
    image_ref: str
    image: Image | None
    target_id: str = ""  # of an ephemeral container


def container_hash(container: Obj) -> str:
    """Changes when a running container no longer is what the spec says (upstream: name and image)."""
    content = orjson.dumps({"name": container["name"], "image": container.get("image", "")})
    return hashlib.blake2s(content, digest_size=4).hexdigest()


def pod_log_directory(root: Path, pod: Obj) -> Path:
    metadata = pod["metadata"]
    return root / f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"


def log_path(container_name: str, restart_count: int) -> str:
    """Relative to the Pod's log directory."""
    return f"{container_name}/{restart_count}.log"


def sandbox_config(
    pod: Obj, *, attempt: int, hostname: str, dns: DNS, log_directory: Path, cgroup_parent: str, host: HostSettings
) -> Any:
    """A PodSandboxConfig."""
    metadata, spec = pod["metadata"], pod["spec"]
    labels = {
        **(metadata.get("labels") or {}),
        names.POD_NAME_LABEL: metadata["name"],
        names.POD_NAMESPACE_LABEL: metadata["namespace"],
        names.POD_UID_LABEL: metadata["uid"],
    }
    config = cri.PodSandboxConfig(
        metadata=cri.PodSandboxMetadata(
            name=metadata["name"], uid=metadata["uid"], namespace=metadata["namespace"], attempt=attempt
        ),
        hostname="" if spec.get("hostNetwork") else hostname,
        log_directory=str(log_directory),
        dns_config=cri.DNSConfig(servers=dns.servers, searches=dns.searches, options=dns.options),
        port_mappings=_port_mappings(pod),
        labels=labels,
        annotations=metadata.get("annotations") or {},
    )
    linux = config.linux
    linux.cgroup_parent = cgroup_parent
    context = security.sandbox_context(pod, seccomp_root=host.seccomp_root, seccomp_default=host.seccomp_default)
    linux.security_context.CopyFrom(context)
    for sysctl in (spec.get("securityContext") or {}).get("sysctls") or ():
        linux.sysctls[sysctl["name"].replace("/", ".")] = sysctl["value"]
    return config


def _port_mappings(pod: Obj) -> list[Any]:
    """Host ports, for the portmap CNI plugin; Pods on the host's network need none."""
    if pod["spec"].get("hostNetwork"):
        return []
    mappings = []
    for container in quantities.all_containers(pod):
        for port in container.get("ports") or ():
            mappings.append(
                cri.PortMapping(
                    protocol=_PROTOCOLS[port.get("protocol") or "TCP"],
                    container_port=port["containerPort"],
                    host_port=port.get("hostPort") or 0,
                    host_ip=port.get("hostIP") or "",
                )
            )
    return mappings


def container_config(pod: Obj, container: Obj, plan: ContainerPlan, host: HostSettings) -> Any:
    """A ContainerConfig."""
    metadata = pod["metadata"]
    command = [expand(word, plan.environment) for word in container.get("command") or ()]
    args = [expand(word, plan.environment) for word in container.get("args") or ()]
    config = cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name=container["name"], attempt=plan.attempt),
        image=cri.ImageSpec(image=plan.image_ref, user_specified_image=container.get("image", "")),
        command=command,
        args=args,
        working_dir=container.get("workingDir") or "",
        labels={
            names.CONTAINER_NAME_LABEL: container["name"],
            names.POD_NAME_LABEL: metadata["name"],
            names.POD_NAMESPACE_LABEL: metadata["namespace"],
            names.POD_UID_LABEL: metadata["uid"],
        },
        annotations=_annotations(pod, container, plan.restart_count),
        log_path=log_path(container["name"], plan.restart_count),
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        mounts=[_mount(mount) for mount in plan.mounts],
        devices=[cri.Device(host_path=outer, container_path=inner, permissions="mrw") for outer, inner in plan.devices],
    )
    config.envs.extend(_key_value(name, value) for name, value in plan.environment.items())
    config.linux.resources.CopyFrom(container_resources(pod, container, host))
    config.linux.security_context.CopyFrom(
        security.container_context(
            pod,
            container,
            plan.image,
            seccomp_root=host.seccomp_root,
            seccomp_default=host.seccomp_default,
            target_id=plan.target_id,
        )
    )
    return config


def _key_value(name: str, value: str) -> Any:
    return cri.KeyValue(key=name, value=value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _annotations(pod: Obj, container: Obj, restart_count: int) -> dict[str, str]:
    grace = pod["spec"].get("terminationGracePeriodSeconds")
    annotations = {
        names.HASH_ANNOTATION: container_hash(container),
        names.RESTART_COUNT_ANNOTATION: str(restart_count),
        names.MESSAGE_PATH_ANNOTATION: container.get("terminationMessagePath") or "",
        names.MESSAGE_POLICY_ANNOTATION: container.get("terminationMessagePolicy") or "",
    }
    if grace is not None:
        annotations[names.CONTAINER_GRACE_ANNOTATION] = str(grace)
    pre_stop = (container.get("lifecycle") or {}).get("preStop")
    if pre_stop:
        annotations[names.PRE_STOP_ANNOTATION] = orjson.dumps(pre_stop).decode()
    if container.get("ports"):
        annotations[names.PORTS_ANNOTATION] = orjson.dumps(container["ports"]).decode()
    return annotations


def _mount(mount: ContainerMount) -> Any:
    return cri.Mount(
        container_path=mount.container_path,
        host_path=mount.host_path,
        readonly=mount.read_only,
        recursive_read_only=mount.recursive_read_only,
        propagation=_PROPAGATION[mount.propagation],
    )


def container_resources(pod: Obj, container: Obj, host: HostSettings) -> Any:
    """A LinuxContainerResources."""
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    cpu_request = requests.get("cpu", limits.get("cpu", 0) if "cpu" not in requests else 0)
    result = cri.LinuxContainerResources(
        cpu_shares=quantities.cpu_shares(quantities.milli(cpu_request)),
        memory_limit_in_bytes=quantities.value(limits.get("memory", 0)),
        oom_score_adj=quantities.oom_score_adj(pod, container, host.memory_capacity),
    )
    if host.cpu_cfs_quota:
        result.cpu_period = quantities.PERIOD
        result.cpu_quota = quantities.cpu_quota(quantities.milli(limits.get("cpu", 0)))
    for size, limit in quantities.hugepage_limits(container):
        result.hugepage_limits.append(cri.HugepageLimit(page_size=size, limit=limit))
    if host.cgroup_v2:
        result.unified["memory.oom.group"] = "1"
    return result
