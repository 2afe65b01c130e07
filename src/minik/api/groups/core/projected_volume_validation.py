"""Validation of projected volumes, which gather secrets, configMaps, tokens and certificates under one path.

Rules: https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.downward_api_validation import validate_downward_file
from minik.api.groups.core.path_validation import validate_key_to_path, validate_mode, validate_non_reserved
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_KEY_TYPES = ("ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096")
_CONFLICT = "conflicting duplicate paths"
_SECONDS_MIN, _SECONDS_MAX = 600, 1 << 32
_CERTIFICATE_SECONDS_MIN, _CERTIFICATE_SECONDS_MAX = 3600, 91 * 24 * 3600


class _Paths:
    """The files of one volume; no two sources may write the same."""

    def __init__(self, volume_path: str) -> None:
        self._volume_path = volume_path
        self._taken: set[str] = set()

    def take(self, path: str, shown: str | None = None) -> list[FieldError]:
        if path in self._taken:
            return [invalid_value(self._volume_path, path if shown is None else shown, _CONFLICT)]
        self._taken.add(path)
        return []


def _validate_keys(source: Obj, path: str, paths: _Paths) -> list[FieldError]:
    """A secret or configMap."""
    name = source.get("name", "")
    errors = [] if name else [required(f"{path}.name")]
    for index, item in enumerate(source.get("items") or ()):
        errors += validate_key_to_path(item, f"{path}.items[{index}]")
        if item.get("path"):
            errors += paths.take(item["path"], name)
    return errors


def _validate_token(token: Obj, path: str, volume_path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = token.get("expirationSeconds", 0)
    if seconds < _SECONDS_MIN:
        text = "may not specify a duration less than 10 minutes"
        errors.append(invalid_value(f"{path}.expirationSeconds", seconds, text))
    if seconds > _SECONDS_MAX:
        text = "may not specify a duration larger than 2^32 seconds"
        errors.append(invalid_value(f"{path}.expirationSeconds", seconds, text))
    if not token.get("path"):
        errors.append(required(f"{volume_path}.path"))
    else:
        errors += validate_non_reserved(token["path"], f"{volume_path}.path")
    return errors


def validate_signer_name(name: str, path: str) -> list[FieldError]:
    """`example.com/some-signer`: a DNS subdomain and a path of DNS subdomains."""
    host, slash, tail = name.partition("/")
    if not name:
        return [required(path)]
    if not slash or "/" in tail or not host or not tail:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid_value(path, name, text)]
    errors = [invalid_value(path, name, f"validating label {host!r}: {text}") for text in names.dns_subdomain(host)]
    return errors + [
        invalid_value(path, name, f"validating label {tail!r}: {text}") for text in names.dns_subdomain(tail)
    ]


def _validate_bundle_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path, "must be a valid object name")]
    signer, colon, rest = name.rpartition(":")
    complaints = names.dns_subdomain(rest)
    if not colon:
        complaints = ['ClusterTrustBundle without signer name must not have ":" in its name'] if signer else complaints
    return [invalid_value(path, name, f"not a valid clustertrustbundlename: {text}") for text in complaints]


def _validate_trust_bundle(bundle: Obj, path: str, paths: _Paths) -> list[FieldError]:
    errors: list[FieldError] = []
    name, signer, selector = bundle.get("name"), bundle.get("signerName"), bundle.get("labelSelector")
    if name is not None and signer is not None:
        shown = go_value(bundle, "ClusterTrustBundleProjection")
        errors.append(invalid_value(path, shown, "only one of name and signerName may be used"))
    elif name is not None:
        errors += _validate_bundle_name(name, f"{path}.name")
        if selector is not None:
            text = "labelSelector must be unset if name is specified"
            errors.append(invalid_value(f"{path}.labelSelector", selector, text))
    elif signer is not None:
        if not signer:
            errors.append(required(f"{path}.signerName", "must be a valid signer name"))
        errors += validate_signer_name(signer, f"{path}.signerName")
        errors += validate_label_selector(selector, f"{path}.labelSelector")
    else:
        errors.append(required(path, "either name or signerName must be specified"))
    target = bundle.get("path", "")
    if not target:
        errors.append(required(f"{path}.path"))
    errors += validate_non_reserved(target, f"{path}.path")
    return errors + paths.take(target)


def _validate_certificate(certificate: Obj, path: str, paths: _Paths) -> list[FieldError]:
    """A podCertificate (KEP-4317): one file with everything, or one each for key and chain."""
    errors = validate_signer_name(certificate.get("signerName", ""), f"{path}.signerName")
    kind = certificate.get("keyType", "")
    if kind not in _KEY_TYPES:
        errors.append(not_supported(f"{path}.keyType", kind, _KEY_TYPES))
    seconds = certificate.get("maxExpirationSeconds")
    if seconds is not None and seconds < _CERTIFICATE_SECONDS_MIN:
        text = f"if provided, maxExpirationSeconds must be >= {_CERTIFICATE_SECONDS_MIN}"
        errors.append(invalid_value(f"{path}.maxExpirationSeconds", seconds, text))
    if seconds is not None and seconds > _CERTIFICATE_SECONDS_MAX:
        text = f"if provided, maxExpirationSeconds must be <= {_CERTIFICATE_SECONDS_MAX}"
        errors.append(invalid_value(f"{path}.maxExpirationSeconds", seconds, text))
    targets = [key for key in ("credentialBundlePath", "keyPath", "certificateChainPath") if certificate.get(key)]
    if not targets:
        text = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.append(required(path, text))
    for key in targets:
        errors += validate_non_reserved(certificate[key], f"{path}.{key}") + paths.take(certificate[key])
    return errors


def _validate_source(source: Obj, path: str, volume_path: str, paths: _Paths) -> list[FieldError]:
    errors: list[FieldError] = []
    for kind in ("secret", "configMap"):
        if source.get(kind) is not None:
            errors += _validate_keys(source[kind], f"{path}.{kind}", paths)
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        errors += validate_downward_file(item, f"{path}.downwardAPI")
        if item.get("path"):
            errors += paths.take(item["path"])
    if source.get("serviceAccountToken") is not None:
        errors += _validate_token(source["serviceAccountToken"], f"{path}.serviceAccountToken", volume_path)
    if source.get("clusterTrustBundle") is not None:
        errors += _validate_trust_bundle(source["clusterTrustBundle"], f"{path}.clusterTrustBundle", paths)
    if source.get("podCertificate") is not None:
        errors += _validate_certificate(source["podCertificate"], f"{path}.podCertificate", paths)
    if sum(value is not None for value in source.values()) > 1:
        errors.append(forbidden(path, "may not specify more than 1 volume type per source"))
    return errors


def validate_projected(volume: Obj, path: str) -> list[FieldError]:
    errors = validate_mode(volume, "defaultMode", path)
    paths = _Paths(path)
    sources: Sequence[Obj] = volume.get("sources") or ()
    for index, source in enumerate(sources):
        errors += _validate_source(source, f"{path}.sources[{index}]", path, paths)
    return errors
