"""ClusterTrustBundle (certificates.k8s.io/v1beta1, v1alpha1): certificates of authorities for everybody (KEP-3257)."""

from datetime import datetime
from typing import Any

from minik.api.columns import NAME
from minik.api.groups.certificates import pod_certificate_keys as keys
from minik.api.groups.certificates.signing_request_validation import validate_signer_name
from minik.api.names import dns_subdomain, path_segment_name
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value, too_long

_STORED = "v1beta1"
_BUNDLE, _BUNDLE_MAX = "spec.trustBundle", 1024 * 1024
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
    if len(bundle.encode()) > _BUNDLE_MAX:
        return [too_long(_BUNDLE, _BUNDLE_MAX)]
    blocks = keys.blocks(bundle)
    if not blocks:
        return [invalid_value(_BUNDLE, _OMITTED, "at least one trust anchor must be provided")]
    complaints = [(index, _anchor_complaint(*block)) for index, block in enumerate(blocks)]
    errors = [invalid_value(_BUNDLE, _OMITTED, f"entry {index} {text}") for index, text in complaints if text]
    return errors or _duplicate_errors(["".join(block.split()) for _, block in blocks])


def _anchor_complaint(kind: str, block: str) -> str:
    from cryptography import x509

    if kind != "CERTIFICATE":
        return f"has bad block type: {kind}"
    if ":" in block:
        return "has PEM block headers"
    found = keys.certificate(block)
    if found is None:
        return "does not parse as X.509"
    try:
        is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_authority = False
    return "" if is_authority else "does not have the CA bit set"


def _duplicate_errors(blocks: list[str]) -> list[FieldError]:
    places: dict[str, list[str]] = {}
    for index, block in enumerate(blocks):
        places.setdefault(block, []).append(str(index))
    texts = [f"duplicate trust anchor (indices [{' '.join(found)}])" for found in places.values() if len(found) > 1]
    return [invalid_value(_BUNDLE, _OMITTED, text) for text in texts]


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
