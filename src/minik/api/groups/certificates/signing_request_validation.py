"""Validation of CertificateSigningRequests, and of names of signers.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
"""

import base64
import binascii
import re

from minik.api import names
from minik.api.go_form import go_list_diff
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required, too_long

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
_CONDITIONS, _CERTIFICATE = "status.conditions", "status.certificate"
_CONDITION_TYPE = "io.k8s.api.certificates.v1.CertificateSigningRequestCondition"
_MIN_SECONDS = 600
_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_PEM = re.compile(rb"-----BEGIN ([^-\n]*)-----(.*?)-----END \1-----\n?", re.DOTALL)
_SEQUENCE = 0x30  # the ASN.1 tag that a certificate request starts with
_NO_PARAMETERS = (
    "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 "
    "timeType:0 set:false omitEmpty:false}"
)
_NO_BLOCK = "PEM block type must be CERTIFICATE REQUEST"
_SIGNER_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def validate_signer_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        return [invalid_value(path, name, _SIGNER_FORM)]
    errors = [too_long(path, names.SUBDOMAIN_MAX)] if len(domain) > names.SUBDOMAIN_MAX else []
    labels = domain.split(".")
    for label in labels:
        errors += [
            invalid_value(path, domain, f'validating label "{label}": {text}') for text in names.dns_label(label)
        ]
    if len(labels) < 2:
        errors.append(invalid_value(path, domain, "should be a domain with at least two segments separated by dots"))
    for label in rest.split("."):
        errors += [
            invalid_value(path, rest, f'validating label "{label}": {text}') for text in names.dns_subdomain(label)
        ]
    longest = 2 * names.SUBDOMAIN_MAX + names.LABEL_MAX + 2
    if len(name) > longest:
        errors.append(too_long(path, longest))
    return errors


def _validate_request(request: str | None) -> list[FieldError]:
    """A PEM block with a certificate request that can be read."""
    at = "spec.request"
    try:
        text = base64.b64decode(request or "")
    except binascii.Error:
        text = b""
    der = _first_block(text)
    if der is None:
        return [invalid_value(at, request or None, _NO_BLOCK)]
    from cryptography import x509

    try:
        parsed = x509.load_der_x509_csr(der)
    except ValueError:
        return [invalid_value(at, request, _parse_complaint(der))]
    return [] if parsed.is_signature_valid else [invalid_value(at, request, _signature_complaint(parsed.public_key()))]


def _signature_complaint(key: object) -> str:
    """Go's text about a request that another key has signed."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey):
        return "crypto/rsa: verification error"
    return f"x509: {'ECDSA' if isinstance(key, EllipticCurvePublicKey) else 'Ed25519'} verification failure"


def _first_block(text: bytes) -> bytes | None:
    """What the first PEM block holds, if it is a certificate request."""
    found = _PEM.search(text)
    if found is None or found[1] != b"CERTIFICATE REQUEST":
        return None
    try:
        return base64.b64decode(b"".join(found[2].split()), validate=True)
    except binascii.Error:
        return None


def _parse_complaint(der: bytes) -> str:
    """Go's text about bytes that are no certificate request."""
    if len(der) < 2 or der[0] == _SEQUENCE or der[0] & 0x1F == 0x1F or der[1] & 0x80:
        return "asn1: syntax error: data truncated"
    compound = "true" if der[0] & 0x20 else "false"
    tag = f"{{class:{der[0] >> 6} tag:{der[0] & 0x1F} length:{der[1]} isCompound:{compound}}}"
    return f"asn1: structure error: tags don't match (16 vs {tag}) {_NO_PARAMETERS} certificateRequest @2"


def _validate_usages(usages: list[str]) -> list[FieldError]:
    if not usages:
        return [required("spec.usages")]
    errors = [
        not_supported(f"spec.usages[{i}]", usage, _USAGES) for i, usage in enumerate(usages) if usage not in _USAGES
    ]
    return errors + [duplicate(f"spec.usages[{i}]", usage) for i, usage in enumerate(usages) if usage in usages[:i]]


def _validate_conditions(conditions: list[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        at, kind, status = f"{_CONDITIONS}[{index}]", condition.get("type", ""), condition.get("status", "")
        allowed = ("True",) if kind in (APPROVED, DENIED, FAILED) else ("False", "True", "Unknown")
        if not kind:
            errors.append(required(f"{at}.type"))
        if not status:
            errors.append(required(f"{at}.status"))
        elif status not in allowed:
            errors.append(not_supported(f"{at}.status", status, allowed))
        other = {APPROVED: DENIED, DENIED: APPROVED}.get(kind)
        if other in seen:
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid_value(_CONDITIONS, kind, text))
        if kind in seen:
            errors.append(duplicate(f"{at}.type", kind))
        seen.add(kind)
    return errors


def validate_signing_request(request: Obj) -> list[FieldError]:
    spec = request["spec"]
    errors = _validate_request(spec.get("request")) + _validate_usages(spec.get("usages") or [])
    signer, seconds = spec.get("signerName", ""), spec.get("expirationSeconds")
    if signer == "kubernetes.io/legacy-unknown":
        text = "the legacy signerName is not allowed via this API version"
        errors.append(invalid_value("spec.signerName", signer, text))
    else:
        errors += validate_signer_name(signer, "spec.signerName")
    if seconds is not None and seconds < _MIN_SECONDS:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid_value("spec.expirationSeconds", seconds, text))
    return errors + _validate_conditions((request.get("status") or {}).get("conditions") or [])


def _certificate_complaint(certificate: str) -> str:
    """What is wrong with the PEM text that a signer delivers; "" when it is fine."""
    try:
        text = base64.b64decode(certificate)
    except binascii.Error:
        text = b""
    blocks = [(match[1], match[0]) for match in _PEM.finditer(text)]
    if not blocks:
        return "must contain at least one CERTIFICATE PEM block"
    from cryptography import x509

    for kind, block in blocks:
        if kind != b"CERTIFICATE":
            return f'only CERTIFICATE PEM blocks are allowed, found "{kind.decode()}"'
        if b":" in block:
            return "no PEM block headers are permitted"
        try:
            x509.load_pem_x509_certificate(block)
        except ValueError:
            return "x509: malformed certificate"
    return ""


def _of_kind(request: Obj, kind: str) -> list[Obj]:
    conditions = (request.get("status") or {}).get("conditions") or ()
    return [condition for condition in conditions if condition.get("type") == kind]


def _validate_decisions(new: Obj, old: Obj, *, decides: bool) -> list[FieldError]:
    """None is taken back; approvals and denials are given only where such is decided."""
    pairs = {kind: (_of_kind(old, kind), _of_kind(new, kind)) for kind in (APPROVED, DENIED, FAILED)}
    errors = [
        forbidden(_CONDITIONS, f'updates may not remove a condition of type "{kind}"')
        for kind, (before, after) in pairs.items()
        if len(after) < len(before)
    ]
    for kind in () if decides else (APPROVED, DENIED):
        before, after = pairs[kind]
        if len(after) > len(before):
            errors.append(forbidden(_CONDITIONS, f'updates may not add a condition of type "{kind}"'))
        elif len(after) == len(before) and after != before:
            difference = go_list_diff(before, after, _CONDITION_TYPE)
            errors.append(forbidden(_CONDITIONS, f'updates may not modify a condition of type "{kind}"\n{difference}'))
    return errors


def validate_update(new: Obj, old: Obj, *, decides: bool = False, signs: bool = False) -> list[FieldError]:
    """`decides`: this endpoint approves and denies. `signs`: this endpoint delivers the certificate."""
    errors = _validate_conditions((new.get("status") or {}).get("conditions") or [])
    certificate, before = ((each.get("status") or {}).get("certificate") or "" for each in (new, old))
    changes = certificate != before
    if changes and certificate and not (before and _certificate_complaint(before)):
        complaint = _certificate_complaint(certificate)
        errors += [invalid_value(_CERTIFICATE, "<certificate data>", complaint)] if complaint else []
    errors += _validate_decisions(new, old, decides=decides)
    if changes and not signs:
        errors.append(forbidden(_CERTIFICATE, "updates may not set certificate content"))
    elif changes and before:
        errors.append(forbidden(_CERTIFICATE, "updates may not modify existing certificate content"))
    return errors
