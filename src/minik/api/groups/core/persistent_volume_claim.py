"""PersistentVolumeClaim (v1): the wish for storage, and what it was given.

Behaviour: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

from minik.api.groups.core.volume_claim_defaults import (
    default_claim_spec,
    drop_other_namespaces,
    enforce_data_source,
    normalize_data_source,
)
from minik.api.groups.core.volume_claim_validation import (
    validate_claim,
    validate_claim_status_update,
    validate_claim_update,
)
from minik.api.groups.core.volume_claim_warnings import claim_warnings
from minik.api.groups.core.volume_columns import CLAIM_COLUMNS, claim_cells
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj


def _default(obj: Obj) -> None:
    status = obj.setdefault("status", {})
    status["phase"] = status.get("phase") or "Pending"
    default_claim_spec(obj.setdefault("spec", {}))


def _prepare_create(obj: Obj) -> None:
    obj["status"] = {"phase": "Pending"}
    drop_other_namespaces(obj["spec"])
    enforce_data_source(obj["spec"])
    normalize_data_source(obj["spec"])


def _prepare_update(new: Obj, old: Obj) -> None:
    """Clients that know only the old name of the data source leave the new one out: it is filled in again."""
    new["status"] = old.get("status") or {}
    drop_other_namespaces(new["spec"], old["spec"])
    enforce_data_source(new["spec"], old["spec"])
    normalize_data_source(new["spec"])


def _prepare_status(new: Obj, old: Obj) -> None:
    new["spec"] = old["spec"]


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="PersistentVolumeClaim",
        plural="persistentvolumeclaims",
        singular="persistentvolumeclaim",
        type_name="io.k8s.api.core.v1.PersistentVolumeClaim",
        short_names=("pvc",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_claim,
            validate_update=validate_claim_update,
            warn=claim_warnings,
            metadata_checks=("update", "create"),
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PersistentVolumeClaim",
                strategy=Strategy(
                    default=_default,
                    prepare_update=_prepare_status,
                    validate_update=validate_claim_status_update,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=CLAIM_COLUMNS,
        cells=claim_cells,
        storage_version_hash="QWTyNDq0dC4=",
    ),
)
