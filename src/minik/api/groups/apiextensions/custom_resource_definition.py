"""CustomResourceDefinition (apiextensions.k8s.io/v1)."""

from datetime import datetime

from minik.api.columns import CREATION_TIME, NAME
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, show

_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_CREATED_AT = Column("Created At", type="date", description=CREATION_TIME)


def default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    conversion = spec.get("conversion")
    if conversion is None:
        conversion = spec["conversion"] = {"strategy": "None"}
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None and service.get("port") is None:
        service["port"] = 443
    status = obj.get("status")
    if status and not status.get("storedVersions"):
        status["storedVersions"] = _stored_first(spec)


def _stored_first(spec: Obj) -> list[str]:
    return [version["name"] for version in spec.get("versions") or () if version.get("storage")][:1]


def prepare_create(obj: Obj) -> None:
    stored = _stored_first(obj["spec"])
    obj["status"] = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored}


def prepare_update(new: Obj, old: Obj) -> None:
    """Every version that was ever stored is remembered."""
    status = dict(old.get("status") or {})
    stored = list(status.get("storedVersions") or ())
    stored += [name for name in _stored_first(new["spec"]) if name not in stored]
    new["status"] = {**status, "storedVersions": stored}


def prepare_status_update(new: Obj, old: Obj) -> None:
    new["spec"] = old["spec"]


def hold(obj: Obj, now: datetime) -> None:
    """The objects go before their definition: a finalizer holds it until they have."""
    from minik.api.crd.definition import TERMINATING, set_condition

    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = obj["metadata"]
    metadata["deletionTimestamp"] = time
    finalizers = list(metadata.get("finalizers") or ())
    if _FINALIZER not in finalizers:
        metadata["finalizers"] = [*finalizers, _FINALIZER]
    condition = {
        "type": TERMINATING,
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    set_condition(obj, condition, time)


def validate(obj: Obj) -> list[FieldError]:
    from minik.api.crd.definition_validation import validate_definition  # a few clusters never define anything

    return validate_definition(obj)


def validate_update(new: Obj, old: Obj) -> list[FieldError]:
    from minik.api.crd.definition_validation import validate_definition_update

    return validate_definition_update(new, old)


def validate_status_update(new: Obj, old: Obj) -> list[FieldError]:
    from minik.api.crd.definition_validation import validate_definition_status

    return validate_definition_status(new)


def warn(new: Obj, old: Obj | None) -> list[str]:
    """Formats that mean nothing for the type they are given for."""
    from minik.api.crd.definition import unknown_formats

    known = unknown_formats(old) if old else ()
    return [f"unrecognized format {show(name)}" for name in unknown_formats(new) if name not in known]


def cells(obj: Obj, now: datetime) -> list[str]:
    metadata = obj["metadata"]
    return [metadata.get("name", ""), metadata.get("creationTimestamp", "")]


RESOURCES = (
    Resource(
        group="apiextensions.k8s.io",
        version="v1",
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        singular="customresourcedefinition",
        type_name="io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        strategy=Strategy(
            default=default,
            prepare_create=prepare_create,
            prepare_update=prepare_update,
            validate=validate,
            validate_update=validate_update,
            warn=warn,
            has_generation=True,
            unconditional_update=False,
            hold=hold,
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(
                name="status",
                kind="CustomResourceDefinition",
                strategy=Strategy(
                    default=default,
                    prepare_update=prepare_status_update,
                    validate_update=validate_status_update,
                    unconditional_update=False,
                    reset_fields=frozenset({("spec",)}),  # metadata is taken as it comes
                ),
            ),
        ),
        columns=(NAME, _CREATED_AT),
        cells=cells,
        storage_version_hash="jfWCUB31mvA=",
    ),
)
