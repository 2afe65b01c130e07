"""Validation of what kubelets and others report in pods/status."""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.pod_annotations_validation import validate_annotation_changes
from minik.api.ip_validation import is_dual_stack, validate_ip
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported

_SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_ID_MAX = 2**31 - 1
_FAMILY_TEXT = "may specify no more than one IP for each IP family"


def _validate_conditions(conditions: Sequence[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, condition in enumerate(conditions):
        kind = condition.get("type", "")
        if kind not in _SYSTEM_CONDITIONS:
            at = f"metadata.conditions[{index}].Type"  # upstream's path
            errors += [invalid_value(at, kind, text) for text in names.qualified_name(kind)]
    return errors


def _validate_transitions(new: Obj, old: Obj, key: str, policy: str, restartable: set[str]) -> list[FieldError]:
    """What ended and is not restarted stays ended."""
    if policy == "Always":
        return []
    errors: list[FieldError] = []
    for index, status in enumerate(old.get(key) or ()):
        terminated = (status.get("state") or {}).get("terminated")
        if terminated is None or status.get("name") in restartable:
            continue
        if policy == "OnFailure" and terminated.get("exitCode", 0) != 0:
            continue
        for other in new.get(key) or ():
            running = (other.get("state") or {}).get("terminated") is None
            if other.get("name") == status.get("name") and running:
                text = "may not be transitioned to non-terminated state"
                errors.append(forbidden(f"status.{key}[{index}].state", text))
    return errors


def _validate_addresses(status: Obj, key: str) -> list[FieldError]:
    """podIPs and hostIPs: one of a family."""
    entries = status.get(key) or []
    addresses = [each.get("ip", "") for each in entries]
    errors: list[FieldError] = []
    for index, address in enumerate(addresses):
        errors += validate_ip(address, f"status.{key}[{index}]")
    if errors or len(addresses) < 2:
        return errors
    if not is_dual_stack(addresses) or len(addresses) > 2:
        errors.append(invalid_value(f"status.{key}", [{"IP": each} for each in addresses], _FAMILY_TEXT))
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            errors.append(duplicate(f"status.{key}[{index}]", {"IP": address}))
    return errors


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
            errors += [invalid_value(at, made, text) for text in names.dns_subdomain(made)]
    return errors


def _validate_users(statuses: Sequence[Obj], os_name: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, status in enumerate(statuses):
        user = (status.get("user") or {}).get("linux")
        if user is None:
            continue
        at = f"{path}[{index}].linux"
        if os_name == "windows":
            errors.append(forbidden(at, "cannot be set for a windows pod"))
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
                if device.get("resourceID", "") in seen:
                    errors.append(duplicate(f"{where}.resourceID", device["resourceID"]))
                seen.add(device.get("resourceID", ""))
    return errors


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
    annotations = new["metadata"].get("annotations") or {}
    errors = validate_annotation_changes(annotations, old["metadata"].get("annotations") or {}, "metadata.annotations")
    errors += _validate_conditions(status.get("conditions") or ())
    nominated = status.get("nominatedNodeName", "")
    if nominated and nominated != before.get("nominatedNodeName", ""):
        errors += [
            invalid_value("status.nominatedNodeName", nominated, text) for text in names.dns_subdomain(nominated)
        ]
    errors += validate_immutable(status.get("qosClass", ""), before.get("qosClass", ""), "status.qosClass")
    policy = spec.get("restartPolicy", "")
    own = {each["name"] for each in spec.get("containers") or () if each.get("restartPolicy") not in (None, policy)}
    ruled = {each["name"] for each in spec.get("containers") or () if each.get("restartPolicyRules")}
    sidecars = {each["name"] for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    errors += _validate_transitions(status, before, "containerStatuses", policy, own | ruled)
    errors += _validate_transitions(status, before, "initContainerStatuses", policy, sidecars)
    errors += _validate_transitions(status, before, "ephemeralContainerStatuses", "Never", set())
    errors += _validate_claims(status, spec)
    errors += _validate_addresses(status, "podIPs")
    hosts = status.get("hostIPs") or []
    if hosts and hosts[0].get("ip", "") != status.get("hostIP", ""):
        errors.append(invalid_value("status.hostIPs[0].ip", hosts[0].get("ip", ""), "must be equal to `hostIP`"))
    errors += _validate_addresses(status, "hostIPs")
    os_name = (spec.get("os") or {}).get("name", "linux")
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        errors += _validate_users(status.get(key) or (), os_name, f"status.{key}")
    for key, kind in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        errors += _validate_allocated(status.get(key) or (), spec.get(kind) or (), f"status.{key}")
    text = "must not be specified in container status"
    return errors + [
        forbidden(f"status.ephemeralContainerStatuses[{index}].allocatedResourcesStatus", text)
        for index, each in enumerate(status.get("ephemeralContainerStatuses") or ())
        if each.get("allocatedResourcesStatus")
    ]
