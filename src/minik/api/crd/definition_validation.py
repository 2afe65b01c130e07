"""Validation of CustomResourceDefinitions themselves, in upstream's order.

What all versions have alike upstream keeps once (spec.validation, spec.subresources, ...), and so its complaints say.
Upstream: apiextensions-apiserver's apis/apiextensions/validation.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from minik.api import names
from minik.api.crd import definition as crd
from minik.api.crd import go_form
from minik.api.crd.conversion_validation import speaks, validate_conversion
from minik.api.crd.names import APPROVED, approval_of, is_protected
from minik.api.crd.schema_definition_validation import has_defaults, validate_schema
from minik.api.crd.version_validation import columns_errors, selectable_errors, subresources_errors
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required
from minik.api.webhook_client_validation import ca_bundle_complaint

_WARNING_LENGTH = 256


def validate_definition(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    wanted = f"{spec.get('names', {}).get('plural', '')}.{spec.get('group', '')}"
    errors: list[FieldError] = []
    for key in ("generateName", "name"):
        name = obj["metadata"].get(key, "")
        if name and name != wanted:
            errors.append(invalid_value(f"metadata.{key}", name, 'must be spec.names.plural+"."+spec.group'))
    errors += _spec_errors(spec)
    errors += validate_definition_status(obj)
    errors += _stored_errors(obj)
    errors += _approval_errors(obj, None)
    return errors + _preserve_errors(obj, None)


def validate_definition_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    established = crd.holds(old, crd.ESTABLISHED)
    errors = _spec_errors(spec, before, established=established)
    if established:
        errors += _immutable(spec, before, "scope")
        errors += _immutable(spec, before, "names", "kind")
    errors += _immutable(spec, before, "group")
    errors += _immutable(spec, before, "names", "plural")
    errors += validate_definition_status(new)
    errors += _stored_errors(new)
    errors += _approval_errors(new, old)
    return errors + _preserve_errors(new, old)


def validate_definition_status(obj: Obj) -> list[FieldError]:
    return _names_errors((obj.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


def _stored_errors(obj: Obj) -> list[FieldError]:
    path, stored = "status.storedVersions", (obj.get("status") or {}).get("storedVersions") or None
    if not stored:
        return [invalid_value(path, stored, "must have at least one stored version")]
    errors: list[FieldError] = []
    for version in crd.versions(obj):
        if version.get("storage") and version["name"] not in stored:
            errors.append(invalid_value(path, stored, f"must have the storage version {version['name']}"))
    known = {version.get("name", "") for version in crd.versions(obj)}
    for index, name in enumerate(stored):
        if name not in known:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            errors.append(invalid_value(f"{path}[{index}]", name, text))
    return errors


def _immutable(new: Obj, old: Obj, *path: str) -> list[FieldError]:
    one: Any = new
    other: Any = old
    for key in path:
        one, other = (one or {}).get(key, ""), (other or {}).get(key, "")
    return [] if one == other else [invalid_value(f"spec.{'.'.join(path)}", one, "field is immutable")]


def _approval_errors(obj: Obj, old: Obj | None) -> list[FieldError]:
    if not is_protected(obj["spec"].get("group", "")):
        return []
    state, message = approval_of(obj)
    if old is not None and approval_of(old)[0] == state:
        return []
    path = f"metadata.annotations[{APPROVED}]"
    if state == "Missing":
        return [required(path, message)]
    if state == "Invalid":
        return [invalid_value(path, obj["metadata"]["annotations"][APPROVED], message)]
    return []


def _preserve_errors(obj: Obj, old: Obj | None) -> list[FieldError]:
    if not obj["spec"].get("preserveUnknownFields") or (old is not None and old["spec"].get("preserveUnknownFields")):
        return []
    text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid_value("spec.preserveUnknownFields", True, text)]


# -- spec


def _spec_errors(spec: Obj, old: Obj | None = None, *, established: bool = False) -> list[FieldError]:
    errors = _group_errors(spec.get("group", "")) + _choice("spec.scope", spec.get("scope"), ("Cluster", "Namespaced"))
    versions: Sequence[Obj] = spec.get("versions") or ()
    errors += _missing_schemas(versions, old)
    if spec.get("preserveUnknownFields") and any(has_defaults(crd.schema_of(version)) for version in versions):
        text = "must be false in order to use defaults in the schema"
        errors.append(invalid_value("spec.preserveUnknownFields", True, text))
    shared = _Shared(versions)
    known = {_key(version) for version in (old or {}).get("versions") or ()}
    for index, version in enumerate(versions):
        errors += _version_errors(version, f"spec.versions[{index}]", shared, fresh=_key(version) not in known)
    listed = [version.get("name") for version in versions]
    if len(set(listed)) < len(listed):
        errors.append(invalid_value("spec.versions", go_form.versions(versions), "must contain unique version names"))
    if sum(1 for version in versions if version.get("storage")) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(invalid_value("spec.versions", go_form.versions(versions), text))
    for name in ("plural", "singular", "kind", "listKind"):
        if not (spec.get("names") or {}).get(name):
            errors.append(required(f"spec.names.{name}"))
    errors += _names_errors(spec.get("names") or {}, "spec.names")
    if versions:
        errors += _shared_errors(versions, shared, fresh=_key(versions[0]) not in known)
    conversion = spec.get("conversion") or {}
    if spec.get("preserveUnknownFields") and conversion.get("strategy", "None") != "None":
        text = "must be None if spec.preserveUnknownFields is true"
        errors.append(invalid_value("spec.conversion.strategy", conversion["strategy"], text))
    before = ((old or {}).get("conversion") or {}).get("webhook") or {}
    reviews, bundle = before.get("conversionReviewVersions") or (), (before.get("clientConfig") or {}).get("caBundle")
    strict = established and not ca_bundle_complaint(bundle or "")
    return errors + validate_conversion(
        conversion, "spec.conversion", recognized=not reviews or speaks(reviews), strict=strict
    )


def _missing_schemas(versions: Sequence[Obj], old: Obj | None) -> list[FieldError]:
    """Every version has a schema; where some had none before, only those that are served."""
    before = (old or {}).get("versions") or ()
    lax = any(not crd.schema_of(version) for version in before)
    return [
        required(
            f"spec.versions[{index}].schema.openAPIV3Schema",
            "because otherwise all fields are pruned" if lax else "",
        )
        for index, version in enumerate(versions)
        if crd.schema_of(version) is None and (version.get("served") or not lax)
    ]


def _shared_errors(versions: Sequence[Obj], shared: "_Shared", *, fresh: bool) -> list[FieldError]:
    """Complaints about what all versions have alike."""
    first, errors = versions[0], []
    if shared.schema:
        path, status = "spec.validation.openAPIV3Schema", any("status" in crd.subresources_of(v) for v in versions)
        errors += validate_schema(crd.schema_of(first), path, status=status, fresh=fresh)
    if shared.subresources:
        errors += subresources_errors(crd.subresources_of(first), "spec.subresources")
    if shared.columns:
        errors += columns_errors(first.get("additionalPrinterColumns"), "spec.additionalPrinterColumns")
    if shared.selectable:
        text = "may only be set when validations.schema is included"
        schema = crd.schema_of(first) if shared.schema else None
        errors += selectable_errors(first.get("selectableFields"), schema, "spec.selectableFields", text)
    return errors


def _key(version: Obj) -> str:
    """What makes a version's schema the one that was accepted before."""
    return orjson.dumps([version.get("name"), crd.schema_of(version)], option=orjson.OPT_SORT_KEYS).decode()


class _Shared:
    """What all versions have alike."""

    def __init__(self, versions: Sequence[Obj]) -> None:
        def alike(key: str) -> bool:
            return all(version.get(key) == versions[0].get(key) for version in versions)

        self.schema = alike("schema")
        self.subresources = alike("subresources")
        self.columns = alike("additionalPrinterColumns")
        self.selectable = alike("selectableFields")


def _group_errors(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    complaints = names.dns_subdomain(group)
    if complaints:
        return [invalid_value("spec.group", group, ",".join(complaints))]
    if "." not in group:
        return [invalid_value("spec.group", group, "should be a domain with at least one dot")]
    return []


def _choice(path: str, value: Any, accepted: Sequence[str]) -> list[FieldError]:
    if not value:
        return [required(path)]
    return [] if value in accepted else [not_supported(path, value, accepted)]


def _names_errors(given: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []

    def label(value: str, where: str, shown: str | None = None, prefix: str = "") -> None:
        complaints = names.dns_1035_label(value)
        if complaints:
            errors.append(invalid_value(where, shown or value, prefix + ",".join(complaints)))

    for key in ("plural", "singular"):
        if given.get(key):
            label(given[key], f"{path}.{key}")
    mixed = "may have mixed case, but should otherwise match: "
    for key in ("kind", "listKind"):
        if given.get(key):
            label(given[key].lower(), f"{path}.{key}", given[key], mixed)
    for index, name in enumerate(given.get("shortNames") or ()):
        label(name, f"{path}.shortNames[{index}]")
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        errors.append(invalid_value(f"{path}.listKind", given["listKind"], "kind and listKind may not be the same"))
    for index, name in enumerate(given.get("categories") or ()):
        label(name, f"{path}.categories[{index}]")
    return errors


# -- versions


def _version_errors(version: Obj, path: str, shared: _Shared, *, fresh: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name = version.get("name", "")
    complaints = names.dns_1035_label(name)
    if complaints:
        errors.append(invalid_value(f"{path}.name", name, ",".join(complaints)))
    errors += _deprecation_errors(version, f"{path}.deprecationWarning")
    status = "status" in crd.subresources_of(version)
    if not shared.schema:
        where = f"{path}.schema.openAPIV3Schema"
        errors += validate_schema(crd.schema_of(version), where, status=status, fresh=fresh)
    if not shared.subresources:
        errors += subresources_errors(crd.subresources_of(version), f"{path}.subresources")
    if not shared.columns:
        errors += columns_errors(version.get("additionalPrinterColumns"), f"{path}.additionalPrinterColumns")
    if not shared.selectable:
        text = "may only be set when `version.schema.openAPIV3Schema` is not included"  # upstream's slip
        schema = None if shared.schema else crd.schema_of(version)
        errors += selectable_errors(version.get("selectableFields"), schema, f"{path}.selectableFields", text)
    return errors


def _deprecation_errors(version: Obj, path: str) -> list[FieldError]:
    warning = version.get("deprecationWarning")
    if warning is None:
        return []
    if not version.get("deprecated"):
        return [invalid_value(path, warning, "can only be set for deprecated versions")]
    errors: list[FieldError] = []
    if len(warning.encode()) > _WARNING_LENGTH:
        errors.append(invalid_value(path, warning, f"must be <= {_WARNING_LENGTH} characters long"))
    if not warning:
        errors.append(invalid_value(path, warning, "must not be an empty string"))
    odd = next((index for index, char in enumerate(warning) if not _is_printable(char)), None)
    if odd is not None:
        at = len(warning[:odd].encode())
        text = f"must only contain printable UTF-8 characters; non-printable character found at index {at}"
        errors.append(invalid_value(path, warning, text))
    return errors


def _is_printable(char: str) -> bool:
    """As Go's unicode.IsPrint: the only space is the ASCII one."""
    return char == " " or (char.isprintable() and not char.isspace())
