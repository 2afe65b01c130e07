"""Validation of a container's environment variables.

Rules: https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.downward_api_validation import (
    ENVIRONMENT_FIELDS,
    validate_field_ref,
    validate_resource_field_ref,
)
from minik.api.groups.core.path_validation import validate_non_reserved
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_found, required

_ONE_OF = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"


def _validate_key_ref(reference: Obj, path: str) -> list[FieldError]:
    """A key of a ConfigMap or Secret."""
    name, key = reference.get("name", ""), reference.get("key", "")
    errors = [invalid_value(f"{path}.name", name, text) for text in names.dns_subdomain(name)]
    if not key:
        errors.append(required(f"{path}.key"))
    else:
        errors += [invalid_value(f"{path}.key", key, text) for text in names.config_map_key(key)]
    return errors


def _validate_file_key_ref(reference: Obj, volumes: dict[str, Obj], path: str) -> list[FieldError]:
    """A key of a file that an init container wrote into an emptyDir volume (KEP-3721)."""
    errors: list[FieldError] = []
    key, volume, file = (reference.get(each, "") for each in ("key", "volumeName", "path"))
    if not key:
        errors.append(required(f"{path}.key"))
    else:
        errors += [invalid_value(f"{path}.key", key, text) for text in names.environment_variable_name(key)]
    if not volume:
        errors.append(required(f"{path}.volumeName"))
    elif volume not in volumes:
        errors.append(not_found(f"{path}.volumeName", volume))
    elif volumes[volume].get("emptyDir") is None:
        errors.append(invalid_value(f"{path}.volumeName", volume, "referenced volume must be of type emptyDir"))
    if not file:
        errors.append(required(f"{path}.path"))
    else:
        errors += validate_non_reserved(file, f"{path}.path")
    return errors


def _validate_source(variable: Obj, volumes: dict[str, Obj], path: str) -> list[FieldError]:
    source = variable.get("valueFrom")
    if source is None:
        return []
    errors: list[FieldError] = []
    if source.get("fieldRef") is not None:
        errors += validate_field_ref(source["fieldRef"], ENVIRONMENT_FIELDS, f"{path}.fieldRef")
    if source.get("resourceFieldRef") is not None:
        errors += validate_resource_field_ref(source["resourceFieldRef"], f"{path}.resourceFieldRef", in_volume=False)
    for key in ("configMapKeyRef", "secretKeyRef"):
        if source.get(key) is not None:
            errors += _validate_key_ref(source[key], f"{path}.{key}")
    if source.get("fileKeyRef") is not None:
        errors += _validate_file_key_ref(source["fileKeyRef"], volumes, f"{path}.fileKeyRef")
    given = sum(value is not None for value in source.values())
    if not given:
        errors.append(invalid_value(path, "", _ONE_OF))
    elif variable.get("value"):
        errors.append(invalid_value(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(invalid_value(path, "", "may not have more than one field specified at a time"))
    return errors


def validate_environment(variables: Sequence[Obj], volumes: dict[str, Obj], path: str) -> list[FieldError]:
    """`env` of a container. `volumes` are the Pod's valid ones, by name."""
    errors: list[FieldError] = []
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name", "")
        if not name:
            errors.append(required(f"{at}.name"))
        else:
            errors += [invalid_value(f"{at}.name", name, text) for text in names.environment_variable_name(name)]
        errors += _validate_source(variable, volumes, f"{at}.valueFrom")
    return errors


def validate_environment_sources(sources: Sequence[Obj], path: str) -> list[FieldError]:
    """`envFrom` of a container."""
    errors: list[FieldError] = []
    for index, source in enumerate(sources):
        at, prefix = f"{path}[{index}]", source.get("prefix", "")
        if prefix:
            errors += [invalid_value(f"{at}.prefix", prefix, text) for text in names.environment_variable_name(prefix)]
        given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in given:
            errors += _validate_source_name(source[key].get("name", ""), f"{at}.{key}.name")
        if not given:
            errors.append(invalid_value(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            errors.append(invalid_value(path, "", "may not have more than one field specified at a time"))
    return errors


def _validate_source_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    return [invalid_value(path, name, text) for text in names.subdomain_name(name, True)]
