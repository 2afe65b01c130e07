"""Validation of what kubelets and others report in pods/status."""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.pod_annotations_validation import validate_annotations_update
from minik.api.groups.core.pod_level_resources import resource_list
from minik.api.ip_validation import is_dual_stack, validate_ip
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import (
    INTERNAL,
    FieldError,
    duplicate,
    forbidden,
    invalid_value,
    not_supported,
    required,
    too_long,
)

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_ID_MAX, _MESSAGE_MAX = 2**31 - 1, 1024
_FAMILY_TEXT = "may specify no more than one IP for each IP family"
_STATUSES = {
    "containers": "containerStatuses",
    "initContainers": "initContainerStatuses",
    "ephemeralContainers": "ephemeralContainerStatuses",
}
_GENERATION_TEXT = "must be a non-negative integer"


def _validate_conditions(conditions: Sequence[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, condition in enumerate(conditions):
        at, kind = f"status.conditions[{index}]", condition.get("type", "")
        if condition.get("observedGeneration", 0) < 0:
            errors.append(invalid_value(f"{at}.observedGeneration", condition["observedGeneration"], _GENERATION_TEXT))
        if kind not in _SYSTEM_CONDITIONS:
            errors += [invalid_value(f"{at}.Type", kind, text) for text in names.qualified_name(kind)]
    return errors


def _validate_nominated(nominated: str, before: str, *, is_bound: bool) -> list[FieldError]:
    if not nominated or nominated == before:
        return []
    at = "status.nominatedNodeName"
    errors = [invalid_value(at, nominated, text) for text in names.dns_subdomain(nominated)]
    return [*errors, forbidden(at, "may not be set on pods that are already bound to a node")] if is_bound else errors


def _may_restart(container: Obj, policy: str, exit_code: int) -> bool:
    """By the first rule that matches the exit code, else the container's own policy, else the pod's."""
    own = container.get("restartPolicy")
    for rule in container.get("restartPolicyRules") or () if own else ():
        codes = rule.get("exitCodes") or {}
        if (exit_code in (codes.get("values") or ())) == (codes.get("operator") == "In"):
            return True
    wanted = own or policy
    return wanted == "Always" or (wanted == "OnFailure" and exit_code != 0)


def _validate_transitions(new: Obj, old: Obj, key: str, containers: Sequence[Obj], policy: str) -> list[FieldError]:
    """What ended and is not restarted stays ended."""
    errors: list[FieldError] = []
    alive = {each.get("name") for each in new.get(key) or () if (each.get("state") or {}).get("terminated") is None}
    for index, status in enumerate(old.get(key) or ()):
        terminated = (status.get("state") or {}).get("terminated")
        if terminated is None or status.get("name") not in alive:
            continue
        mine = next((each for each in containers if each.get("name") == status.get("name")), None)
        if mine is None or not _may_restart(mine, policy, terminated.get("exitCode", 0)):
            text = "may not be transitioned to non-terminated state"
            errors.append(forbidden(f"status.{key}[{index}].state", text))
    return errors


def _validate_addresses(status: Obj, before: Obj, key: str) -> list[FieldError]:
    """podIPs and hostIPs: one of a family. What was reported before may stay."""
    addresses = [each.get("ip", "") for each in status.get(key) or ()]
    known = {each.get("ip", "") for each in before.get(key) or ()}
    errors: list[FieldError] = []
    for index, address in enumerate(addresses):
        if address not in known:
            errors += validate_ip(address, f"status.{key}[{index}]")
    if len(addresses) < 2:
        return errors
    wrong = next((number for number, address in enumerate(addresses) if validate_ip(address, "")), None)
    if wrong is not None:
        text = f"failed to check for dual stack with error:invalid IP[{wrong}]: {addresses[wrong]}"
        errors.append(FieldError(INTERNAL, f"status.{key}", "", text))
    if wrong is not None or not is_dual_stack(addresses) or len(addresses) > 2:
        errors.append(invalid_value(f"status.{key}", [{"IP": each} for each in addresses], _FAMILY_TEXT))
    return errors


def _validate_extended_claim(claim: Obj | None, spec: Obj) -> list[FieldError]:
    """The ResourceClaim made for extended resources that devices stand behind (KEP-5004)."""
    if claim is None:
        return []
    path = "status.extendedResourceClaimStatus"
    mappings = claim.get("requestMappings") or []
    errors = [] if mappings else [required(f"{path}.requestMappings", "at least one request mapping is required")]
    by_name = {each.get("name"): each for kind in ("initContainers", "containers") for each in spec.get(kind) or ()}
    seen: set[tuple[str, str]] = set()
    for index, mapping in enumerate(mappings):
        at = f"{path}.requestMappings[{index}]"
        container, resource = mapping.get("containerName", ""), mapping.get("resourceName", "")
        if container not in by_name:
            text = "must match the name of an entry in spec.initContainers.name or spec.containers.name"
            errors.append(invalid_value(f"{at}.containerName", container, text))
        elif resource not in resource_list(by_name[container], "requests"):
            text = (
                "must match the extended resource name of an entry in "
                "spec.initContainers.resources.requests or spec.containers.resources.requests"
            )
            errors.append(invalid_value(f"{at}.resourceName", resource, text))
        name = mapping.get("requestName", "")
        errors += [invalid_value(f"{path}.requestName", name, text) for text in names.dns_label(name)]
        if (container, resource) in seen:
            errors += [duplicate(f"{at}.containerName", container), duplicate(f"{at}.resourceName", resource)]
        seen.add((container, resource))
    name, at = claim.get("resourceClaimName", ""), f"{path}.resourceClaimName"
    if not name:
        return [*errors, required(at)]
    return errors + [invalid_value(at, name, text) for text in names.dns_subdomain(name)]


def _validate_claims(status: Obj, spec: Obj) -> list[FieldError]:
    known = {each.get("name") for each in spec.get("resourceClaims") or ()}
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(status.get("resourceClaimStatuses") or ()):
        at, name = f"status.resourceClaimStatuses[{index}].name", claim.get("name", "")
        if name not in known:
            errors.append(invalid_value(at, name, "must match the name of an entry in `spec.resourceClaims`"))
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
        made = claim.get("resourceClaimName")
        if made is not None:
            at = at.replace(".name", ".resourceClaimName")
            errors += [invalid_value(at, made, text) for text in names.dns_subdomain(made)]
    return errors


def _validate_users(statuses: Sequence[Obj], os_name: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, status in enumerate(statuses):
        user = (status.get("user") or {}).get("linux")
        if user is None:
            continue
        at = f"{path}[{index}].user.linux"
        if os_name == "windows":
            errors.append(forbidden(at, "cannot be set for a windows pod"))
        if os_name != "linux":
            continue
        ids = {f"{at}.{key}": user.get(key, 0) for key in ("uid", "gid")}
        ids |= {f"{at}.supplementalGroups[{n}]": gid for n, gid in enumerate(user.get("supplementalGroups") or ())}
        text = names.range_error(0, _ID_MAX)
        errors += [invalid_value(where, value, text) for where, value in ids.items() if not 0 <= value <= _ID_MAX]
    return errors


def _validate_allocated(statuses: Sequence[Obj], containers: Sequence[Obj], path: str) -> list[FieldError]:
    """allocatedResourcesStatus: health of devices, of resources the container asked for."""
    by_name = {each.get("name"): each.get("resources") or {} for each in containers}
    errors: list[FieldError] = []
    for index, status in enumerate(statuses):
        for number, allocated in enumerate(status.get("allocatedResourcesStatus") or ()):
            at, name = f"{path}[{index}].allocatedResourcesStatus[{number}]", allocated.get("name", "")
            resources = by_name.get(status.get("name"))
            if resources is not None:
                errors += _validate_allocated_name(name, resources, f"{at}.name")
            seen: set[str] = set()
            for position, device in enumerate(allocated.get("resources") or ()):
                where = f"{at}.resources[{position}]"
                if device.get("health", "") not in _HEALTH:
                    errors.append(not_supported(f"{where}.health", device.get("health", ""), _HEALTH))
                errors += _validate_health_message(device.get("message"), f"{where}.message")
                if device.get("resourceID", "") in seen:
                    errors.append(duplicate(f"{where}.resourceID", device["resourceID"]))
                seen.add(device.get("resourceID", ""))
    return errors


def _validate_health_message(message: str | None, path: str) -> list[FieldError]:
    if message == "":
        return [required(path, "must be non-empty if specified")]
    return [too_long(path, _MESSAGE_MAX)] if message and len(message.encode()) > _MESSAGE_MAX else []


def _validate_allocated_name(name: str, resources: Obj, path: str) -> list[FieldError]:
    if name.startswith("claim:"):
        claims = {
            f"claim:{each.get('name', '')}" + (f"/{each['request']}" if each.get("request") else "")
            for each in resources.get("claims") or ()
        }
        text = (
            "must match one of the container's resource claims in a format "
            "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
        )
        return [] if name in claims else [invalid_value(path, name, text)]
    text = "must match one of the container's resource requests"
    return [] if name in (resources.get("requests") or {}) else [invalid_value(path, name, text)]


def validate_pod_status_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, status, before = new["spec"], new.get("status") or {}, old.get("status") or {}
    errors = validate_annotations_update(new, old) + _validate_conditions(status.get("conditions") or ())
    nominated, was = status.get("nominatedNodeName", ""), before.get("nominatedNodeName", "")
    errors += _validate_nominated(nominated, was, is_bound=bool(spec.get("nodeName")))
    generation = status.get("observedGeneration", 0)
    if generation < 0:
        errors.append(invalid_value("status.observedGeneration", generation, _GENERATION_TEXT))
    errors += validate_immutable(status.get("qosClass", ""), before.get("qosClass", ""), "status.qosClass")
    policy = spec.get("restartPolicy", "")
    for kind, key in _STATUSES.items():
        # Ephemeral containers are never restarted, whatever the policies.
        containers = () if kind == "ephemeralContainers" else spec.get(kind) or ()
        errors += _validate_transitions(status, before, key, containers, policy)
    errors += _validate_claims(status, spec)
    errors += _validate_extended_claim(status.get("extendedResourceClaimStatus"), spec)
    errors += _validate_addresses(status, before, "podIPs")
    hosts = status.get("hostIPs") or []
    if hosts and hosts[0].get("ip", "") != status.get("hostIP", ""):
        errors.append(invalid_value("status.hostIPs[0].ip", hosts[0].get("ip", ""), "must be equal to `hostIP`"))
    errors += _validate_addresses(status, before, "hostIPs")
    os_name = (spec.get("os") or {}).get("name", "linux")
    for key in _STATUSES.values():
        errors += _validate_users(status.get(key) or (), os_name, f"status.{key}")
    for kind in ("containers", "initContainers"):
        key = _STATUSES[kind]
        errors += _validate_allocated(status.get(key) or (), spec.get(kind) or (), f"status.{key}")
    text = "must not be specified in container status"
    return errors + [
        forbidden(f"status.ephemeralContainerStatuses[{index}].allocatedResourcesStatus", text)
        for index, each in enumerate(status.get("ephemeralContainerStatuses") or ())
        if each.get("allocatedResourcesStatus")
    ]
