"""Validation of a pod's spec, in Pods and in pod templates, in upstream's order.

Everything of some size stands in a module of its own; here are the small fields and the order.
Rules: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.container_validation import (
    PodContext,
    validate_containers,
    validate_ephemeral_containers,
    validate_init_containers,
)
from minik.api.groups.core.environment_validation import validate_file_key_volumes
from minik.api.groups.core.resources_validation import validate_pod_level_resources, validate_requirements
from minik.api.groups.core.scheduling_validation import (
    validate_affinity,
    validate_scheduling_gates,
    validate_tolerations,
    validate_topology_spread,
)
from minik.api.groups.core.security_context_validation import validate_pod_security_context
from minik.api.groups.core.volumes_validation import validate_volumes
from minik.api.groups.core.windows_validation import containers_with_paths, validate_host_process, validate_os
from minik.api.ip_validation import validate_ip
from minik.api.label_selector_validation import validate_labels
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required, too_long

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_NAMESERVERS_MAX, _SEARCHES_MAX, _SEARCH_CHARACTERS_MAX = 3, 32, 2048
_DEADLINE_MAX = 2**31 - 1
_HOSTNAME_MAX = 64


def _validate_choice(value: str, choices: Sequence[str], path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    return [] if value in choices else [not_supported(path, value, choices)]


def _validate_resource_claims(claims: Sequence[Obj], path: str, *, is_mirror: bool) -> list[FieldError]:
    if is_mirror:
        return [forbidden("[]", "static pods do not support resource claims") for _ in claims]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at, name = f"{path}[{index}]", claim.get("name", "")
        if not name:
            errors.append(required(f"{at}.name"))
        elif name in seen:
            errors.append(duplicate(f"{at}.name", name))
        else:
            errors += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
            seen.add(name)
        given = [key for key in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(key) is not None]
        if len(given) != 1:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            if given:
                text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid_value(at, go_value(claim, "PodResourceClaim"), text))
        for key in given:
            errors += [invalid_value(f"{at}.{key}", claim[key], text) for text in names.dns_subdomain(claim[key])]
    return errors


def _validate_host_network_ports(spec: Obj, path: str, *, is_pod: bool) -> list[FieldError]:
    if not spec.get("hostNetwork"):
        return []
    errors: list[FieldError] = []
    for index, container in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort", 0)
            if (is_pod or host) and host != port.get("containerPort", 0):
                text = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid_value(f"{path}[{index}].ports[{number}].hostPort", host, text))
    return errors


def _validate_dns_config(spec: Obj, path: str) -> list[FieldError]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", text)]
    if config is None:
        return []
    errors: list[FieldError] = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > _NAMESERVERS_MAX:
        text = f"must not have more than {_NAMESERVERS_MAX} nameservers"
        errors.append(invalid_value(f"{path}.nameservers", servers, text))
    for index, server in enumerate(servers):
        errors += validate_ip(server, f"{path}.nameservers[{index}]")
    errors += _validate_searches(searches, f"{path}.searches")
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            errors.append(required(f"{path}.options[{index}]", "must not be empty"))
    return errors


def _validate_searches(searches: list[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(searches) > _SEARCHES_MAX:
        errors.append(invalid_value(path, searches, f"must not have more than {_SEARCHES_MAX} search paths"))
    if len(" ".join(searches)) > _SEARCH_CHARACTERS_MAX:
        text = f"must not have more than {_SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list"
        errors.append(invalid_value(path, searches, text))
    for index, search in enumerate(searches):
        if search != ".":
            name = search.removesuffix(".")
            complaints = names.dns_subdomain_with_underscore(name)
            errors += [invalid_value(f"{path}[{index}]", name, text) for text in complaints]
    return errors


def _validate_host_users(spec: Obj, path: str) -> list[FieldError]:
    """A user namespace of its own does not go with the host's others, nor with block devices (KEP-127)."""
    if spec.get("hostUsers") is not False:
        return []
    text = "when `hostUsers` is false"
    shared = {"hostNetwork": "hostNetwork", "hostPID": "HostPID", "hostIPC": "HostIPC"}  # upstream's spelling
    errors = [forbidden(f"{path}.{shown}", text) for key, shown in shared.items() if spec.get(key)]
    return errors + [
        forbidden(f"{at}.volumeDevices", text)
        for container, at in containers_with_paths(spec, path)
        if container.get("volumeDevices")
    ]


def _validate_host_aliases(aliases: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, alias in enumerate(aliases):
        errors += validate_ip(alias.get("ip", ""), f"{path}[{index}].ip")
        for number, name in enumerate(alias.get("hostnames") or ()):
            at = f"{path}[{index}].hostnames[{number}]"
            errors += [invalid_value(at, name, text) for text in names.dns_subdomain(name)]
    return errors


def _validate_names(spec: Obj, path: str) -> list[FieldError]:
    """Names of other objects, deadline, hostname."""
    errors: list[FieldError] = []
    for key in ("serviceAccountName", "nodeName"):
        if spec.get(key):
            errors += [invalid_value(f"{path}.{key}", spec[key], text) for text in names.dns_subdomain(spec[key])]
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _DEADLINE_MAX:
        text = names.range_error(1, _DEADLINE_MAX)
        errors.append(invalid_value(f"{path}.activeDeadlineSeconds", deadline, text))
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            errors += [invalid_value(f"{path}.{key}", spec[key], text) for text in names.dns_label(spec[key])]
    return errors


def _validate_hostname_override(spec: Obj, path: str) -> list[FieldError]:
    override = spec.get("hostnameOverride")
    if override is None:
        return []
    errors = [
        forbidden(path, f"may not be specified when {key} is true")
        for key in ("setHostnameAsFQDN", "hostNetwork")
        if spec.get(key)
    ]
    if len(override.encode()) > _HOSTNAME_MAX:
        errors.append(too_long(path, _HOSTNAME_MAX))
    return errors + [invalid_value(path, override, text) for text in names.dns_subdomain(override)]


def _validate_classes(spec: Obj, path: str) -> list[FieldError]:
    """Priority and runtime class, preemption, overhead."""
    errors: list[FieldError] = []
    for key in ("priorityClassName", "runtimeClassName"):
        name = spec.get(key)
        if name if key == "priorityClassName" else name is not None:
            errors += [invalid_value(f"{path}.{key}", name, text) for text in names.dns_subdomain(name or "")]
    if spec.get("preemptionPolicy") is not None:
        errors += _validate_choice(spec["preemptionPolicy"], _PREEMPTION_POLICIES, f"{path}.preemptionPolicy")
    if spec.get("overhead") is not None:
        errors += validate_requirements({"limits": spec["overhead"]}, f"{path}.overhead")
    return errors


def validate_pod_spec(
    spec: Obj, path: str, *, pod_name: str = "", is_pod: bool = False, is_mirror: bool = False
) -> list[FieldError]:
    """`pod_name` is that of the Pod (claims of ephemeral volumes are named after it), "" for templates.

    `is_mirror`: the Pod is the shadow of a static one.
    """
    errors: list[FieldError] = []
    if spec.get("terminationGracePeriodSeconds") is None:
        errors.append(required(f"{path}.terminationGracePeriodSeconds"))
    volumes, found = validate_volumes(spec.get("volumes") or (), f"{path}.volumes", pod_name=pod_name, is_pod=is_pod)
    errors += found
    context = PodContext.of(spec, volumes, is_pod=is_pod)
    containers = spec.get("containers") or []
    claims = spec.get("resourceClaims") or ()
    errors += _validate_resource_claims(claims, f"{path}.resourceClaims", is_mirror=is_mirror)
    errors += validate_containers(containers, context, f"{path}.containers")
    init = spec.get("initContainers") or ()
    errors += validate_init_containers(init, containers, context, f"{path}.initContainers")
    errors += validate_ephemeral_containers(spec, context, f"{path}.ephemeralContainers")
    errors += validate_pod_level_resources(spec, context.claim_names, f"{path}.resources")
    errors += _validate_host_network_ports(spec, f"{path}.containers", is_pod=is_pod)
    errors += _validate_choice(spec.get("restartPolicy", ""), RESTART_POLICIES, f"{path}.restartPolicy")
    errors += _validate_choice(spec.get("dnsPolicy", ""), _DNS_POLICIES, f"{path}.dnsPolicy")
    errors += validate_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    errors += validate_pod_security_context(spec, f"{path}.securityContext")
    errors += validate_affinity(spec.get("affinity"), f"{path}.affinity")
    errors += _validate_dns_config(spec, f"{path}.dnsConfig")
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        name = gate.get("conditionType", "")
        at = f"{path}.readinessGates[{index}].conditionType"
        errors += [invalid_value(at, name, text) for text in names.qualified_name(name)]
    errors += validate_scheduling_gates(spec.get("schedulingGates") or (), f"{path}.schedulingGates")
    constraints = spec.get("topologySpreadConstraints") or ()
    errors += validate_topology_spread(constraints, f"{path}.topologySpreadConstraints")
    errors += validate_host_process(spec, path)
    errors += _validate_host_users(spec, path)
    errors += _validate_hostname_override(spec, f"{path}.hostnameOverride")
    errors += _validate_names(spec, path)
    errors += validate_tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    errors += _validate_host_aliases(spec.get("hostAliases") or (), f"{path}.hostAliases")
    errors += _validate_classes(spec, path)
    errors += validate_os(spec, path)
    return errors + validate_file_key_volumes(spec, path)
