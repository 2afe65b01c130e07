"""The environment of a container (pure): every source, in upstream's order, with $(VAR) expansion.

Service variables first (they lose to everything else), then envFrom, then env.
https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minik.agent.kubelet.downward import FieldError, NodeFacts, container_named, pod_field, resource_field
from minik.api.types import Obj

_REFERENCE = re.compile(r"\$(\$|\([^)]*\)|.|$)", re.DOTALL)


class EnvError(Exception):
    """The environment cannot be made: the container waits in CreateContainerConfigError with this message."""


@dataclass(frozen=True, slots=True)
class EnvSources:
    """Everything an environment may refer to. A ConfigMap or Secret that does not exist is absent."""

    node: NodeFacts
    pod_ips: Sequence[str] = ()
    config_maps: Mapping[str, Obj] = field(default_factory=dict)
    secrets: Mapping[str, Obj] = field(default_factory=dict)
    services: Sequence[Obj] = ()


def referenced(containers: Iterable[Obj]) -> tuple[set[str], set[str]]:
    """Names of the ConfigMaps and Secrets that these containers' environments use."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for container in containers:
        for source in container.get("envFrom") or ():
            if "configMapRef" in source:
                config_maps.add(source["configMapRef"].get("name", ""))
            if "secretRef" in source:
                secrets.add(source["secretRef"].get("name", ""))
        for variable in container.get("env") or ():
            origin = variable.get("valueFrom") or {}
            if "configMapKeyRef" in origin:
                config_maps.add(origin["configMapKeyRef"].get("name", ""))
            if "secretKeyRef" in origin:
                secrets.add(origin["secretKeyRef"].get("name", ""))
    return config_maps, secrets


def make_environment(pod: Obj, container: Obj, sources: EnvSources) -> dict[str, str]:
    """Name -> value, in the order in which they are set. Raises EnvError."""
    services = service_environment(pod, sources.services)
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        result.update(_from_object(pod, source, sources))
    known = {**services, **result}
    for variable in container.get("env") or ():
        name = variable["name"]
        found: str | None
        if variable.get("valueFrom"):
            found = _from_reference(pod, container, variable["valueFrom"], sources)
        else:
            found = expand(variable.get("value") or "", known)
        if found is None:
            continue
        result[name] = known[name] = found
    return {**result, **{name: text for name, text in services.items() if name not in result}}


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value; unknown names stay as they are, $$ is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        inner = match[1]
        if inner == "$":
            return "$"
        if inner.startswith("(") and inner.endswith(")") and len(inner) > 1:
            return values.get(inner[1:-1], match[0])
        return match[0]

    return _REFERENCE.sub(replace, text) if "$" in text else text


def _from_object(pod: Obj, source: Obj, sources: EnvSources) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    if "configMapRef" in source:
        reference, kind, objects = source["configMapRef"], "configmap", sources.config_maps
    elif "secretRef" in source:
        reference, kind, objects = source["secretRef"], "secret", sources.secrets
    else:
        return {}
    name = reference.get("name", "")
    obj = objects.get(name)
    if obj is None:
        if reference.get("optional"):
            return {}
        raise EnvError(f'{kind} "{name}" not found')
    if kind == "secret":
        data = {key: decode(text) for key, text in (obj.get("data") or {}).items()}
    else:
        data = dict(obj.get("data") or {})
    return {prefix + key: data[key] for key in sorted(data) if _usable(prefix + key)}


def _usable(name: str) -> bool:
    """Any printable ASCII but "=" (RelaxedEnvironmentVariableValidation)."""
    return bool(name) and all(" " <= char <= "~" and char != "=" for char in name)


def decode(text: str) -> str:
    """A Secret's base64 value as the bytes' text; what is no UTF-8 survives as surrogates."""
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def _from_reference(pod: Obj, container: Obj, origin: Obj, sources: EnvSources) -> str | None:
    """None: optional and missing, so the variable is not set."""
    try:
        if "fieldRef" in origin:
            return pod_field(pod, origin["fieldRef"]["fieldPath"], sources.node, sources.pod_ips)
        if "resourceFieldRef" in origin:
            reference = origin["resourceFieldRef"]
            name = reference.get("containerName")
            holder = container_named(pod, name) if name else container
            return resource_field(holder, reference["resource"], reference.get("divisor") or "", sources.node)
    except FieldError as error:
        raise EnvError(str(error)) from error
    if "configMapKeyRef" in origin:
        return _from_key(pod, origin["configMapKeyRef"], "ConfigMap", sources.config_maps)
    if "secretKeyRef" in origin:
        found = _from_key(pod, origin["secretKeyRef"], "Secret", sources.secrets)
        return None if found is None else decode(found)
    return None


def _from_key(pod: Obj, reference: Obj, kind: str, objects: Mapping[str, Obj]) -> str | None:
    name, key = reference.get("name", ""), reference["key"]
    obj = objects.get(name)
    found: Any = None if obj is None else (obj.get("data") or {}).get(key)
    if found is not None:
        return str(found)
    if reference.get("optional"):
        return None
    if obj is None:
        raise EnvError(f'{kind.lower()} "{name}" not found')
    raise EnvError(f"couldn't find key {key} in {kind} {pod['metadata']['namespace']}/{name}")


def service_environment(pod: Obj, services: Sequence[Obj]) -> dict[str, str]:
    """Variables of the services that existed when the container started.

    `kubernetes` of namespace default is always there; the Pod's own namespace only with enableServiceLinks.
    """
    namespace = pod["metadata"]["namespace"]
    links = pod["spec"].get("enableServiceLinks", True) is not False
    chosen: dict[str, Obj] = {}
    for service in services:
        spec, metadata = service["spec"], service["metadata"]
        if spec.get("clusterIP") in (None, "", "None"):
            continue
        if metadata["namespace"] == namespace and (
            links or (namespace == "default" and metadata["name"] == "kubernetes")
        ):
            chosen[metadata["name"]] = service
        elif metadata["namespace"] == "default" and metadata["name"] == "kubernetes":
            chosen.setdefault("kubernetes", service)
    result: dict[str, str] = {}
    for name in sorted(chosen):
        result.update(_service_variables(name, chosen[name]["spec"]))
    return result


def _service_variables(name: str, spec: Obj) -> dict[str, str]:
    ports = spec.get("ports") or ()
    if not ports:
        return {}
    host, stem = spec["clusterIP"], _variable_name(name)
    result = {f"{stem}_SERVICE_HOST": host, f"{stem}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            result[f"{stem}_SERVICE_PORT_{_variable_name(port['name'])}"] = str(port["port"])
    for index, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{_bracket(host)}:{port['port']}"
        link = f"{stem}_PORT_{port['port']}_{protocol}"
        if index == 0:
            result[f"{stem}_PORT"] = url
        result |= {
            link: url,
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": str(port["port"]),
            f"{link}_ADDR": host,
        }
    return result


def _variable_name(name: str) -> str:
    return name.upper().replace("-", "_")


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host
