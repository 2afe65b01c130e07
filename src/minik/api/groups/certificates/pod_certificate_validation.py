"""Validation of PodCertificateRequests: what a kubelet may ask for, and what a signer may answer, once.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#pod-certificate-requests
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

from minik.api import names
from minik.api.columns import parse_time
from minik.api.condition_validation import validate_conditions
from minik.api.groups.certificates import pod_certificate_keys as keys
from minik.api.groups.certificates.signing_request_validation import validate_signer_name
from minik.api.object_meta import validate_annotations
from minik.api.types import Obj
from minik.api.validation import OMITTED, FieldError, invalid_value, not_supported, required, too_long

ISSUED, DENIED, FAILED = KINDS = ("Issued", "Denied", "Failed")
LONGEST_OF_KUBERNETES = 86400
_SHORTEST, _LONGEST = 3600, 91 * 86400
_UID_MAX, _KEY_MAX, _CHAIN_MAX = 128, 10 * 1024, 100 * 1024
_SUBJECTS = (("podName", "podUID"), ("serviceAccountName", "serviceAccountUID"), ("nodeName", "nodeUID"))
_KEY, _PROOF, _STUB = "spec.pkixPublicKey", "spec.proofOfPossession", "spec.stubPKCS10Request"
_CHAIN, _AFTER, _BEFORE, _REFRESH = (
    f"status.{field}" for field in ("certificateChain", "notAfter", "notBefore", "beginRefreshAt")
)
_ONE_WAY = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set"
_NO_KEY, _NO_REQUEST = "must be a valid PKIX-serialized public key", "must be a valid PKCS#10 CSR"
_SKEW, _MARGIN, _HOUR = timedelta(minutes=5), timedelta(minutes=10), timedelta(hours=1)


def validate_spec(spec: Obj) -> list[FieldError]:
    signer = spec.get("signerName", "")
    errors = validate_signer_name(signer, "spec.signerName")
    errors += validate_annotations(spec.get("unverifiedUserAnnotations"), "spec.unverifiedUserAnnotations")
    for name_field, uid_field in _SUBJECTS:
        name, uid = spec.get(name_field, ""), spec.get(uid_field, "")
        errors += [invalid_value(f"spec.{name_field}", name, text) for text in names.dns_subdomain(name)]
        if not uid:
            errors.append(invalid_value(f"spec.{uid_field}", uid, "must not be empty"))
        elif len(uid) > _UID_MAX:
            errors.append(too_long(f"spec.{uid_field}", _UID_MAX))
    seconds = spec.get("maxExpirationSeconds") or 0
    longest = LONGEST_OF_KUBERNETES if signer.startswith("kubernetes.io/") else _LONGEST
    if not _SHORTEST <= seconds <= longest:
        text = f"must be in the range [{_SHORTEST}, {longest}]"
        errors.append(invalid_value("spec.maxExpirationSeconds", seconds, text))
    return errors + _validate_key(spec)


def _validate_key(spec: Obj) -> list[FieldError]:
    stub, key, proof = (spec.get(path.removeprefix("spec.")) or "" for path in (_STUB, _KEY, _PROOF))
    for path, value in ((_STUB, stub), (_KEY, key), (_PROOF, proof)):
        if len(keys.decoded(value)) > _KEY_MAX:
            return [too_long(path, _KEY_MAX)]
    if (bool(stub), bool(key), bool(proof)) not in ((True, False, False), (False, True, True)):
        return [invalid_value("spec", OMITTED, _ONE_WAY)]
    try:
        found = _key(spec)
    except ValueError:
        return [invalid_value(_STUB, stub, _NO_REQUEST) if stub else invalid_value(_KEY, key, _NO_KEY)]
    errors = keys.key_errors(found, _STUB if stub else _KEY, stub or key)
    if stub or errors:
        return errors
    return keys.proof_errors(found, spec.get("podUID", ""), keys.decoded(proof), _PROOF)


def _key(spec: Obj) -> Any:
    """The key to certify. Raises ValueError when there is none."""
    if stub := spec.get("stubPKCS10Request"):
        return keys.request_key(keys.decoded(stub))
    return keys.public_key(keys.decoded(spec.get("pkixPublicKey")))


def _held(status: Obj) -> set[str]:
    return {c["type"] for c in status.get("conditions") or () if c.get("type") in KINDS and c.get("status") == "True"}


def validate_status(new: Obj, old: Obj) -> list[FieldError]:
    """A request gets one answer: a certificate that fits it, or a refusal without one."""
    status, before = new.get("status") or {}, old.get("status") or {}
    conditions = status.get("conditions") or []
    errors = [*_condition_errors(conditions), *validate_conditions(conditions, "status.conditions")]
    if errors:
        return errors
    if _held(before):
        text = "immutable after PodCertificateRequest is issued, denied, or failed"
        return [] if status == before else [invalid_value("status", OMITTED, text)]
    answer = _held(status)
    if answer & {DENIED, FAILED}:
        text = "non-condition status fields must be empty when denying or failing the PodCertificateRequest"
        others = any(value for field, value in status.items() if field != "conditions")
        return [invalid_value("status", OMITTED, text)] if others else []
    if ISSUED in answer:
        return _validate_issued(status, old["spec"], datetime.now(UTC))
    text = 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"'
    return [] if status == before else [invalid_value("status", OMITTED, text)]


def _condition_errors(conditions: Iterable[Obj]) -> Iterable[FieldError]:
    known = 0
    for index, condition in enumerate(conditions):
        at, kind, status = f"status.conditions.[{index}]", condition.get("type", ""), condition.get("status", "")
        if kind not in KINDS:
            yield not_supported(f"{at}.type", kind, KINDS)
            continue
        known += 1
        if known > 1:
            text = 'There may be at most one condition with type "Issued", "Denied", or "Failed"'
            yield invalid_value(f"{at}.type", kind, text)
        if status != "True":
            yield not_supported(f"{at}.status", status, ("True",))


def _validate_issued(status: Obj, spec: Obj, now: datetime) -> list[FieldError]:
    chain = status.get("certificateChain") or ""
    if len(chain.encode()) > _CHAIN_MAX:
        return [too_long(_CHAIN, _CHAIN_MAX)]
    blocks = keys.blocks(chain)
    if not blocks:
        return [invalid_value(_CHAIN, chain, "issued certificate chain must contain at least one certificate")]
    for index, (kind, block) in enumerate(blocks):
        if kind != "CERTIFICATE":
            text = "issued certificate chain must consist entirely of CERTIFICATE PEM blocks"
            return [invalid_value(_CHAIN, chain, text)]
        if keys.certificate(block) is None:
            which = "intermediate" if index else "leaf"
            return [invalid_value(_CHAIN, chain, f"{which} certificate does not parse as valid X.509")]
    leaf = keys.certificate(blocks[0][1])
    assert leaf is not None
    errors = [*_name_errors(*keys.alternative_names(leaf))]
    if not keys.same_key(_key(spec), leaf.public_key()):
        text = "leaf certificate was not issued to the requested public key"
        return [*errors, invalid_value(_CHAIN, chain, text)]
    lifetime = (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
    return errors or _time_errors(status, lifetime, spec["maxExpirationSeconds"], now)


def _name_errors(hosts: Iterable[str], addresses: Iterable[str]) -> Iterable[FieldError]:
    for host in hosts:
        if not host:
            yield invalid_value(_CHAIN, host, "leaf certificate should not contain empty DNSName")
        if ".." in host:
            yield invalid_value(_CHAIN, host, "leaf certificate's DNSName should not contain '..'")
        if host.startswith(".") or host.endswith("."):
            yield invalid_value(_CHAIN, host, "leaf certificate's DNSName should not start or end with '.'")
    for address in addresses:
        if "@" not in parseaddr(address)[1]:
            yield invalid_value(_CHAIN, address, "leaf certificate should not contain invalid EmailAddress")


def _time_errors(status: Obj, lifetime: tuple[datetime, datetime], longest: int, now: datetime) -> list[FieldError]:
    consistent = "must be present and consistent with the issued certificate"
    margins = "must be present and in the range [notbefore+10min, notafter-10min]"
    wanted = ((_BEFORE, consistent), (_AFTER, consistent), (_REFRESH, margins))
    times = {path: status.get(path.removeprefix("status.")) for path, _ in wanted}
    if missing := [required(path, text) for path, text in wanted if not times[path]]:
        return missing
    before, after, refresh = (parse_time(str(times[path])) for path, _ in wanted)
    length = lifetime[1] - lifetime[0]
    nanoseconds = int(length.total_seconds()) * 10**9
    in_certificate = "must be set to the {} time encoded in the leaf certificate"
    near = "must be set to within 5 minutes of kube-apiserver's current time"
    at_most = f"leaf certificate lifetime must be <= spec.maxExpirationSeconds ({longest})"
    checks: list[tuple[bool, str, Any, str]] = [
        (before == lifetime[0], _BEFORE, times[_BEFORE], in_certificate.format("NotBefore")),
        (abs(before - now) < _SKEW, _BEFORE, times[_BEFORE], near),
        (after == lifetime[1], _AFTER, times[_AFTER], in_certificate.format("NotAfter")),
        (length >= _HOUR, _CHAIN, nanoseconds, "leaf certificate lifetime must be >= 1 hour"),
        (length <= timedelta(seconds=longest), _CHAIN, nanoseconds, at_most),
        (refresh >= before + _MARGIN, _REFRESH, times[_REFRESH], "must be at least 10 minutes after status.notBefore"),
        (refresh <= after - _MARGIN, _REFRESH, times[_REFRESH], "must be at least 10 minutes before status.notAfter"),
    ]
    return next(([invalid_value(path, value, text)] for fine, path, value, text in checks if not fine), [])
