"""What is wrong with a KubeSchedulerConfiguration whose fields and types are right. Pure.

Rules and texts: pkg/scheduler/apis/config/validation of Kubernetes.
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required
from minik.server.scheduler.configuration import plugin_arguments

_REMOVED = ("AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits")
_API_VERSION = "kubescheduler.config.k8s.io/v1"


def validate(document: Obj) -> list[FieldError]:
    """`document` has every default."""
    errors = _validate_leader_election(document.get("leaderElection") or {})
    if document["parallelism"] <= 0:
        text = "should be an integer value greater than zero"
        errors.append(invalid_value("parallelism", document["parallelism"], text))
    seen: dict[str, int] = {}
    for index, profile in enumerate(document["profiles"]):
        path, name = f"profiles[{index}]", profile.get("schedulerName") or ""
        errors += _validate_profile(profile, path)
        if name in seen:
            errors.append(duplicate(f"{path}.schedulerName", f"profiles[{seen[name]}].schedulerName"))
        seen[name] = index
    errors += _validate_queue_sort(document["profiles"])
    errors += _validate_percentage(document.get("percentageOfNodesToScore"), "percentageOfNodesToScore")
    first, longest = document["podInitialBackoffSeconds"], document["podMaxBackoffSeconds"]
    if first <= 0:
        errors.append(invalid_value("podInitialBackoffSeconds", first, "must be greater than 0"))
    if longest < first:
        text = "must be greater than or equal to PodInitialBackoffSeconds"
        errors.append(invalid_value("podMaxBackoffSeconds", longest, text))
    return errors + _validate_extenders(document.get("extenders") or ())


def _validate_leader_election(election: Obj) -> list[FieldError]:
    lock = election.get("resourceLock") or "leases"
    if election.get("leaderElect", True) and lock != "leases":
        return [invalid_value("leaderElection.resourceLock", lock, 'resourceLock value must be "leases"')]
    return []


def _validate_percentage(percentage: int | None, path: str) -> list[FieldError]:
    if percentage is None or 0 <= percentage <= 100:
        return []
    return [invalid_value(path, percentage, "not in valid range [0-100]")]


def _validate_profile(profile: Obj, path: str) -> list[FieldError]:
    errors = [] if profile.get("schedulerName") else [required(f"{path}.schedulerName")]
    errors += _validate_percentage(profile.get("percentageOfNodesToScore"), f"{path}.percentageOfNodesToScore")
    for point, chosen in (profile.get("plugins") or {}).items():
        for index, plugin in enumerate((chosen or {}).get("enabled") or ()):
            errors += _validate_present(plugin.get("name") or "", f"{path}.plugins.{point}.enabled[{index}]")
    seen: set[str] = set()
    for index, given in enumerate(profile.get("pluginConfig") or ()):
        at, name = f"{path}.pluginConfig[{index}]", given.get("name") or ""
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
        errors += _validate_present(name, at) or plugin_arguments.validate(name, given["args"], f"{at}.args")
    return errors


def _validate_present(name: str, path: str) -> list[FieldError]:
    if name not in _REMOVED:
        return []
    text = f'was invalid in version "{_API_VERSION}" (KubeSchedulerConfiguration is version "{_API_VERSION}")'
    return [invalid_value(path, name, text)]


def _queue_sort(profile: Obj) -> Obj:
    return (profile.get("plugins") or {}).get("queueSort") or {}


def _validate_queue_sort(profiles: Sequence[Obj]) -> list[FieldError]:
    """There is one queue for all profiles."""
    first = _queue_sort(profiles[0])
    errors: list[FieldError] = []
    if len(first.get("enabled") or ()) > 1:
        text = "only one queue sort plugin can be enabled"
        errors.append(invalid_value("profiles[0].plugins.queueSort.Enabled", len(first["enabled"]), text))
    for index, profile in enumerate(profiles[1:], 1):
        other = _queue_sort(profile)
        if other != first:
            at = f"profiles[{index}].plugins.queueSort"
            errors.append(invalid_value(at, other, "must be the same for all profiles"))
    return errors


def _validate_extenders(extenders: Sequence[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    binders, managed = 0, set()
    for index, extender in enumerate(extenders):
        at = f"extenders[{index}]"
        if extender.get("prioritizeVerb") and (extender.get("weight") or 0) <= 0:
            text = "must have a positive weight applied to it"
            errors.append(invalid_value(f"{at}.weight", extender.get("weight") or 0, text))
        binders += bool(extender.get("bindVerb"))
        for place, resource in enumerate(extender.get("managedResources") or ()):
            name, path = resource.get("name") or "", f"{at}.managedResources[{place}].name"
            errors += _validate_extended_resource(name, path)
            if name in managed:
                errors.append(invalid_value(path, name, "duplicate extender managed resource name"))
            managed.add(name)
    if binders > 1:
        shown = f"found {binders} extenders implementing bind"
        errors.append(invalid_value("extenders", shown, "only one extender can implement bind"))
    return errors


def _validate_extended_resource(name: str, path: str) -> list[FieldError]:
    errors = [invalid_value(path, name, text) for text in names.qualified_name(name)]
    native = "/" not in name or name.partition("/")[0].endswith("kubernetes.io") or name.startswith("requests.")
    if not errors and native:
        errors.append(invalid_value(path, name, "is an invalid extended resource name"))
    return errors
