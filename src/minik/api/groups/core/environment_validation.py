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
from minik.api.groups.core.path_validation import validate_no_backsteps
from minik.api.groups.core.windows_validation import containers_with_paths
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


def _validate_file_key_ref(reference: Obj, path: str) -> list[FieldError]:
    """A key of a file that an init container wrote into an emptyDir volume (KEP-3721)."""
    key, volume, file = (reference.get(each, "") for each in ("key", "volumeName", "path"))
    errors: list[FieldError] = []
    if not key:
        errors.append(required(f"{path}.key"))
    else:
        errors += [invalid_value(f"{path}.key", key, text) for text in names.environment_variable_name(key)]
    if not volume:
        errors.append(required(f"{path}.volumeName"))
    else:
        errors += [invalid_value(f"{path}.volumeName", volume, text) for text in names.dns_label(volume)]
    return [*errors, required(f"{path}.path")] if not file else errors + validate_no_backsteps(file, f"{path}.path")


def validate_file_key_volumes(spec: Obj, path: str) -> list[FieldError]:
    """Files of variables are read from emptyDir volumes of the pod; told after all else about the pod."""
    errors: list[FieldError] = []
    volumes: dict[str, Obj] | None = None
    for container, container_path in containers_with_paths(spec, path):
        for index, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            if volumes is None:
                volumes = {each.get("name", ""): each for each in spec.get("volumes") or ()}
            name = reference.get("volumeName", "")
            at = f"{container_path}.env[{index}].valueFrom.fileKeyRef.volumeName"
            if name not in volumes:
                errors.append(not_found(at, name))
            elif volumes[name].get("emptyDir") is None:
                errors.append(invalid_value(at, name, "referenced volume must be of type emptyDir"))
    return errors


def _validate_source(variable: Obj, path: str) -> list[FieldError]:
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
        errors += _validate_file_key_ref(source["fileKeyRef"], f"{path}.fileKeyRef")
    given = sum(value is not None for value in source.values())
    if not given:
        errors.append(invalid_value(path, "", _ONE_OF))
    elif variable.get("value"):
        errors.append(invalid_value(path, "", "may not be specified when `value` is not empty"))
    elif given > 1:
        errors.append(invalid_value(path, "", "may not have more than one field specified at a time"))
    return errors


def validate_environment(variables: Sequence[Obj], path: str) -> list[FieldError]:
    """`env` of a container."""
    errors: list[FieldError] = []
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name", "")
        if not name:
            errors.append(required(f"{at}.name"))
        else:
            errors += [invalid_value(f"{at}.name", name, text) for text in names.environment_variable_name(name)]
        errors += _validate_source(variable, f"{at}.valueFrom")
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
