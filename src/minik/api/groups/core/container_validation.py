"""Validation of the three lists of containers of a pod.

Rules: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from minik.api import names
from minik.api.groups.core.environment_validation import validate_environment, validate_environment_sources
from minik.api.groups.core.mounts_validation import validate_devices, validate_mounts
from minik.api.groups.core.probe_validation import validate_lifecycle, validate_probes
from minik.api.groups.core.resources_validation import validate_requirements
from minik.api.groups.core.security_context_validation import validate_container_security_context
from minik.api.groups.core.volumes_validation import validate_pull_policy
from minik.api.types import Obj
from minik.api.validation import (
    FieldError,
    duplicate,
    forbidden,
    invalid_value,
    not_found,
    not_supported,
    required,
    too_many,
)

PROTOCOLS = ("SCTP", "TCP", "UDP")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESIZE_RESOURCES = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RULES_MAX, _EXIT_CODES_MAX = 20, 255
_EPHEMERAL = "cannot be set for an Ephemeral Container"
# Fields an ephemeral container has but must not use, in Go's order.
_NOT_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


@dataclass(frozen=True, slots=True)
class PodContext:
    """What containers are checked against: facts of their pod."""

    volumes: Mapping[str, Obj]
    claim_names: frozenset[str]
    grace_period: int | None
    restart_policy: str
    host_users: bool
    os_name: str | None
    is_pod: bool

    @classmethod
    def of(cls, spec: Obj, volumes: Mapping[str, Obj], *, is_pod: bool) -> "PodContext":
        claims = frozenset(each["name"] for each in spec.get("resourceClaims") or () if each.get("name"))
        return cls(
            volumes=volumes,
            claim_names=claims,
            grace_period=spec.get("terminationGracePeriodSeconds"),
            restart_policy=spec.get("restartPolicy", ""),
            host_users=spec.get("hostUsers") is not False,
            os_name=(spec.get("os") or {}).get("name") or None,
            is_pod=is_pod,
        )


def _validate_ports(ports: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at, name = f"{path}[{index}]", port.get("name", "")
        complaints = names.port_name(name) if name else []
        errors += [invalid_value(f"{at}.name", name, text) for text in complaints]
        if name and not complaints:
            if name in seen:
                errors.append(duplicate(f"{at}.name", name))
            seen.add(name)
        number, host = port.get("containerPort", 0), port.get("hostPort", 0)
        if not number:
            errors.append(required(f"{at}.containerPort"))
        else:
            errors += [invalid_value(f"{at}.containerPort", number, text) for text in names.port_number(number)]
        if host:
            errors += [invalid_value(f"{at}.hostPort", host, text) for text in names.port_number(host)]
        errors += validate_protocol(port.get("protocol", ""), f"{at}.protocol")
    return errors


def validate_protocol(protocol: str, path: str) -> list[FieldError]:
    if not protocol:
        return [required(path)]
    return [] if protocol in PROTOCOLS else [not_supported(path, protocol, PROTOCOLS)]


def _validate_host_ports(containers: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if key in taken:
                errors.append(duplicate(f"{path}[{index}].ports[{number}].hostPort", key))
            taken.add(key)
    return errors


def _validate_resize_policy(policies: Sequence[Obj], restart_policy: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        resource, restart = policy.get("resourceName", ""), policy.get("restartPolicy", "")
        if resource in seen:
            errors.append(duplicate(f"{path}[{index}]", resource))
        seen.add(resource)
        for value, supported in ((resource, _RESIZE_RESOURCES), (restart, _RESIZE_POLICIES)):
            if not value:
                errors.append(required(path))
            elif value not in supported:
                errors.append(not_supported(path, value, supported))
        if restart_policy == "Never" and restart != "NotRequired":
            text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid_value(path, restart, text))
    return errors


def _validate_restart_rules(container: Obj, path: str) -> list[FieldError]:
    """`restartPolicy` and `restartPolicyRules` of a container (KEP-5307)."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    errors: list[FieldError] = []
    if policy is not None and policy not in _RESTART_POLICIES:
        errors.append(not_supported(f"{path}.restartPolicy", policy, _RESTART_POLICIES))
    if rules and policy is None:
        errors.append(required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"))
    if len(rules) > _RULES_MAX:
        errors.append(too_many(f"{path}.restartPolicyRules", len(rules), _RULES_MAX))
    for index, rule in enumerate(rules):
        errors += _validate_restart_rule(rule, f"{path}.restartPolicyRules[{index}]")
    return errors


def _validate_restart_rule(rule: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    action, codes = rule.get("action", ""), rule.get("exitCodes")
    if action not in ("Restart", "RestartAllContainers"):
        errors.append(not_supported(f"{path}.action", action, ("Restart", "RestartAllContainers")))
    if codes is None:
        return [*errors, required(f"{path}.exitCodes", "must be specified")]
    operator, values = codes.get("operator", ""), codes.get("values") or []
    if operator not in ("In", "NotIn"):
        errors.append(not_supported(f"{path}.exitCodes.operator", operator, ("In", "NotIn")))
    if len(values) > _EXIT_CODES_MAX:
        errors.append(too_many(f"{path}.exitCodes.values", len(values), _EXIT_CODES_MAX))
    return errors


def _validate_container(container: Obj, context: PodContext, path: str) -> list[FieldError]:
    """What is demanded of containers of every kind."""
    name, policy = container.get("name", ""), container.get("terminationMessagePolicy", "")
    errors = [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)] if name else []
    if not name:
        errors.append(required(f"{path}.name"))
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    if not policy:
        errors.append(required(f"{path}.terminationMessagePolicy"))
    elif policy not in _MESSAGE_POLICIES:
        errors.append(not_supported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    errors += _validate_ports(container.get("ports") or (), f"{path}.ports")
    errors += validate_environment(container.get("env") or (), f"{path}.env")
    errors += validate_environment_sources(container.get("envFrom") or (), f"{path}.envFrom")
    errors += validate_mounts(container, context.volumes, f"{path}.volumeMounts")
    errors += validate_devices(container, context.volumes, f"{path}.volumeDevices")
    errors += validate_pull_policy(container.get("imagePullPolicy", ""), f"{path}.imagePullPolicy")
    errors += validate_requirements(container.get("resources") or {}, f"{path}.resources", context.claim_names)
    resize = container.get("resizePolicy") or ()
    errors += _validate_resize_policy(resize, context.restart_policy, f"{path}.resizePolicy")
    return errors + validate_container_security_context(
        container.get("securityContext"), f"{path}.securityContext", host_users=context.host_users
    )


def validate_image_padding(container: Obj, path: str) -> list[FieldError]:
    """Only Pods, not templates: images there may be tokens that are replaced later."""
    image = container.get("image", "")
    if image == image.strip():
        return []
    return [invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace")]


def validate_containers(containers: Sequence[Obj], context: PodContext, path: str) -> list[FieldError]:
    if not containers:
        return [required(path)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, container in enumerate(containers):
        at, name = f"{path}[{index}]", container.get("name", "")
        errors += _validate_container(container, context, at)
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        errors += validate_lifecycle(container, context.grace_period, context.os_name, at)
        errors += validate_probes(container, context.grace_period, at)
        errors += _validate_restart_rules(container, at)
    return errors + _validate_host_ports(containers, path)


def validate_init_containers(
    containers: Sequence[Obj], regular: Sequence[Obj], context: PodContext, path: str
) -> list[FieldError]:
    errors: list[FieldError] = []
    seen = {each.get("name", "") for each in regular}
    for index, container in enumerate(containers):
        at, name = f"{path}[{index}]", container.get("name", "")
        errors += _validate_container(container, context, at)
        rules = _validate_restart_rules(container, at)
        errors += rules if container.get("restartPolicy") is not None else rules[:1]
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        elif name:
            seen.add(name)
        errors += _validate_host_ports([container], path)
        if container.get("restartPolicy") == "Always":
            errors += validate_lifecycle(container, context.grace_period, context.os_name, at)
            errors += validate_probes(container, context.grace_period, at)
            continue
        errors += [
            forbidden(f"{at}.{key}", "may not be set for init containers without restartPolicy=Always")
            for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
            if container.get(key) is not None
        ]
        text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
        errors += [
            invalid_value(f"{at}.resizePolicy[{number}].restartPolicy", policy["restartPolicy"], text)
            for number, policy in enumerate(container.get("resizePolicy") or ())
            if policy.get("restartPolicy") == "RestartContainer"
        ]
    return errors


def validate_ephemeral_containers(spec: Obj, context: PodContext, path: str) -> list[FieldError]:
    others = {each.get("name", "") for kind in ("containers", "initContainers") for each in spec.get(kind) or ()}
    seen = set(others)
    errors: list[FieldError] = []
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        at, name = f"{path}[{index}]", container.get("name", "")
        errors += _validate_container(container, context, at) + validate_image_padding(container, at)
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        target = container.get("targetContainerName", "")
        if target and target not in others:
            errors.append(not_found(f"{at}.targetContainerName", target))
        errors += [
            forbidden(f"{at}.{key}", _EPHEMERAL)
            for key in _NOT_EPHEMERAL
            if container.get(key) is not None and (key != "resources" or container[key])
        ]
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    errors.append(forbidden(f"{at}.volumeMounts[{number}].{key}", _EPHEMERAL))
    return errors
