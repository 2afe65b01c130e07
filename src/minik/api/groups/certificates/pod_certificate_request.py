"""PodCertificateRequest (certificates.k8s.io/v1beta1): a kubelet asks for a Pod's certificate (KEP-4317)."""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import NAME
from minik.api.condition_validation import validate_conditions
from minik.api.go_form import go_struct
from minik.api.groups.certificates.signing_request_validation import validate_signer_name
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_TYPE = "io.k8s.api.certificates.v1beta1.PodCertificateRequest"
_SHORTEST, _LONGEST, _LONGEST_OF_KUBERNETES = 3600, 91 * 86400, 86400
_UIDS = ("podUID", "serviceAccountUID", "nodeUID")
_NAMES = ("podName", "serviceAccountName", "nodeName")
_COLUMNS = (
    NAME,
    Column("PodName", description="podName is the name of the pod into which the certificate will be mounted."),
    Column(
        "ServiceAccountName", description="serviceAccountName is the name of the service account the pod is running as."
    ),
    Column("NodeName", description="nodeName is the name of the node the pod is assigned to."),
    Column("SignerName", description="signerName indicates the requested signer."),
    Column("State", description="Is the request pending, issued, denied, or failed?"),
)


def _state(status: Obj) -> str:
    kinds = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    return next((kind for kind in ("Denied", "Failed", "Issued") if kind in kinds), "Pending")


def _cells(obj: Obj, _now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [
        obj["metadata"]["name"],
        *(spec.get(key, "") for key in (*_NAMES, "signerName")),
        _state(obj.get("status") or {}),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("maxExpirationSeconds") is None:
        spec["maxExpirationSeconds"] = _LONGEST_OF_KUBERNETES


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    errors = validate_signer_name(spec.get("signerName", ""), "spec.signerName")
    for key in _NAMES:
        name = spec.get(key, "")
        errors += [invalid_value(f"spec.{key}", name, text) for text in names.dns_subdomain(name)]
    errors += [required(f"spec.{key}") for key in _UIDS if not spec.get(key)]
    seconds = spec.get("maxExpirationSeconds") or 0
    of_kubernetes = spec.get("signerName", "").startswith("kubernetes.io/")
    longest = _LONGEST_OF_KUBERNETES if of_kubernetes else _LONGEST
    if not _SHORTEST <= seconds <= longest:
        text = f"must be in the range [{_SHORTEST}, {longest}]"
        errors.append(invalid_value("spec.maxExpirationSeconds", seconds, text))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    return [invalid_value("spec", go_struct(new["spec"], f"{_TYPE}Spec"), "field is immutable")]


def _validate_status(new: Obj, old: Obj) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    errors = validate_conditions(status.get("conditions"), "status.conditions")
    chain, issued = status.get("certificateChain"), before.get("certificateChain")
    if issued and chain != issued:
        errors.append(invalid_value("status.certificateChain", chain or "", "field is immutable"))
    return errors


RESOURCES = (
    Resource(
        group="certificates.k8s.io",
        version="v1beta1",
        kind="PodCertificateRequest",
        plural="podcertificaterequests",
        singular="podcertificaterequest",
        type_name=_TYPE,
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PodCertificateRequest",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata,
                    validate_update=_validate_status,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={
            "spec.signerName": lambda obj: str(obj["spec"].get("signerName", "")),
            "spec.podName": lambda obj: str(obj["spec"].get("podName", "")),
            "spec.nodeName": lambda obj: str(obj["spec"].get("nodeName", "")),
        },
        storage_version_hash="wYA9yXQH8fg=",
    ),
)
