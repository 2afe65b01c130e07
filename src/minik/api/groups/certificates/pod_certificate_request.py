"""PodCertificateRequest (certificates.k8s.io/v1beta1): a kubelet asks for a Pod's certificate (KEP-4317)."""

import copy
from datetime import UTC, datetime
from typing import Any

from minik.api.columns import NAME
from minik.api.go_form import go_struct
from minik.api.groups.certificates.pod_certificate_validation import (
    KINDS,
    LONGEST_OF_KUBERNETES,
    validate_spec,
    validate_status,
)
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_TYPE = "io.k8s.api.certificates.v1beta1.PodCertificateRequest"
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
        spec["maxExpirationSeconds"] = LONGEST_OF_KUBERNETES


def _prepare_status(new: Obj, old: Obj) -> None:
    """Known conditions stay as they are, and every condition says when it changed."""
    keep_spec_and_metadata(new, old)
    before = (old.get("status") or {}).get("conditions") or []
    conditions = (new.get("status") or {}).get("conditions") or []
    for kind in KINDS:
        kept = [condition for condition in before if condition.get("type") == kind]
        places = [index for index, condition in enumerate(conditions) if condition.get("type") == kind]
        if len(kept) == len(places):
            for index, condition in zip(places, kept, strict=True):
                conditions[index] = copy.deepcopy(condition)
    for condition in conditions:
        if not condition.get("lastTransitionTime"):
            condition["lastTransitionTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    return [invalid_value("spec", go_struct(new["spec"], f"{_TYPE}Spec"), "field is immutable")]


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
            validate=lambda obj: validate_spec(obj["spec"]),
            validate_update=_validate_update,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PodCertificateRequest",
                strategy=status_strategy(
                    prepare_update=_prepare_status,
                    validate_update=validate_status,
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
