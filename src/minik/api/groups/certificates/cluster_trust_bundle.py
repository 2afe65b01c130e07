"""ClusterTrustBundle (certificates.k8s.io/v1beta1, v1alpha1): certificates of authorities for everybody (KEP-3257)."""

import re
from datetime import datetime
from typing import Any

from minik.api.columns import NAME
from minik.api.groups.certificates.signing_request_validation import validate_signer_name
from minik.api.names import dns_subdomain, path_segment_name
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value

_STORED = "v1beta1"
_BLOCK = re.compile(r"-----BEGIN ([^-]*)-----\n(.*?)-----END \1-----", re.DOTALL)
_OMITTED = "<value omitted>"
_COLUMNS = (
    NAME,
    Column(
        "SignerName",
        description=(
            "signerName indicates the associated signer, if any.\n\nIn order to create or update a ClusterTrustBundle "
            "that sets signerName, you must have the following cluster-scoped permission: group=certificates.k8s.io "
            "resource=signers resourceName=<the signer name> verb=attest."
        ),
    ),
)


def _cells(obj: Obj, _now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj["spec"].get("signerName") or "<none>"]


def _validate_name(name: str, signer: str) -> list[FieldError]:
    if not signer:
        if ":" not in name:
            return []
        text = 'ClusterTrustBundle without signer name must not have ":" in its name'
        return [invalid_value("metadata.name", name, text)]
    prefix = signer.replace("/", ":") + ":"
    if not name.startswith(prefix):
        text = f"ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"
        return [invalid_value("metadata.name", name, text)]
    rest = name.removeprefix(prefix)
    return [invalid_value("metadata.name", name, text) for text in dns_subdomain(rest)]


def _validate_bundle(bundle: str) -> list[FieldError]:
    at = "spec.trustBundle"
    blocks = _BLOCK.findall(bundle)
    if not blocks:
        return [invalid_value(at, _OMITTED, "at least one trust anchor must be provided")]
    errors: list[FieldError] = []
    for index, (kind, body) in enumerate(blocks):
        if kind != "CERTIFICATE":
            errors.append(invalid_value(at, _OMITTED, f"entry {index} has bad block type: {kind}"))
        elif not _is_certificate(body):
            errors.append(invalid_value(at, _OMITTED, f"entry {index} does not parse as X.509"))
        if body in (other for _, other in blocks[:index]):
            errors.append(invalid_value(at, _OMITTED, f"duplicate trust anchor (index {index})"))
    return errors


def _is_certificate(body: str) -> bool:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificate(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode())
    except ValueError:
        return False
    return True


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    signer = spec.get("signerName", "")
    errors = _validate_name(obj["metadata"].get("name", ""), signer)
    errors += validate_signer_name(signer, "spec.signerName") if signer else []
    return errors + _validate_bundle(spec.get("trustBundle", ""))


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    signers = (each["spec"].get("signerName", "") for each in (new, old))
    signer, before = signers
    changed = new["spec"].get("trustBundle") != old["spec"].get("trustBundle")
    errors = _validate_bundle(new["spec"].get("trustBundle", "")) if changed else []
    return errors + validate_immutable(signer, before, "spec.signerName")


def _resource(version: str) -> Resource:
    return Resource(
        group="certificates.k8s.io",
        version=version,
        kind="ClusterTrustBundle",
        plural="clustertrustbundles",
        singular="clustertrustbundle",
        type_name=f"io.k8s.api.certificates.{version}.ClusterTrustBundle",
        namespaced=False,
        strategy=Strategy(
            validate=_validate,
            validate_update=_validate_update,
            name_errors=path_segment_name,
            unconditional_update=False,
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"spec.signerName": lambda obj: str(obj["spec"].get("signerName", ""))},
        storage=None if version == _STORED else GVR("certificates.k8s.io", _STORED, "clustertrustbundles"),
        storage_version_hash="v5yhuVertL4=",
    )


RESOURCES = (_resource("v1beta1"), _resource("v1alpha1"))
