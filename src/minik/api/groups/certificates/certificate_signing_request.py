"""CertificateSigningRequest (certificates.k8s.io/v1): asks a signer for a certificate.

Three doors: the request itself never changes; `approval` decides; `status` delivers the certificate.
Behaviour: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from minik.api.columns import AGE, NAME, age, human_duration
from minik.api.groups.certificates.signing_request_validation import (
    APPROVED,
    DENIED,
    FAILED,
    validate_signing_request,
    validate_update,
)
from minik.api.groups.status_rules import keep_spec, keep_status, reset_status
from minik.api.names import path_segment_name
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError

_TYPE = "io.k8s.api.certificates.v1.CertificateSigningRequest"
_COLUMNS = (
    NAME,
    AGE,
    # The words of v1beta1, which upstream's printers still quote.
    Column(
        "SignerName",
        description=(
            "Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. If "
            "empty, it will be defaulted:\n"
            " 1. If it's a kubelet client certificate, it is assigned\n"
            '    "kubernetes.io/kube-apiserver-client-kubelet".\n'
            " 2. If it's a kubelet serving certificate, it is assigned\n"
            '    "kubernetes.io/kubelet-serving".\n'
            ' 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".\n'
            "Distribution of trust for signers happens out of band. You can select on this field using "
            "`spec.signerName`."
        ),
    ),
    Column("Requestor", description="Base64-encoded PKCS#10 CSR data"),
    Column(
        "RequestedDuration",
        description=(
            "expirationSeconds is the requested duration of validity of the issued certificate. The "
            "certificate signer may issue a certificate with a different validity duration so a client must "
            "check the delta between the notBefore and and notAfter fields in the issued certificate to "
            "determine the actual duration.\n\n"
            "The v1.22+ in-tree implementations of the well-known Kubernetes signers will honor this field as "
            "long as the requested duration is not greater than the maximum duration they will honor per the "
            "--cluster-signing-duration CLI flag to the Kubernetes controller manager.\n\n"
            "Certificate signers may not honor this field for various reasons:\n\n"
            "  1. Old signer that is unaware of the field (such as the in-tree\n"
            "     implementations prior to v1.22)\n"
            "  2. Signer whose configured maximum is shorter than the requested duration\n"
            "  3. Signer whose configured minimum is longer than the requested duration\n\n"
            "The minimum valid value for expirationSeconds is 600, i.e. 10 minutes."
        ),
    ),
    Column(
        "Condition",
        description='conditions applied to the request. Known conditions are "Approved", "Denied", and "Failed".',
    ),
)


def _condition(status: Obj) -> str:
    kinds = {condition.get("type") for condition in status.get("conditions") or ()}
    text = DENIED if DENIED in kinds else APPROVED if APPROVED in kinds else "Pending"
    if FAILED in kinds:
        text += ",Failed"
    return f"{text},Issued" if status.get("certificate") else text


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    seconds = spec.get("expirationSeconds")
    return [
        obj["metadata"]["name"],
        age(obj, now),
        spec.get("signerName") or "<none>",
        spec.get("username", ""),
        "<none>" if seconds is None else human_duration(timedelta(seconds=seconds)),
        _condition(obj.get("status") or {}),
    ]


def _keep_all(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    keep_status(new, old)


def _set_times(new: Obj, old: Obj) -> None:
    """Conditions carry when they were updated and when they last changed."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = {c.get("type"): c for c in (old.get("status") or {}).get("conditions") or ()}
    for condition in (new.get("status") or {}).get("conditions") or ():
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = now
        if not condition.get("lastTransitionTime"):
            known = before.get(condition.get("type"), {})
            same = known.get("status") == condition.get("status")
            condition["lastTransitionTime"] = (same and known.get("lastTransitionTime")) or now


def _prepare_status(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    _set_times(new, old)


def _prepare_approval(new: Obj, old: Obj) -> None:
    keep_spec(new, old)
    status, before = new.setdefault("status", {}), old.get("status") or {}
    status.pop("certificate", None)
    if "certificate" in before:
        status["certificate"] = before["certificate"]
    _set_times(new, old)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_update(new, old)


def _validate_status(new: Obj, old: Obj) -> list[FieldError]:
    return validate_update(new, old, signs=True)


def _validate_approval(new: Obj, old: Obj) -> list[FieldError]:
    return validate_update(new, old, decides=True)


RESOURCES = (
    Resource(
        group="certificates.k8s.io",
        version="v1",
        kind="CertificateSigningRequest",
        plural="certificatesigningrequests",
        singular="certificatesigningrequest",
        type_name=_TYPE,
        namespaced=False,
        short_names=("csr",),
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=_keep_all,
            validate=validate_signing_request,
            validate_update=_validate_update,
            name_errors=path_segment_name,
            reset_fields=frozenset({("spec",), ("status",)}),
        ),
        subresources=(
            Subresource(
                name="approval",
                kind="CertificateSigningRequest",
                strategy=Strategy(
                    prepare_update=_prepare_approval,
                    validate_update=_validate_approval,
                    reset_fields=frozenset({("spec",), ("status", "certificate")}),
                ),
            ),
            Subresource(
                name="status",
                kind="CertificateSigningRequest",
                strategy=Strategy(
                    prepare_update=_prepare_status,
                    validate_update=_validate_status,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"spec.signerName": lambda obj: str(obj["spec"].get("signerName", ""))},
        storage_version_hash="95fRKMXA+00=",
    ),
)
