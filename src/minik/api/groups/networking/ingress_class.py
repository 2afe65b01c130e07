"""IngressClass (networking.k8s.io/v1): which controller serves an Ingress."""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.domain_path_validation import validate_domain_prefixed_path
from minik.api.groups.networking.ingress_validation import validate_local_reference
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required, too_long

_CONTROLLER_MAX = 250
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_COLUMNS = (
    NAME,
    Column("Controller", description="Controller that is responsible for handling this class"),
    Column("Parameters", description="A reference to a resource with additional parameters"),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, shown = obj["spec"], "<none>"
    parameters = spec.get("parameters")
    if parameters is not None:
        group = parameters.get("apiGroup")
        kind = parameters.get("kind", "") if group is None else f"{parameters.get('kind', '')}.{group}"
        shown = f"{kind}/{parameters.get('name', '')}"
    annotations = obj["metadata"].get("annotations") or {}
    mark = " (default)" if annotations.get(_DEFAULT) == "true" else ""
    return [obj["metadata"]["name"] + mark, spec.get("controller", ""), shown, age(obj, now)]


def _default(obj: Obj) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None and parameters.get("scope") is None:
        parameters["scope"] = "Cluster"


def _validate_parameters(parameters: Obj, path: str) -> list[FieldError]:
    errors = validate_local_reference(parameters, path)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        return [*errors, required(f"{path}.scope")]
    if scope not in ("Cluster", "Namespace"):
        errors.append(not_supported(f"{path}.scope", scope, ("Cluster", "Namespace")))
    if scope == "Namespace":
        if namespace is None:
            errors.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += [invalid_value(f"{path}.namespace", namespace, text) for text in names.dns_label(namespace)]
    if scope == "Cluster" and namespace is not None:
        errors.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors


def _validate(obj: Obj) -> list[FieldError]:
    spec, errors = obj["spec"], []
    controller = spec.get("controller", "")
    if len(controller) > _CONTROLLER_MAX:
        errors.append(too_long("spec.controller", _CONTROLLER_MAX))
    errors += validate_domain_prefixed_path(controller, "spec.controller")
    if spec.get("parameters") is not None:
        errors += _validate_parameters(spec["parameters"], "spec.parameters")
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    controllers = new["spec"].get("controller", ""), old["spec"].get("controller", "")
    return validate_immutable(*controllers, "spec.controller") + _validate(new)


RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="IngressClass",
        plural="ingressclasses",
        singular="ingressclass",
        type_name="io.k8s.api.networking.v1.IngressClass",
        namespaced=False,
        strategy=Strategy(
            default=_default,
            validate=_validate,
            validate_update=_validate_update,
            has_generation=True,
            metadata_checks=("update", "create"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="l/iqIbDgFyQ=",
    ),
)
